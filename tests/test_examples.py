"""The example runs, does real work, and `sample_logs/` holds what it logs."""

import json
import os
import subprocess
import sys
from pathlib import Path

from micrometric import iter_events, summarize
from micrometric.finder import find
from micrometric.sources import scan_sources

EXAMPLE = Path("examples/topk_attention.py")
SAMPLE = Path("sample_logs/topk_attention")


def test_the_sample_is_what_the_example_logs(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, EXAMPLE, "--log-path", tmp_path / "topk_attention"]
    subprocess.run(command, env=environment, check=True)

    def told(path: Path) -> list[object]:
        return [
            (event.metric, event.metadata, event.location, _digits(event))
            for event in iter_events(path)
        ]

    assert told(tmp_path) == told(SAMPLE)


def _digits(event) -> object:
    """The value, but for times, and without the last digits, which differ between machines."""
    return None if event.metric == "latency_s" else json.dumps(event.value)[:6]


def test_more_keys_give_better_attention(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    for top_k in (4, 64):
        path = tmp_path / f"top_k={top_k}"
        options = ["--log-path", path, "--top-k", str(top_k), "--steps", "3"]
        subprocess.run([sys.executable, EXAMPLE, *options], env=environment, check=True)

    rows = {(row["metric"], row["top_k"]): row["mean"] for row in summarize(tmp_path, by="top_k")}

    assert rows["density", 4] == 4 / 256
    assert rows["density", 64] == 64 / 256
    assert rows["output_error", 4] > rows["output_error", 64]
    assert rows["recall", 4] < rows["recall", 64]


def test_its_registrations_are_found_without_running_it() -> None:
    registered = find(SAMPLE).metrics()

    scanned = scan_sources(EXAMPLE).metrics

    assert {name: (m.dtype, m.unit, m.dims) for name, m in scanned.items()} == {
        name: (m.dtype, m.unit, m.dims) for name, m in registered.items()
    }


def test_the_samples_are_small() -> None:
    files = [path for path in Path("sample_logs").rglob("*") if path.is_file()]

    assert sum(path.stat().st_size for path in files) < 2_000_000
