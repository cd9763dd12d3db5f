"""`loops`: the wall time that a loop with work in it gains by the events logged there.

Blocks of the loop with and without events alternate, each of about as many events as the floor
keeps before it writes; the figure is the difference of the medians of their times. Without that
the noise of the work drowns the events. Opening and closing are outside: a loop worth measuring is
longer than any buffer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter_ns

from benchmarks.handmade import FLUSH_EVERY
from benchmarks.recorder import METRIC, VALUE, Log, Peer
from benchmarks.rounds import Measure, Plan, Samples, alternate, recording
from benchmarks.work import Work, matrix_work, python_work


@dataclass(frozen=True, slots=True)
class _Loop:
    name: str
    work: Work
    calls: int
    """Events that are logged after each piece of work, together."""


def _take(peers: Sequence[Peer], plan: Plan, root: Path) -> Samples:
    loops = [_Loop("20 µs Python", python_work(20_000), 1)]
    if has_numpy():
        loops.append(_Loop("1 ms numpy", matrix_work(1_000_000), 32))
    writers = [peer for peer in peers if peer.keeps]
    once = partial(_once, loops=loops, blocks=plan.loop_blocks, root=root)
    return alternate(writers, plan.rounds, once)


def has_numpy() -> bool:
    """Say whether the loop with numpy can be measured."""
    return find_spec("numpy") is not None


def _once(peer: Peer, *, loops: list[_Loop], blocks: int, root: Path) -> Mapping[str, float]:
    return {loop.name: _added(peer, loop, blocks, root) for loop in loops}


def _added(peer: Peer, loop: _Loop, blocks: int, root: Path) -> float:
    """Return the nanoseconds that one event adds."""
    turns = FLUSH_EVERY // loop.calls
    plain, logging = [], []
    with recording(peer, root) as recorder:
        _run(recorder.log, loop.work, 1, loop.calls)  # The first event opens files.
        for _ in range(blocks):
            plain.append(_run(recorder.log, loop.work, turns, 0))
            logging.append(_run(recorder.log, loop.work, turns, loop.calls))
    return (median(logging) - median(plain)) / (turns * loop.calls)


def _run(log: Log, work: Work, turns: int, calls: int) -> int:
    start = perf_counter_ns()
    for turn in range(turns):
        work()
        for head in range(calls):
            log(METRIC, VALUE, {"layer_idx": turn, "head": head})
    return perf_counter_ns() - start


MEASURE = Measure(
    "loops",
    "what an event adds to a loop of Python, and 32 after numpy",
    "ns",
    "floor",
    _take,
)
