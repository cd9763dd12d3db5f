"""`threads`: the same events logged by more threads, each found in the files exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter_ns

from benchmarks.peers import open_micrometric
from benchmarks.recorder import METRIC, VALUE, Log, Peer
from benchmarks.rounds import EventsDifferError, Measure, Plan, Samples
from micrometric import iter_events

COUNTS = (1, 2, 4, 8)


def _take(peers: Sequence[Peer], plan: Plan, root: Path) -> Samples:
    if "micrometric" not in [peer.name for peer in peers]:
        return {}
    samples: dict[tuple[str, str], list[float]] = {("total", _name(n)): [] for n in COUNTS}
    for _ in range(plan.rounds):
        for count in COUNTS:
            samples["total", _name(count)].append(_total(count, plan.events, root))
    return samples


def _name(count: int) -> str:
    return f"micrometric, {count} thread{'s' if count > 1 else ''}"


def _total(count: int, events: int, root: Path) -> float:
    """Return nanoseconds of wall time per event, closing included."""
    with TemporaryDirectory(dir=root) as directory:
        recorder = open_micrometric(Path(directory))
        share = events // count
        threads = [Thread(target=_log, args=(recorder.log, n, share)) for n in range(count)]
        start = perf_counter_ns()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        recorder.close()
        taken = perf_counter_ns() - start
        _check(count, share, Path(directory))
    return taken / (share * count)


def _log(log: Log, number: int, events: int) -> None:
    for index in range(events):
        log(METRIC, VALUE, {"thread": number, "index": index})


def _check(count: int, share: int, directory: Path) -> None:
    """Raise EventsDifferError unless each event of each thread is in the files once."""
    found = Counter(
        (event.metadata["thread"], event.metadata["index"]) for event in iter_events(directory)
    )
    expected = Counter((number, index) for number in range(count) for index in range(share))
    if found != expected:
        lost, twice = (expected - found).total(), (found - expected).total()
        raise EventsDifferError(f"{count} threads: {lost} events are lost, {twice} are there twice")


MEASURE = Measure(
    "threads",
    "wall time per event; each event was found in the files once",
    "ns",
    _name(1),
    _take,
)
