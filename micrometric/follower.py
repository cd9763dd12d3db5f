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
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from micrometric.errors import NotAnEvent, PathError, SettingError
from micrometric.event import LogEvent
from micrometric.fetched import is_url, shown, shown_url
from micrometric.filters import Filter
from micrometric.finder import STDIN, Paths, Segment
from micrometric.intake import Intake
from micrometric.merging import MergeWindow
from micrometric.opening import lines_back
from micrometric.reader import read_zone
from micrometric.remote import LOCAL_PROTOCOLS, local_paths
from micrometric.report import Report
from micrometric.waiting import (
    POLL_INTERVAL,
    EventWaiter,
    Identity,
    PollingWaiter,
    Waiter,
    is_remote,
    why_polling,
)
from micrometric.watcher import Watched, Watcher

_LOOK_SHARE = 4
"""Times as long as a look took until the next one, however often names change."""
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
    merge_window: float = 0.0,
    idle_exit: float | None = None,
    pulse: float | None = None,
    poll: bool | None = None,
    poll_interval: float = POLL_INTERVAL,
    report: Report | None = None,
) -> Follower:
    """Follow logs: yield each event once as it is appended, until the caller stops.

    Files that appear later, rotation by renaming, truncation and replacement are followed; half
    a line is held until its end is there; a path that is not there yet is waited for.

    Args:
        paths: files, directories or globs, one or several; or a pipe, or `-`, alone; URLs of
            what is there already, with an `idle_exit` of 0.
        last: events to yield first of those that are there, the last by time; None is all.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`; following ends when that time has come.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        merge_window: seconds for which events are held back to give them in order of time;
            what comes later still is given late. More than the writers' `flush_interval` sorts
            events of several processes.
        idle_exit: seconds without a wanted event after which following ends.
        pulse: seconds after which `batches` gives an empty list when nothing came.
        poll: whether to look at files again and again rather than wait for events of the kernel;
            None does so where there are no such events, as on network file systems.
        poll_interval: seconds between two such looks.
        report: receives what was skipped and what is waited for.

    Returns:
        An iterator of `LogEvent` in order of arrival, or of time within `merge_window`; what is
        appended from this call on counts.
        `close()`, from any thread, or leaving a `with` block ends it.

    Raises:
        PathError: a path is neither a file nor a directory, or is a URL and would be followed.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such time zone, or `-` is not alone.
        NoDataError: there are logs, but none of that launch.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else [*paths]
    if idle_exit != 0.0:
        _refuse_urls(given)
    local, _held = local_paths(given)  # Its segments hold what was fetched from here on.
    chosen = [Path(path) for path in local]
    zone = read_zone(assume_tz)
    report = Report() if report is None else report
    return Follower(
        chosen,
        Filter.read(metrics, location, where, since, until, zone=zone),
        last=last,
        launch=launch,
        zone=zone,
        merge_window=merge_window,
        idle_exit=idle_exit,
        pulse=pulse,
        waiter=_waiter(chosen, poll, poll_interval, report),
        report=report,
    )


def _refuse_urls(paths: Iterable[str | os.PathLike[str]]) -> None:
    for path in filter(is_url, paths):
        url = os.fspath(path)
        if not url.lower().startswith(LOCAL_PROTOCOLS):
            raise PathError(
                f"cannot follow {shown_url(url)!r}: only files of this machine are followed; read "
                "what is there by now (tail --no-follow, summarize without --watch), or keep "
                "copying it to a directory and follow that"
            )


def _waiter(paths: list[Path], poll: bool | None, poll_interval: float, report: Report) -> Waiter:
    if poll is None:
        poll = any(is_remote(path) for path in paths)
    if not poll:
        try:
            return EventWaiter()
        except OSError as error:
            if error.errno is not None:  # Else this system has none, which is nobody's fault.
                report.note(why_polling(error))
    return PollingWaiter(poll_interval)


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
        merge_window: float,
        idle_exit: float | None,
        pulse: float | None,
        waiter: Waiter,
        report: Report,
    ) -> None:
        if STDIN in paths and len(paths) > 1:
            raise SettingError("'-' is standard input and must be the only path")
        self.report = report
        self._intake = Intake(wanted, zone, report)
        self._last = last
        self._window = MergeWindow(merge_window) if merge_window > 0 else None
        self._idle_exit = idle_exit
        self._pulse = pulse
        self._closed = False
        self._raw = False
        self._pipe = paths[0] if len(paths) == 1 and _is_pipe(paths[0]) else None
        self._watcher = Watcher([] if self._pipe else paths, launch, report, waiter)
        self._next_look = 0.0
        self._must_look = False
        self._grown: set[Identity] | None = None
        """Files that may have grown since they were read; None is any."""
        self._look()
        if last is not None:
            self._seek_ends()
        self._batches = self._flow()
        self._events = itertools.chain.from_iterable(self.batches())

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
        self._closed = True
        self._watcher.waiter.ring()
        try:
            self._batches.close()  # type: ignore[attr-defined] # it is a generator
        except ValueError:
            return  # Another thread is in its midst, sees `_closed` and closes the files.
        self._watcher.close()

    @property
    def unread(self) -> int:
        """Bytes that are in the files and were not read yet; 0 for a pipe."""
        return sum(watched.file.unread for watched in self._files())

    def batches(self) -> Iterator[list[LogEvent]]:
        """Yield the events a list at a time, an empty one whenever there is nothing more to read.

        The events are those that iterating would yield; use the one or the other.
        """
        return self._batches  # type: ignore[return-value] # without `_raw` it yields no bytes

    def raw_batches(self) -> Iterator[list[LogEvent] | bytes]:
        """Yield as `batches` does, but lines of JSON as they are wherever that can be.

        A batch of bytes holds whole lines with their origin, just as `encode_event` ends them.
        """
        self._raw = self._window is None
        return self._batches

    @property
    def directories(self) -> Set[str]:
        """Names of the `name=value` parts of the paths found so far."""
        return self._watcher.directories

    @property
    def dims(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the axes of each metric whose lists hold an observation an element, so far."""
        return self._watcher.dims

    @property
    def partial(self) -> Mapping[str, str]:
        """Manifests of sessions that leave events out of their files, and how, so far."""
        return self._watcher.partial

    def past(self) -> list[LogEvent]:
        """Return the last events of what is there, by time, and do not follow."""
        with self:
            if self._pipe is not None:
                return [*deque(itertools.chain.from_iterable(self.batches()), maxlen=self._last)]
            events = self._past()
            for watched in self._files():
                if watched.file.unfinished().strip():
                    self.report.leave_unfinished(watched.segment.path)
            return events

    # From paths to events.

    def _flow(self) -> Iterator[list[LogEvent] | bytes]:
        try:
            yield from self._start()
            arriving = self._arriving() if self._pipe is None else self._from_pipe(self._pipe)
            if self._window is not None:
                arriving = self._merged(arriving, self._window)
            yield from arriving
        finally:
            self._watcher.close()

    def _start(self) -> Iterator[list[LogEvent]]:
        if self._pipe is None and self._last is None:
            yield from self._history()
        elif self._pipe is None and self._last:
            yield self._past()

    def _arriving(self) -> Iterator[list[LogEvent] | bytes]:
        """Yield what files gain, and an empty list whenever there is nothing more to read."""
        came = time.monotonic()
        while not self._closed:
            for watched in self._due():
                if batch := self._drained(watched):
                    yield batch
                    came = time.monotonic()
            for events in self._missed():
                yield events
                came = time.monotonic()
            if any(watched.file.behind for watched in self._files()):
                self._wait(0.0)
            else:
                yield []
                idle = time.monotonic() - came
                if self._is_over(idle):
                    yield [event for watched in self._files() for event in self._rest(watched)]
                    return
                self._wait(self._patience(idle))
            if self._must_look and time.monotonic() >= self._next_look:
                self._look()

    def _merged(
        self, arriving: Iterator[list[LogEvent] | bytes], window: MergeWindow
    ) -> Iterator[list[LogEvent] | bytes]:
        for events in arriving:
            assert not isinstance(events, bytes)
            window.add(events)
            if due := window.due():
                yield due
            if not events:
                yield []
        yield window.rest()

    def _wait(self, seconds: float) -> None:
        """Wait for something to happen, and note what it is."""
        changes = self._watcher.waiter.wait(seconds)
        self._must_look |= changes.names or not self._watcher.is_settled
        if changes.files is None or self._grown is None:
            self._grown = None
        else:
            self._grown |= changes.files

    def _due(self) -> list[Watched]:
        """Return the files that may have something to read."""
        grown, self._grown = self._grown, set()
        fresh, self._watcher.fresh = self._watcher.fresh, set()
        return [
            watched
            for identity, watched in self._watcher.files.items()
            if grown is None or identity in grown or identity in fresh or watched.file.behind
        ]

    def _patience(self, idle: float) -> float:
        """Return the seconds to wait at most for something to happen."""
        until = self._intake.wanted.until
        limits = [
            self._pulse,
            None if self._idle_exit is None else self._idle_exit - idle,
            None if self._window is None else self._window.wait(),
            None if until is None else (until - datetime.now(UTC)).total_seconds(),
            self._next_look - time.monotonic() if self._must_look else None,
        ]
        return max(0.0, min((limit for limit in limits if limit is not None), default=60.0))

    def _look(self) -> None:
        start = time.monotonic()
        self._watcher.look()
        self._intake.wanted = self._intake.wanted.bound_to(self._watcher.directories)
        self._intake.text_metrics = self._watcher.text_metrics
        end = time.monotonic()
        self._must_look = False
        self._next_look = end + _LOOK_SHARE * (end - start)

    def _files(self) -> list[Watched]:
        return [*self._watcher.files.values()]

    def _seek_ends(self) -> None:
        for watched in self._files():
            watched.file.seek_end()

    def _is_over(self, idle: float) -> bool:
        until = self._intake.wanted.until
        if self._idle_exit is not None and idle >= self._idle_exit:
            return True
        return until is not None and datetime.now(UTC) > until

    def _drained(self, watched: Watched) -> list[LogEvent] | bytes:
        try:
            lines = watched.file.new_lines()
        except OSError as error:
            path = shown(watched.segment.path)
            self.report.note(f"cannot read {path!r}: {error.strerror}")
            return []
        if lines and watched.segment.session is None:
            # Its manifest was written before its first line; it may have come since the last look.
            self._wait(0.0)
            if self._must_look:
                self._look()
        return self._taken(lines, watched.segment)

    def _taken(self, lines: bytes, segment: Segment) -> list[LogEvent] | bytes:
        passed = self._intake.passed(lines, segment) if self._raw and lines else None
        if passed is not None:
            return passed
        return self._intake.block(lines, segment)

    def _rest(self, watched: Watched) -> Iterator[LogEvent]:
        """Yield the event of a last line that has no end yet, where it is whole."""
        line = watched.file.take_half()
        if line.strip():
            try:
                event = self._intake.decode(line, watched.segment)
            except NotAnEvent:
                self.report.leave_unfinished(watched.segment.path)
            else:
                if self._intake.wanted.matches(event, watched.segment):
                    yield event

    def _from_pipe(self, path: Path) -> Iterator[list[LogEvent] | bytes]:
        segment = Segment(path, "-" if path == STDIN else path.absolute().parent.name)
        half = b""
        with open(
            sys.stdin.fileno() if path == STDIN else path, "rb", 0, closefd=path != STDIN
        ) as pipe:
            came = time.monotonic()
            while not self._closed:
                if not select.select([pipe], [], [], 0)[0]:
                    yield []  # Nothing more to read for now.
                    idle = time.monotonic() - came
                    if self._is_over(idle):
                        return
                    if not select.select([pipe], [], [], self._patience(idle))[0]:
                        continue
                block = pipe.read(_BLOCK)
                lines, end, half = (half + block).rpartition(b"\n")
                if not block:
                    lines, end = half, b"\n"
                if events := self._taken(lines + end, segment):
                    came = time.monotonic()
                    yield events
                if not block:
                    return

    def _missed(self) -> Iterator[list[LogEvent]]:
        while self._watcher.missed:
            yield from self._told_whole(self._watcher.missed.pop(0))

    def _told_whole(self, segment: Segment) -> Iterator[list[LogEvent]]:
        events = self._intake.whole(segment)
        try:
            while batch := [*itertools.islice(events, _BATCH)]:
                yield batch
        except PathError as error:
            self.report.note(str(error))

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
        for sources in groups.values():
            # Not all that are compressed need to be older than all that are not.
            sources.sort(key=_index)
        return groups

    def _backwards(self, source: Watched | Segment) -> Iterator[LogEvent]:
        """Yield the events of a segment, the last first."""
        if isinstance(source, Segment) and source.suffix == ".parquet":
            yield from self._intake.events(lines_back(source, self.report), source)
            return
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


def _index(source: Watched | Segment) -> int:
    segment = source if isinstance(source, Segment) else source.segment
    return segment.index or 0


def _is_pipe(path: Path) -> bool:
    return path == STDIN or path.is_fifo()
