"""How measuring is organized: peers in turn within each round, and every round kept.

On a machine that others use, speed drifts over seconds. Peers that alternate meet the same drift,
so the medians of their rounds compare well even where no single round does.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from benchmarks.recorder import Peer, Recorder

Samples = Mapping[tuple[str, str], Sequence[float]]
"""What each round gave, by figure ("hot") and by whom ("floor")."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: counts of rounds and of events in a round."""

    rounds: int
    events: int
    """Events of a fast peer in `record` and `threads`, and guards in `guard`."""
    latency_events: int
    """A multiple of 1,000, of which p99.9 leaves out exactly one each."""
    loop_blocks: int
    """Blocks of a loop with events in a round, and as many without."""
    memory_events: int


FULL = Plan(
    rounds=7,
    events=200_000,
    latency_events=20_000,
    loop_blocks=8,
    memory_events=10_000_000,
)
QUICK = Plan(
    rounds=3,
    events=20_000,
    latency_events=5_000,
    loop_blocks=4,
    memory_events=1_000_000,
)


class EventsDifferError(RuntimeError):
    """What is in the files is not what was logged: the figures would be of something else."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One question about cost."""

    name: str
    title: str
    unit: str
    """Of all figures; empty where each figure's name says its own."""
    baseline: str | None
    """Against whom ratios are taken, None where a ratio says nothing."""
    take: Callable[[Sequence[Peer], Plan, Path], Samples]
    """Measures the peers it is about, writing only inside the given directory.

    Raises EventsDifferError.
    """


class Named(Protocol):
    """Whoever is measured."""

    @property
    def name(self) -> str: ...  # noqa: D102


Contender = TypeVar("Contender", bound=Named)


def alternate(
    peers: Sequence[Contender], rounds: int, once: Callable[[Contender], Mapping[str, float]]
) -> Samples:
    """Measure peers in turn, round after round, every second round in the other direction.

    Args:
        peers: who.
        rounds: how often.
        once: measures one peer and returns its figures by name.
    """
    samples: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for peer in peers if number % 2 == 0 else reversed(peers):
            gc.collect()  # Nobody pays for what the one before left behind.
            for figure, taken in once(peer).items():
                samples[figure, peer.name].append(taken)
    return samples


@contextmanager
def recording(peer: Peer, root: Path) -> Iterator[Recorder]:
    """Open a peer in a directory of its own; close it and remove its files at the end."""
    with TemporaryDirectory(dir=root) as directory:
        recorder = peer.open(Path(directory))
        try:
            yield recorder
        finally:
            recorder.close()
