"""Following live logs: watch the paths, drain what was appended, and yield each event once.

One flow of separate parts: `watcher` finds the files, `lines` reads what is new in each, `intake`
decodes and filters it, and the follower yields it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from micrometric.errors import NotAnEvent, SettingError
from micrometric.event import LogEvent
from micrometric.filters import Filter
from micrometric.finder import STDIN, Paths, Segment
from micrometric.intake import Intake
from micrometric.reader import read_zone
from micrometric.report import Report
from micrometric.watcher import Watched, Watcher

POLL_INTERVAL = 0.1
"""Seconds between two looks at files that are quiet."""
_BLOCK = 256 * 1024
_BATCH = 1000


def follow(
    paths: Paths,
    *,
    last: int | None = 0,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    poll_interval: float = POLL_INTERVAL,
    report: Report | None = None,
) -> Follower:
    """Follow logs: yield each event once as it is appended, until the caller stops.

    Files that appear later, rotation by renaming, truncation and replacement are followed; half
    a line is held until its end is there; a path that is not there yet is waited for.

    Args:
        paths: files, directories or globs, one or several; or `-` alone.
        last: events to yield first of those that are there, the last by time; None is all.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`; following ends when that time has come.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        poll_interval: seconds between two looks at files that are quiet.
        report: receives what was skipped and what is waited for.

    Returns:
        An iterator of `LogEvent` in order of arrival; what is appended from this call on counts.
        `close()`, from any thread, or leaving a `with` block ends it.

    Raises:
        PathError: a path is neither a file nor a directory.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such time zone, or `-` is not alone.
        NoDataError: there are logs, but none of that launch.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    zone = read_zone(assume_tz)
    return Follower(
        [Path(path) for path in given],
        Filter.read(metrics, location, where, since, until, zone=zone),
        last=last,
        launch=launch,
        zone=zone,
        poll_interval=poll_interval,
        report=Report() if report is None else report,
    )


class Follower:
    """An iterator of events that goes on until it is closed; `follow` makes one.

    Only `close` may be called from another thread.
    """

    def __init__(
        self,
        paths: list[Path],
        wanted: Filter,
        *,
        last: int | None,
        launch: str | None,
        zone: tzinfo | None,
        poll_interval: float,
        report: Report,
    ) -> None:
        if STDIN in paths and len(paths) > 1:
            raise SettingError("'-' is standard input and must be the only path")
        self.report = report
        self._intake = Intake(wanted, zone, report)
        self._last = last
        self._poll_interval = poll_interval
        self._closed = threading.Event()
        self._piped = STDIN in paths
        self._watcher = Watcher([] if self._piped else paths, launch, report)
        self._look()
        if last is not None:
            self._seek_ends()
        self._batches = self._flow()
        self._events = itertools.chain.from_iterable(self._batches)

    def __iter__(self) -> Iterator[LogEvent]:
        return self

    def __next__(self) -> LogEvent:
        return next(self._events)

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End following; may be called from any thread, and again."""
        self._closed.set()
        try:
            self._batches.close()  # type: ignore[attr-defined] # it is a generator
        except ValueError:
            return  # Another thread is in its midst, sees `_closed` and closes the files.
        self._watcher.close()

    def batches(self) -> Iterator[list[LogEvent]]:
        """Yield the events a list at a time, an empty one whenever there is nothing more to read.

        The events are those that iterating would yield; use the one or the other.
        """
        return self._batches

    def past(self) -> list[LogEvent]:
        """Return the last events of what is there, by time, and do not follow."""
        with self:
            if self._piped:
                piped = itertools.chain.from_iterable(self._from_pipe())
                return [*deque(piped, maxlen=self._last)]
            events = self._past()
            for watched in self._files():
                if watched.file.unfinished().strip():
                    self.report.unfinished.append(watched.segment.path)
            return events

    # From paths to events.

    def _flow(self) -> Iterator[list[LogEvent]]:
        try:
            if self._piped:
                yield from self._from_pipe()
                return
            if self._last is None:
                yield from self._history()
            elif self._last:
                yield self._past()
            while not self._closed.is_set():
                if events := [event for each in self._files() for event in self._drained(each)]:
                    yield events
                yield from self._missed()
                if not any(watched.file.behind for watched in self._files()):
                    yield []
                    if self._is_over():
                        return
                    self._closed.wait(self._poll_interval)
                self._look()
        finally:
            self._watcher.close()

    def _look(self) -> None:
        self._watcher.look()
        self._intake.wanted = self._intake.wanted.bound_to(self._watcher.directories)
        self._intake.text_metrics = self._watcher.text_metrics

    def _files(self) -> list[Watched]:
        return [*self._watcher.files.values()]

    def _seek_ends(self) -> None:
        for watched in self._files():
            watched.file.seek_end()

    def _is_over(self) -> bool:
        until = self._intake.wanted.until
        return until is not None and datetime.now(UTC) > until

    def _drained(self, watched: Watched) -> Iterator[LogEvent]:
        try:
            lines = watched.file.new_lines()
        except OSError as error:
            path = str(watched.segment.path)
            self.report.note(f"cannot read {path!r}: {error.strerror}")
            return iter(())
        return self._intake.events(lines, watched.segment)

    def _from_pipe(self) -> Iterator[list[LogEvent]]:
        segment = Segment(STDIN, "-")
        half = b""
        while not self._closed.is_set():
            if not select.select([sys.stdin], [], [], 0)[0]:
                yield []  # Nothing more to read for now.
            block = os.read(sys.stdin.fileno(), _BLOCK)
            *lines, half = (half + block).split(b"\n")
            if not block:
                lines = [half]
            yield [*self._intake.events(lines, segment)]
            if not block:
                return

    def _missed(self) -> Iterator[list[LogEvent]]:
        while self._watcher.missed:
            yield from self._told_whole(self._watcher.missed.pop(0))

    def _told_whole(self, segment: Segment) -> Iterator[list[LogEvent]]:
        events = self._intake.whole(segment)
        while batch := [*itertools.islice(events, _BATCH)]:
            yield batch

    # What is there at the start.

    def _history(self) -> Iterator[list[LogEvent]]:
        """Yield the events of compressed segments; the others are read from their start anyway."""
        for segment in self._watcher.compressed:
            yield from self._told_whole(segment)

    def _past(self) -> list[LogEvent]:
        """Return the last events by time."""
        count = sys.maxsize if self._last is None else self._last
        if self._last is None:
            self._seek_ends()
        events: list[LogEvent] = []
        for sources in self._by_session().values():
            newest = itertools.chain.from_iterable(map(self._backwards, reversed(sources)))
            events += [*itertools.islice(newest, count)][::-1]
        events.sort(key=lambda event: event.timestamp)
        return events[max(0, len(events) - count) :]

    def _by_session(self) -> dict[tuple[str, str], list[Watched | Segment]]:
        """Group what is there by session, each from its first segment to its last.

        In a session, events of a later segment are later; so most segments need not be read.
        """
        groups: dict[tuple[str, str], list[Watched | Segment]] = {}
        for segment in self._watcher.compressed:
            groups.setdefault((segment.run, segment.session or ""), []).append(segment)
        for watched in self._files():
            key = watched.segment.run, watched.segment.session or str(watched.segment.path)
            groups.setdefault(key, []).append(watched)
        return groups

    def _backwards(self, source: Watched | Segment) -> Iterator[LogEvent]:
        """Yield the events of a segment, the last first."""
        if isinstance(source, Segment):
            yield from reversed([*self._intake.whole(source)])
            return
        segment = source.segment
        with contextlib.suppress(NotAnEvent):
            # A whole event counts although its line has no end yet.
            event = self._intake.decode(source.file.unfinished(), segment)
            source.file.take_unfinished()
            if self._intake.wanted.matches(event, segment):
                yield event
        yield from self._intake.events(source.file.lines_back(), segment)
