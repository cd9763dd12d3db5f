"""What figures of a log cost, beside DuckDB by hand and pandas: `python -m benchmarks.summaries`.

- `lines`: figures by metric and location of a big log, whole commands from start to end.
- `small`: the same of a log of a few events, beside the imports that it needs.
- `scale`: ten times the events; seconds for a million events, and peak memory.
- `keys`: grouping by three metadata keys beside one, in this process.
- `files`: many small files beside one of the same size, in this process.
- `where`: a condition that selects one event in a hundred beside none, in this process.

Contenders alternate in rounds, as they do in `python -m benchmarks`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import run_timed
from benchmarks.ways import Way, WayMeasure, ask
from micrometric.segment import closed_name
from micrometric.summary import summarize

_OURS = (sys.executable, "-m", "micrometric_cli", "summarize")
_BY_HAND = (
    'import duckdb; print(duckdb.sql("SELECT metric, location, count(value), avg(value), '
    "stddev(value), min(value), quantile_cont(value, 0.5), quantile_cont(value, 0.95), "
    "quantile_cont(value, 0.99), max(value) FROM read_json('{}', format='newline_delimited', "
    "columns={{timestamp: 'VARCHAR', metric: 'VARCHAR', value: 'DOUBLE', metadata: 'JSON', "
    "location: 'VARCHAR'}}) GROUP BY ALL ORDER BY ALL\").fetchall())"
)
_PANDAS = (
    "import pandas as pd; f = pd.read_json('{}', lines=True); "
    "print(f.groupby(['metric', 'location'])['value'].describe(percentiles=[.5, .95, .99]))"
)
_IMPORTS = "import duckdb, narwhals, msgspec, typer, rich.table"
_SMALL = 100
_METRICS = ("density", "output_error", "recall")
_KINDS = ("causal", "local")


@dataclass(frozen=True, slots=True)
class SummaryPlan:
    """How much is measured."""

    rounds: int
    events: int
    files: int


FULL = SummaryPlan(5, 1_000_000, 500)
QUICK = SummaryPlan(2, 50_000, 50)


def _command(*command: str, events: int | None = None) -> Callable[[], Mapping[str, float]]:
    def take() -> Mapping[str, float]:
        seconds, peak = run_timed(command)
        if events is None:
            return {"wall s": seconds, "peak MiB": peak}
        return {"wall s a million": seconds * 1e6 / events, "peak MiB": peak}

    return take


def _call(paths: Sequence[Path], by: str, where: str | None = None) -> Mapping[str, float]:
    start = time.perf_counter()
    summarize(paths, by, where=where)
    return {"wall s": time.perf_counter() - start}


def _lines(plan: SummaryPlan, root: Path) -> Sequence[Way]:
    path = make_log(root, plan.events)
    return [
        Way("by hand", _command(sys.executable, "-c", _BY_HAND.format(path))),
        Way("micrometric", _command(*_OURS, str(path))),
        Way("pandas", _command(sys.executable, "-c", _PANDAS.format(path))),
    ]


def _small(_: SummaryPlan, root: Path) -> Sequence[Way]:
    path = make_log(root, _SMALL)
    return [
        Way("imports", _command(sys.executable, "-c", _IMPORTS)),
        Way("micrometric", _command(*_OURS, str(path))),
        Way("pandas", _command(sys.executable, "-c", _PANDAS.format(path))),
    ]


def _scale(plan: SummaryPlan, root: Path) -> Sequence[Way]:
    sizes = [plan.events, 10 * plan.events]
    return [
        Way(f"{size:,}", _command(*_OURS, str(make_log(root / str(size), size)), events=size))
        for size in sizes
    ]


def _keys(plan: SummaryPlan, root: Path) -> Sequence[Way]:
    path = make_log(root, plan.events)
    return [
        Way("one key", lambda: _call([path], "layer_idx")),
        Way("three keys", lambda: _call([path], "layer_idx,head,kind")),
    ]


def _files(plan: SummaryPlan, root: Path) -> Sequence[Way]:
    one = make_log(root / "one", plan.events)
    many = [
        make_log(root / "many" / f"run{number}", plan.events // plan.files)
        for number in range(plan.files)
    ]
    return [
        Way("one file", lambda: _call([one], "layer_idx")),
        Way(f"{plan.files} files", lambda: _call(many, "layer_idx")),
    ]


def _where(plan: SummaryPlan, root: Path) -> Sequence[Way]:
    path = make_log(root, plan.events)
    return [
        Way("none", lambda: _call([path], "layer_idx")),
        Way("1 %", lambda: _call([path], "layer_idx", "step == 0")),
    ]


def make_log(root: Path, events: int) -> Path:
    """Write a segment of events that differ in time, value and metadata; return its path."""
    root.mkdir(parents=True, exist_ok=True)
    path = root / closed_name("20261123T080000000000Z-r0-4711", 0)
    chance = random.Random(1)
    with path.open("w") as file:
        for number in range(events):
            moment = f"{number // 60_000 % 60:02}:{number // 1000 % 60:02}.{number % 1000:03}000"
            file.write(
                f'{{"timestamp":"2026-11-23T08:{moment}Z","metric":"{_METRICS[number % 3]}",'
                f'"value":{chance.random()!r},"metadata":{{"step":{number % 100},"layer_idx":'
                f'{number % 12},"head":{number % 8},"kind":"{_KINDS[number % 2]}"}},'
                f'"location":"experiments.sparse.attention.Layer{number % 3}.forward"}}\n'
            )
    return path


MEASURES = (
    WayMeasure("lines", "figures of a big log", "", "by hand", _lines),
    WayMeasure("small", "figures of a small log", "", "imports", _small),
    WayMeasure("scale", "ten times the events", "", None, _scale),
    WayMeasure("keys", "metadata keys to group by", "", "one key", _keys),
    WayMeasure("files", "many files of the same size in all", "", "one file", _files),
    WayMeasure("where", "a condition that selects few events", "", "none", _where),
)


def main(arguments: Sequence[str] | None = None, plan: SummaryPlan | None = None) -> int:
    """Measure and print; return the exit code."""
    return ask(
        MEASURES,
        arguments,
        plan=plan,
        plans=(FULL, QUICK),
        program="python -m benchmarks.summaries",
        description="Measure what figures of a log cost, beside DuckDB by hand and pandas.",
    )


if __name__ == "__main__":
    sys.exit(main())
