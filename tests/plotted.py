"""Logs to draw, and the numbers of their marks."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from micrometric.event import format_timestamp
from micrometric.manifest import Manifest, write_manifest
from micrometric.registry import Metric
from micrometric.segment import manifest_name

SAMPLES = Path(__file__).parents[1] / "sample_logs"
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
Told = tuple[str, Any, dict[str, Any]]


def logs(directory: Path, events: Iterable[Told], units: dict[str, str] | None = None) -> Path:
    """Write events, a tenth of a second apart, each a metric, a value and metadata."""
    directory.mkdir(exist_ok=True)
    lines = [
        json.dumps(
            {
                "timestamp": format_timestamp(START + timedelta(seconds=place / 10)),
                "metric": metric,
                "value": value,
                "metadata": metadata,
                "location": "pkg.main",
            }
        )
        for place, (metric, value, metadata) in enumerate(events)
    ]
    (directory / "micro_metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    metrics = {name: Metric("float", unit) for name, unit in (units or {}).items()}
    write_manifest(directory / manifest_name("20261123T080000000000Z-host-4711"), Manifest(metrics))
    return directory


def steps(metric: str, values: Iterable[Any], **metadata: Any) -> list[Told]:
    """An event a step."""
    return [(metric, value, {"step": step, **metadata}) for step, value in enumerate(values)]
