"""What `tail` shows of which logs, and how the events come."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from micrometric.event import LogEvent
    from micrometric.follower import Follower
    from micrometric_cli.options import Filters


@dataclass(frozen=True, slots=True)
class Tailed:
    """What is shown of which logs."""

    paths: list[str]
    filters: Filters
    last: int | None
    """How many of the events that are there, None for all."""
    streams: bool
    """Whether events are shown as they are read, and not once all of them are."""
    count: int | None
    merge_window: float
    idle_exit: float | None
    poll: bool | None
    strict: bool
    """Whether skipped lines end it with 1."""

    def follower(self, *, pulse: float) -> Follower:
        """Return what the events come from.

        Args:
            pulse: seconds after which to look up from waiting.
        """
        from micrometric.follower import follow

        return follow(
            self.paths,
            last=self.last,
            merge_window=self.merge_window,
            idle_exit=self.idle_exit,
            pulse=pulse,
            poll=self.poll,
            **self.filters,
        )

    def batches(self, follower: Follower) -> Iterator[list[LogEvent]]:
        """Yield the events a list at a time, an empty one where there is nothing more for now."""
        batches = follower.batches() if self.streams else iter([follower.past(), []])
        return batches if self.count is None else _first(self.count, batches)

    def raw_batches(self, follower: Follower) -> Iterator[list[LogEvent] | bytes]:
        """Yield as `batches` does, but lines as they are wherever that can be."""
        passes = self.streams and self.count is None
        return follower.raw_batches() if passes else iter(self.batches(follower))


def _first(count: int, batches: Iterable[list[LogEvent]]) -> Iterator[list[LogEvent]]:
    """Yield the batches until there were so many events."""
    for batch in batches:
        yield batch[:count]
        count -= len(batch)
        if count <= 0:
            yield []
            return


def allow_many_files() -> None:
    """Let this process open as many files as it may: each that is followed is open."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
