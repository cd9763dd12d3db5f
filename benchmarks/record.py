"""`record`: what logging an event costs inside the call, and until it is in the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import sqrt
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter_ns

from benchmarks.recorder import METRIC, VALUE, Log, Peer
from benchmarks.rounds import EventsDifferError, Measure, Plan, Samples, alternate, recording


def _take(peers: Sequence[Peer], plan: Plan, root: Path) -> Samples:
    return alternate(peers, plan.rounds, partial(_once, plan=plan, root=root))


def _once(peer: Peer, *, plan: Plan, root: Path) -> Mapping[str, float]:
    events = plan.events // peer.slowness
    figures = {"hot": _hot(peer, events, root)}
    if peer.keeps:
        figures["total"] = _total(peer, events, root)
    return figures


def _hot(peer: Peer, events: int, root: Path) -> float:
    """Return the nanoseconds of the median call, building its metadata and the timer included.

    Fewer than half of the calls encode anything, so the median is of calls that do not.
    """
    with recording(peer, root) as recorder:
        return median(time_calls(recorder.log, events))


def time_calls(log: Log, events: int) -> list[int]:
    """Return the nanoseconds of each call of `log`."""
    clock = perf_counter_ns
    taken = [0] * events
    for index in range(events):
        start = clock()
        log(METRIC, VALUE, {"layer_idx": index, "head": 3})
        taken[index] = clock() - start
    return taken


def _total(peer: Peer, events: int, root: Path) -> float:
    """Return nanoseconds of wall time per event in an empty loop, closing included, without fsync.

    The number of lines is checked: a peer that loses events would be measured too fast.
    """
    with TemporaryDirectory(dir=root) as directory:
        recorder = peer.open(Path(directory))
        log = recorder.log
        start = perf_counter_ns()
        for index in range(events):
            log(METRIC, VALUE, {"layer_idx": index, "head": 3})
        recorder.close()
        taken = perf_counter_ns() - start
        check_lines(peer, events, Path(directory))
    return taken / events


def check_lines(peer: Peer, events: int, directory: Path) -> None:
    """Raise EventsDifferError unless the files hold as many lines as the peer keeps events.

    A share is allowed five standard deviations of chance.
    """
    found = count_lines(directory)
    expected = events * peer.keeps
    chance = 5 * sqrt(events * peer.keeps * (1 - peer.keeps))
    if abs(found - expected) > chance:
        raise EventsDifferError(f"{peer.name} was to write {expected:.0f} events, found {found}")


def count_lines(directory: Path) -> int:
    """Return how many lines the files of a peer hold together."""
    lines = 0
    for path in directory.glob("*.jsonl"):
        with path.open("rb") as file:
            lines += sum(part.count(b"\n") for part in iter(partial(file.read, 2**20), b""))
    return lines


MEASURE = Measure(
    "record",
    "the median call (hot), and to the bytes in the file (total)",
    "ns",
    "floor",
    _take,
)
