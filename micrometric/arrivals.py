"""What the files of a watcher gain, batch by batch, as soon as it is there."""

from __future__ import annotations

import time
from collections.abc import Iterator

from micrometric.errors import NotAnEvent
from micrometric.event import LogEvent
from micrometric.fetched import shown
from micrometric.intake import Intake
from micrometric.pace import Pace
from micrometric.past import whole_batches
from micrometric.waiting import Identity
from micrometric.watcher import Watched, Watcher

_LOOK_SHARE = 4
"""Times as long as a look took until the next one, however often names change."""


class Arrivals:
    """Waits for changes, looks at names again and drains the files that have grown.

    The first look is taken at once.

    Args:
        watcher: has the files.
        intake: makes events of their lines; is told what the watcher learns.
        pace: says how long to wait and when to end.

    Raises:
        PathError, NoDataError: see `Watcher.look`.
    """

    def __init__(self, watcher: Watcher, intake: Intake, pace: Pace) -> None:
        self._watcher = watcher
        self._intake = intake
        self._pace = pace
        self._grown: set[Identity] | None = None
        """Files that may have grown since they were read; None is any."""
        self._look()

    def batches(self) -> Iterator[list[LogEvent] | bytes]:
        """Yield what files gain, and an empty list whenever there is nothing more to read."""
        came = time.monotonic()
        while not self._pace.is_closed:
            for batch in self._arrived():
                yield batch
                came = time.monotonic()
            if any(watched.file.behind for watched in self._watcher.files.values()):
                self._wait(0.0)
            else:
                yield []
                idle = time.monotonic() - came
                if self._pace.is_over(idle):
                    yield [*self._rest()]
                    return
                look = self._next_look - time.monotonic() if self._must_look else None
                self._wait(self._pace.patience(idle, look))
            if self._must_look and time.monotonic() >= self._next_look:
                self._look()

    def _look(self) -> None:
        start = time.monotonic()
        self._watcher.look()
        self._intake.wanted = self._intake.wanted.bound_to(self._watcher.directories)
        self._intake.text_metrics = self._watcher.text_metrics
        end = time.monotonic()
        self._must_look = False
        self._next_look = end + _LOOK_SHARE * (end - start)

    def _wait(self, seconds: float) -> None:
        """Wait for something to happen, and note what it is."""
        changes = self._watcher.waiter.wait(seconds)
        self._must_look |= changes.names or not self._watcher.is_settled
        if changes.files is None or self._grown is None:
            self._grown = None
        else:
            self._grown |= changes.files

    def _arrived(self) -> Iterator[list[LogEvent] | bytes]:
        """Yield what there is to read: what was known before the last look, and then what is new.

        Segments that were compressed before they were seen are older than the files beside them.
        """
        grown, self._grown = self._grown, set()
        fresh, self._watcher.fresh = self._watcher.fresh, set()
        due = [
            (identity in fresh, watched)
            for identity, watched in self._watcher.files.items()
            if grown is None or identity in grown or identity in fresh or watched.file.behind
        ]
        yield from filter(None, (self._drained(watched) for is_new, watched in due if not is_new))
        yield from self._missed()
        yield from filter(None, (self._drained(watched) for is_new, watched in due if is_new))

    def _drained(self, watched: Watched) -> list[LogEvent] | bytes:
        try:
            lines = watched.file.new_lines()
        except OSError as error:
            path = shown(watched.segment.path)
            self._intake.report.note(f"cannot read {path!r}: {error.strerror}")
            return []
        if lines and watched.segment.session is None:
            # Its manifest was written before its first line; it may have come since the last look.
            self._wait(0.0)
            if self._must_look:
                self._look()
        return self._intake.taken(lines, watched.segment, watched.file.count)

    def _missed(self) -> Iterator[list[LogEvent]]:
        while self._watcher.missed:
            yield from whole_batches(self._watcher.missed.pop(0), self._intake)

    def _rest(self) -> Iterator[LogEvent]:
        """Yield the events of last lines that have no end yet, where they are whole."""
        for watched in self._watcher.files.values():
            line, segment = watched.file.take_half(), watched.segment
            if line.strip():
                try:
                    event = self._intake.decode(line, segment)
                except NotAnEvent:
                    self._intake.report.leave_unfinished(segment.path)
                else:
                    if self._intake.wanted.matches(event, segment):
                        yield event
