"""Following live logs: watch the paths, drain what was appended, and yield each event once.

One flow of separate parts: `watcher` finds the files, `lines` reads what is new in each, `intake`
decodes and filters it, `arrivals` does so as long as something comes; `past` tells what is there
at the start, `pipe` takes what comes without files.
"""

from __future__ import annotations

import itertools
import os
import sys
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime, tzinfo
from pathlib import Path

from micrometric.arrivals import Arrivals
from micrometric.errors import PathError, SettingError
from micrometric.event import LogEvent
from micrometric.fetched import is_url, shown_url
from micrometric.filters import Filter
from micrometric.given import Paths, listed
from micrometric.intake import Intake
from micrometric.merging import MergeWindow
from micrometric.pace import Pace
from micrometric.past import last_events, whole_batches
from micrometric.pipe import piped_batches
from micrometric.reader import read_zone
from micrometric.remote import LOCAL_PROTOCOLS, local_paths
from micrometric.report import Report
from micrometric.spool import STDIN, is_pipe
from micrometric.waiting import (
    POLL_INTERVAL,
    EventWaiter,
    PollingWaiter,
    Waiter,
    is_remote,
    why_polling,
)
from micrometric.watcher import Watcher


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
        PathError: a path is neither a file nor a directory, or is a URL and would be followed;
            there are more files than may be open; with an `idle_exit` of 0, a file that cannot be
            read.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such time zone, or `-` is not alone.
        NoDataError: there are logs, but none of that launch.
    """
    given = listed(paths)
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
        poll=poll,
        poll_interval=poll_interval,
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
        poll: bool | None,
        poll_interval: float,
        report: Report,
    ) -> None:
        if STDIN in paths and len(paths) > 1:
            raise SettingError("'-' is standard input and must be the only path")
        self.report = report
        # No file holds more, and no counter of Python's own does.
        self._last = last if last is None else min(last, sys.maxsize)
        self._window = MergeWindow(merge_window) if merge_window > 0 else None
        self._pace = Pace(pulse, idle_exit, wanted.until, self._window)
        self._intake = Intake(wanted, zone, report)
        self._pipe = paths[0] if len(paths) == 1 and is_pipe(paths[0]) else None
        waiter = _waiter(paths, poll, poll_interval, report)
        self._follows = idle_exit != 0.0
        self._watcher = Watcher(
            [] if self._pipe else paths, launch, report, waiter, follows=self._follows
        )
        # A follower that nobody iterates or closes lets go of its files all the same.
        weakref.finalize(self, self._watcher.close).atexit = False
        try:
            self._arrivals = Arrivals(self._watcher, self._intake, self._pace)
            if last is not None:
                self._seek_ends()
        except BaseException:
            self._watcher.close()
            raise
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
        self._pace.is_closed = True
        self._watcher.waiter.ring()
        try:
            self._batches.close()  # type: ignore[attr-defined] # it is a generator
        except ValueError:
            return  # Another thread is in its midst, sees `is_closed` and closes the files.
        self._watcher.close()

    @property
    def unread(self) -> int:
        """Bytes that are in the files and were not read yet; 0 for a pipe."""
        return sum(watched.file.unread for watched in self._watcher.files.values())

    def batches(self) -> Iterator[list[LogEvent]]:
        """Yield the events a list at a time, an empty one whenever there is nothing more to read.

        The events are those that iterating would yield; use the one or the other.
        """
        return self._batches  # type: ignore[return-value] # it yields no bytes unless raw

    def raw_batches(self) -> Iterator[list[LogEvent] | bytes]:
        """Yield as `batches` does, but lines of JSON as they are wherever that can be.

        A batch of bytes holds whole lines with their origin, just as `encode_event` ends them.
        """
        self._intake.raw = self._window is None
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
            if self._last is None:
                self._seek_ends()
            events = last_events(self._watcher, self._intake, self._last)
            for watched in self._watcher.files.values():
                if watched.file.unfinished().strip():
                    self.report.leave_unfinished(watched.segment.path)
            return events

    def _seek_ends(self) -> None:
        for watched in self._watcher.files.values():
            watched.file.seek_end()

    def _flow(self) -> Iterator[list[LogEvent] | bytes]:
        try:
            if self._pipe is not None:
                arriving = piped_batches(self._pipe, self._intake, self._pace)
            else:
                yield from self._start()
                arriving = self._arrivals.batches()
            yield from arriving if self._window is None else _merged(arriving, self._window)
        finally:
            self._watcher.close()

    def _start(self) -> Iterator[list[LogEvent]]:
        """Yield what is there first; where that is all, files are read from their start later."""
        if self._last is None:
            for segment in self._watcher.compressed:
                yield from whole_batches(segment, self._intake, is_vital=not self._follows)
        elif self._last:
            yield last_events(self._watcher, self._intake, self._last)


def _merged(
    arriving: Iterator[list[LogEvent] | bytes], window: MergeWindow
) -> Iterator[list[LogEvent] | bytes]:
    for events in arriving:
        assert not isinstance(events, bytes)
        window.add(events)
        if due := window.due():
            yield due
        if not events:
            yield []
    yield window.rest()
