"""What following a log costs, beside `tail -F` and `jq`: `python -m benchmarks.follow`.

- `latency`: an event is appended every 20 to 50 ms; the time from the write to its line in a pipe.
- `flood`: a process appends 200 events a millisecond; how many lines are lacking in the end, how
  many arrived per second, and how long after the last write the last one did.
- `print`: seconds to print a log from its start to a pipe.
- `idle`: processor time in % of one core while nothing comes, with 1 file and with 200.
- `last`: wall time and peak memory to show the last 10 events of a big log.
- `start`: milliseconds that commands take which have next to nothing to do.

Contenders alternate in rounds, as they do in `python -m benchmarks`.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.bursts import lines, write_log
from benchmarks.children import Following, append, can_tell_time, following, run_counted, run_timed
from benchmarks.command import command_line, measure_all
from benchmarks.peers import open_micrometric
from benchmarks.readers import (
    FOLLOWERS,
    FOLLOWING,
    IMPORT,
    POLLING,
    PRINTERS,
    SHOW_LAST,
    STARTERS,
    TAIL,
    Reader,
)
from benchmarks.recorder import METRIC, VALUE
from benchmarks.rounds import EventsDifferError, Samples, alternate

_GIVE_UP = 20.0
"""Seconds without an arrival after which what lacks counts as lost."""


@dataclass(frozen=True, slots=True)
class FollowPlan:
    """How much is measured."""

    rounds: int
    latency_events: int
    flood_seconds: float
    printed: int
    idle_seconds: float
    files: int
    big_bytes: int
    starts: int


FULL = FollowPlan(3, 200, 5.0, 1_000_000, 10.0, 200, 10**9, 10)
QUICK = FollowPlan(1, 60, 1.0, 100_000, 3.0, 200, 10**8, 5)


@dataclass(frozen=True, slots=True)
class FollowMeasure:
    """One question about reading, told in tables like those about recording."""

    name: str
    title: str
    unit: str
    baseline: str | None
    readers: Sequence[Reader]
    take: Callable[[Sequence[Reader], FollowPlan, Path], Samples]


def _alternate(
    readers: Sequence[Reader], plan: FollowPlan, once: Callable[[Reader], Mapping[str, float]]
) -> Samples:
    return alternate(readers, plan.rounds, once)


def _latency(readers: Sequence[Reader], plan: FollowPlan, root: Path) -> Samples:
    return _alternate(readers, plan, partial(_latency_once, events=plan.latency_events, root=root))


def _latency_once(reader: Reader, *, events: int, root: Path) -> Mapping[str, float]:
    path = root / "latency.jsonl"
    path.write_bytes(lines(1))
    with following(reader.command([path])) as follower:
        follower.wait_until_ready(path)
        taken = sorted(_arrival(follower, path) for _ in range(events))
    return {"p50": taken[events // 2], "p95": taken[events * 95 // 100]}


def _arrival(follower: Following, path: Path) -> float:
    time.sleep(random.uniform(0.02, 0.05))  # Not in step with a reader that polls.
    start = time.perf_counter()
    append(path)
    follower.wait_for_line()
    return (time.perf_counter() - start) * 1000


def _flood(readers: Sequence[Reader], plan: FollowPlan, root: Path) -> Samples:
    return _alternate(readers, plan, partial(_flood_once, seconds=plan.flood_seconds, root=root))


def _flood_once(reader: Reader, *, seconds: float, root: Path) -> Mapping[str, float]:
    rates = (150_000, 200_000) if reader.name == "coloured" else (200_000,)
    return {
        f"{rate // 1000}k/s: {figure}": taken
        for rate in rates
        for figure, taken in _flood_at(reader, rate, seconds, root)
    }


def _flood_at(reader: Reader, rate: int, seconds: float, root: Path) -> Iterator[tuple[str, float]]:
    path = root / "flood.jsonl"
    path.write_bytes(lines(1))
    with following(reader.command([path])) as follower:
        follower.wait_until_ready(path)
        start = time.monotonic()
        writer = [sys.executable, "-m", "benchmarks.bursts", str(path), str(rate), str(seconds)]
        with subprocess.Popen(writer, stdout=subprocess.PIPE) as process:
            expected = round(seconds * 1000) * (rate // 1000)
            count, last = _count(follower, expected)
            told = process.communicate()[0].split()
    taken = last - int(told[1]) / 1e9 + seconds
    yield "lacking", expected - count
    yield "arrived/s", count / max(taken, 1e-3)
    yield "lag ms", max(0.0, last - max(start, int(told[1]) / 1e9)) * 1000


def _count(follower: Following, expected: int) -> tuple[int, float]:
    """Return how many lines came, and the monotonic time of the last."""
    count, last = 0, time.monotonic()
    while count < expected:
        arrived = follower.arrived(1.0)
        if arrived:
            count, last = count + arrived, time.monotonic()
        elif time.monotonic() - last > _GIVE_UP:
            break
    return count, last


def _print(readers: Sequence[Reader], plan: FollowPlan, root: Path) -> Samples:
    path = root / "print.jsonl"
    write_log(path, plan.printed)
    return _alternate(readers, plan, partial(_print_once, path=path, expected=plan.printed))


def _print_once(reader: Reader, *, path: Path, expected: int) -> Mapping[str, float]:
    seconds, count = run_counted(reader.command([path]))
    if count != expected:
        raise EventsDifferError(f"{reader.name} was to print {expected} lines, printed {count}")
    return {f"{expected:,} lines": seconds}


def _idle(readers: Sequence[Reader], plan: FollowPlan, root: Path) -> Samples:
    return _alternate(readers, plan, partial(_idle_once, plan=plan, root=root))


def _idle_once(reader: Reader, *, plan: FollowPlan, root: Path) -> Mapping[str, float]:
    return {
        f"{count} file{'s' if count > 1 else ''}": _idle_with(reader, count, plan, root)
        for count in (1, plan.files)
    }


def _idle_with(reader: Reader, count: int, plan: FollowPlan, root: Path) -> float:
    paths = [root / f"idle-{number}.jsonl" for number in range(count)]
    for path in paths:
        path.write_bytes(lines(1))
    with following(reader.command(paths)) as follower:
        follower.wait_until_ready(paths[0])
        before = follower.processor_seconds()
        time.sleep(plan.idle_seconds)
        return (follower.processor_seconds() - before) / plan.idle_seconds * 100


def _last(readers: Sequence[Reader], plan: FollowPlan, root: Path) -> Samples:
    path = root / "big.jsonl"
    if shutil.disk_usage(root).free < 2 * plan.big_bytes:
        raise EventsDifferError(f"no space for a log of {plan.big_bytes:,} bytes")
    write_log(path, plan.big_bytes // len(lines(1)))
    try:
        return _alternate(readers, plan, partial(_last_once, path=path))
    finally:
        path.unlink()


def _last_once(reader: Reader, *, path: Path) -> Mapping[str, float]:
    seconds, peak = run_timed(reader.command([path]))
    return {"wall ms": seconds * 1000, "peak MiB": peak}


def _start(readers: Sequence[Reader], plan: FollowPlan, root: Path) -> Samples:
    recorder = open_micrometric(root)
    recorder.log(METRIC, VALUE, {"layer_idx": 3})
    recorder.close()
    return alternate(readers, plan.starts, partial(_start_once, path=root))


def _start_once(reader: Reader, *, path: Path) -> Mapping[str, float]:
    return {"start": run_timed(reader.command([path]))[0] * 1000}


MEASURES = (
    FollowMeasure(
        "latency",
        "from the write to the line in a pipe",
        "ms",
        TAIL.name,
        (*FOLLOWERS, POLLING),
        _latency,
    ),
    FollowMeasure("flood", "bursts every millisecond", "", "tail -F | jq", FOLLOWERS, _flood),
    FollowMeasure("print", "a log from its start to a pipe", "s", "jq", PRINTERS, _print),
    FollowMeasure(
        "idle",
        "processor time while nothing comes",
        "%",
        None,
        (TAIL, FOLLOWING, POLLING),
        _idle,
    ),
    FollowMeasure("last", "the last 10 events of a big log", "", IMPORT.name, SHOW_LAST, _last),
    FollowMeasure(
        "start", "commands with next to nothing to do", "ms", IMPORT.name, STARTERS, _start
    ),
)


def main(arguments: Sequence[str] | None = None, plan: FollowPlan | None = None) -> int:
    """Measure and print, by the plan that the arguments name when none is given.

    Returns:
        The exit code: 1 where a reader did not show what was written.
    """
    options = command_line(
        "python -m benchmarks.follow",
        "Measure what following a log costs, beside tail -F and jq.",
        [measure.name for measure in MEASURES],
    ).parse_args(arguments)
    chosen = plan or (QUICK if options.quick else FULL)
    named = [each for each in MEASURES if not options.only or each.name in options.only]
    measures = [each for each in named if each.name != "idle" or can_tell_time()]
    left_out = _left_out(measures)
    if len(measures) < len(named):
        left_out.append("idle (no /proc/PID/stat on this system)")

    def take(measure: FollowMeasure, root: Path) -> Samples:
        present = [reader for reader in measure.readers if not reader.missing()]
        return measure.take(present, chosen, root)

    return measure_all(measures, take, chosen, left_out=left_out, target=options.json)


def _left_out(measures: Sequence[FollowMeasure]) -> list[str]:
    """Return what cannot be measured here, each once and with the reason."""
    readers = [reader for measure in measures for reader in measure.readers]
    return list(
        dict.fromkeys(f"{each.name} ({why})" for each in readers if (why := each.missing()))
    )


if __name__ == "__main__":
    sys.exit(main())
