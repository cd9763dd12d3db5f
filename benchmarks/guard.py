"""`guard`: what asking costs whether a metric is logged, as code does around costly values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from timeit import Timer
from typing import Any

from benchmarks.original import OriginalLogger
from benchmarks.recorder import METRIC, Peer
from benchmarks.rounds import Measure, Plan, Samples, alternate, recording
from micrometric import MicroMetricLogger

_SINGLETONS: Mapping[str, Callable[[], Any]] = {
    "micrometric": MicroMetricLogger,
    "original": OriginalLogger,
}
_STATEMENTS = {
    "held logger": "logger.is_metric_enabled(metric)",
    "singleton call": "Logger()",
    "both": "Logger().is_metric_enabled(metric)",
}


def _take(peers: Sequence[Peer], plan: Plan, root: Path) -> Samples:
    asked = [peer for peer in peers if peer.name in _SINGLETONS]
    return alternate(asked, plan.rounds, partial(_once, events=plan.events, root=root))


def _once(peer: Peer, *, events: int, root: Path) -> Mapping[str, float]:
    singleton = _SINGLETONS[peer.name]
    with recording(peer, root):
        names = {"Logger": singleton, "logger": singleton(), "metric": METRIC}
        empty = _per_run("pass", names, events)
        return {
            figure: _per_run(statement, names, events) - empty
            for figure, statement in _STATEMENTS.items()
        }


def _per_run(statement: str, names: Mapping[str, Any], runs: int) -> float:
    return Timer(statement, globals=dict(names)).timeit(runs) * 1e9 / runs


MEASURE = Measure(
    "guard", "asking whether a metric is enabled, without the loop", "ns", "original", _take
)
