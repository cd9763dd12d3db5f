"""From lines in memory to the segment: what the disk takes, what it leaves, and what it is told.

What was written is derived from the session's position, never noted beside it: a signal that comes
at any call finds both in step. What the disk does not take stays pending and is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from micrometric.encoding import Raw
from micrometric.manifest import Accounting
from micrometric.notice import Notices
from micrometric.pending import Lines, Pending
from micrometric.registry import Metric, Registry

_MOST_VIEWS = 1000
"""Slices that are handed to the disk at once."""


class Destination(Protocol):
    """What a delivery needs of a session."""

    @property
    def position(self) -> int:
        """Bytes written since the session began."""

    @property
    def room(self) -> int:
        """Bytes that still fit before it wants a new segment."""

    def begin(self, metrics: dict[str, Metric]) -> None:
        """Take its names, unless it has; raises OSError when it cannot, to be called again."""

    def write(self, data: list[memoryview], begun: int) -> None:
        """Write some of the bytes and move `position`; raises OSError when it takes none.

        Args:
            data: what comes next.
            begun: how many bytes of its first line are written already; where they are lost,
                `position` moves back by so many and nothing is written.
        """

    def rotate_if_due(self, written: int) -> None:
        """Begin a new segment where it is time; the last line is whole.

        Args:
            written: events since the session began.
        """

    def tend(self, at_once: bool) -> bool:
        """Do one step of the work on closed segments, and say whether there is more to do now.

        Args:
            at_once: whether the session ends: nothing is put off.
        """

    def write_manifest(
        self, metrics: dict[str, Metric], accounting: Accounting, now: datetime
    ) -> None:
        """Replace the manifest; raises OSError when it cannot."""

    def end(self, now: datetime) -> None:
        """Close the segment and note the end."""

    def change_spec(self, spec: str) -> None:
        """Note the metrics that are enabled from now on."""

    def abandon(self) -> None:
        """Let go of the files, which are another process's, without writing."""


class Delivery:
    """Brings pending lines to one session. Not safe from threads: the writer holds its lock.

    Args:
        new_session: called when there is a first event to write.
        pending: what waits to be written.
        encode: makes the line of an event whose tensors have their data; none if it fails.
        registry: the registered metrics, for the manifest.
        notices: where warnings go.
    """

    def __init__(
        self,
        new_session: Callable[[], Destination],
        pending: Pending,
        encode: Callable[[Raw], Lines],
        registry: Registry,
        notices: Notices,
    ) -> None:
        self.session: Destination | None = None
        self.is_stuck = False
        """Whether the disk took nothing the last time."""
        self.last_flush_time = time.time()
        self._new_session = new_session
        self._pending = pending
        self._encode = encode
        self._registry = registry
        self._notices = notices

    def deliver(self) -> bool:
        """Write what waits, and say whether the disk took it all."""
        try:
            if self.session is None:
                self.session = self._new_session()
            self.session.begin(self._registry.metrics)
            self._pending.drop_written(self.session.position)
            while self._pending.items:
                self._write_some(self.session)
        except OSError as error:
            self.is_stuck = True
            self._notices.give(
                "disk",
                f"events cannot be written: {error}; they are kept in memory and written as "
                "soon as they can be",
            )
            return False
        self.is_stuck = False
        self._notices.withdraw("disk")
        self.last_flush_time = time.time()
        return True

    def _write_some(self, session: Destination) -> None:
        self._pending.fetch(self._encode)
        begun, views = self._next_lines(session.position, session.room)
        session.write(views, begun)
        self._pending.drop_written(session.position)
        if self._pending.position == session.position:
            session.rotate_if_due(self._pending.written.total())

    def _next_lines(self, position: int, room: int) -> tuple[int, list[memoryview]]:
        """Return how much of the next line is written already, and what comes then."""
        done = position - self._pending.position
        views: list[memoryview] = []
        begun = size = 0
        for item in self._pending.items[:_MOST_VIEWS]:
            if not isinstance(item, Lines) or size >= room:
                break
            if done and not views:
                begun = done - (bytes(item.data[:done]).rfind(b"\n") + 1)
            views.append(memoryview(item.data)[done if not views else 0 :])
            size += len(views[-1])
        return begun, views

    def pending_lines(self) -> list[bytes]:
        """Return the lines that are not written yet, the oldest first."""
        self._pending.fetch(self._encode)
        done = self.session.position - self._pending.position if self.session else 0
        data = b"".join(item.data for item in self._pending.items if isinstance(item, Lines))
        # A line of which the disk took a part is still pending.
        return data.splitlines()[data.count(b"\n", 0, done) :]

    def tend(self, *, at_once: bool, to_the_end: bool) -> bool:
        """Work on closed segments, and say whether there is more to do now.

        Args:
            at_once: whether the session ends, and nothing is put off.
            to_the_end: whether to do all of it, where nobody goes on later.
        """
        session = self.session
        if session is None or self._pending.items:
            return False
        session.rotate_if_due(self._pending.written.total())
        while has_more := session.tend(at_once=at_once):
            if not to_the_end:
                break
        return has_more

    def write_manifest(self, accounting: Accounting) -> None:
        """Replace the manifest, once there is a session; where that cannot be, it is told."""
        if self.session is None:
            return
        try:
            self.session.write_manifest(self._registry.metrics, accounting, datetime.now(UTC))
        except OSError as error:
            if not self.is_stuck:  # Else it was told already.
                self._notices.give("manifest", f"the manifest cannot be written for now: {error}")
