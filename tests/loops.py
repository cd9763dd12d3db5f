"""A loop in the test's own process: the metrics it logs, and what it has written."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

from micrometric import MicroMetricLogger


def register(*identifiers: str) -> None:
    """Register metrics of floats."""
    for identifier in identifiers:
        MicroMetricLogger.register_metric(identifier, float)


def written(logs: Path) -> list[float]:
    """Return the values in the plain segment, of whole lines: a thread may be writing the next."""
    segment = logs / "micro_metrics.jsonl"
    if not segment.exists():
        return []
    lines = segment.read_text().splitlines(keepends=True)
    return [json.loads(line)["value"] for line in lines if line.endswith("\n")]


def run_threads(work: Callable[[], object], count: int) -> None:
    """Do some work in so many threads at once, to the end."""
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
