"""What Parquet saves, and what reading it costs: `python -m benchmarks.parquet`.

- `size`: bytes of a log of random values as lines, against its Parquet segments.
- `compact`: seconds to compact it, verification included.
- `summarize`: milliseconds of figures by metric and location from Parquet, in this process, beside
  the same query written for DuckDB by hand; `command` is the same from the shell.

Contenders alternate in rounds, as they do in `python -m benchmarks`.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.children import run_timed
from benchmarks.report import rows, table
from benchmarks.rounds import EventsDifferError, Samples, alternate
from micrometric.compaction import Compaction, compact
from micrometric.segment import closed_name
from micrometric.summary import summarize

_SESSION = "20261123T080000000000Z-r0-4711"
_QUERY = (
    "SELECT metric, location, count(value), avg(value), stddev(value), min(value), "
    "quantile_cont(value, 0.5), quantile_cont(value, 0.95), quantile_cont(value, 0.99), "
    "max(value) FROM read_parquet('{}') GROUP BY ALL ORDER BY ALL"
)
_METRICS = ("density", "output_error", "recall")


@dataclass(frozen=True, slots=True)
class _Question:
    name: str
    title: str
    unit: str
    baseline: str = "by hand"


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to the figures: a call in this process, or a program."""

    name: str
    run: Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.parquet",
        description="Measure the size of Parquet segments, and summarize beside DuckDB by hand.",
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    console = Console()
    with TemporaryDirectory(prefix="micrometric-benchmarks-") as root:
        lines = Path(root) / closed_name(_SESSION, 0)
        _write_log(lines, options.events)
        start = time.perf_counter()
        packed = _compacted(lines)
        seconds = time.perf_counter() - start
        (done,) = packed.compacted
        console.print(
            f"size: {done.bytes_before:,} bytes as lines, {done.bytes_after:,} as Parquet, "
            f"1/{done.ratio:.1f}\ncompact: {seconds:.1f} s for {done.events:,} events",
            highlight=False,
        )
        for question, samples in _measured(done.target, options.rounds).items():
            console.print(table(question, rows(question, samples)))
    return 0


def _write_log(path: Path, events: int) -> None:
    """Write events that differ in time, value and metadata, as those of a run do."""
    chance = random.Random(1)
    with path.open("w") as file:
        for number in range(events):
            moment = f"{number // 60_000 % 60:02}:{number // 1000 % 60:02}.{number % 1000:03}000"
            file.write(
                f'{{"timestamp":"2026-11-23T08:{moment}Z","metric":"{chance.choice(_METRICS)}",'
                f'"value":{chance.random()!r},"metadata":{{"step":{number // 100},"layer_idx":'
                f'{number % 12}}},"location":"experiments.sparse.Layer{number % 3}.forward"}}\n'
            )
    os.utime(path, (0, 0))  # So old that whoever wrote it has ended.


def _compacted(path: Path) -> Compaction:
    done = compact(path)
    if len(done.compacted) != 1:
        raise EventsDifferError(f"{path} was not compacted: {done}")
    return done


def _measured(path: Path, rounds: int) -> dict[_Question, Samples]:
    query = _QUERY.format(path)
    script = f"import duckdb; duckdb.sql({query!r}).show()"
    ours = [sys.executable, "-m", "micrometric_cli", "summarize", str(path)]

    def by_hand() -> object:
        import duckdb

        with duckdb.connect() as connection:
            return connection.sql(query).fetchall()

    calls = [_Way("by hand", by_hand), _Way("micrometric", lambda: summarize(path).rows)]
    programs = [
        _Way("by hand", lambda: run_timed([sys.executable, "-c", script])),
        _Way("micrometric", lambda: run_timed(ours)),
    ]
    for way in calls:
        way.run()  # What is imported at the first call is not measured.
    return {
        _Question("summarize", "figures of Parquet", "ms"): alternate(calls, rounds, _once),
        _Question("command", "the same from the shell", "ms"): alternate(programs, rounds, _once),
    }


def _once(way: _Way) -> Mapping[str, float]:
    start = time.perf_counter()
    way.run()
    return {"wall": (time.perf_counter() - start) * 1000}


if __name__ == "__main__":
    sys.exit(main())
