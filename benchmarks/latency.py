"""`latency`: how long single calls hold up a loop that does other work between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter_ns

from benchmarks.recorder import METRIC, VALUE, Log, Peer
from benchmarks.rounds import Measure, Plan, Samples, alternate, recording
from benchmarks.work import Work, python_work


def _take(peers: Sequence[Peer], plan: Plan, root: Path) -> Samples:
    once = partial(_once, work=python_work(20_000), events=plan.latency_events, root=root)
    return alternate([peer for peer in peers if peer.keeps], plan.rounds, once)


def _once(peer: Peer, *, work: Work, events: int, root: Path) -> Mapping[str, float]:
    with recording(peer, root) as recorder:
        taken = sorted(_time_calls(recorder.log, work, events))
    return {
        "p50": taken[events // 2] / 1000,
        "p99": taken[events * 99 // 100] / 1000,
        "p99.9": taken[events * 999 // 1000] / 1000,
        "max": taken[-1] / 1000,
    }


def _time_calls(log: Log, work: Work, events: int) -> list[int]:
    clock = perf_counter_ns
    taken = [0] * events
    for index in range(events):
        work()
        start = clock()
        log(METRIC, VALUE, {"layer_idx": index, "head": 3})
        taken[index] = clock() - start
    return taken


MEASURE = Measure(
    "latency", "one call's time with 20 µs of Python between calls", "µs", "floor", _take
)
