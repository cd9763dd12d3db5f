"""Following live logs: watch the paths, drain what was appended, and yield each event once.

A file is known by device and inode, never by its name alone: one that is renamed is drained
further, one that is replaced is a new file. The bytes before the read position are remembered,
so that a file which was truncated and grew again is read from its start.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import IO

from micrometric.errors import NotAnEvent, PathError
from micrometric.event import LogEvent, decode_line
from micrometric.filters import Filter
from micrometric.finder import STDIN, Paths, Segment, find, find_directories
from micrometric.reader import read_segment, read_zone, text_metrics_of, with_origin
from micrometric.report import Report
from micrometric.segment import parse_segment_name

POLL_INTERVAL = 0.1
"""Seconds between two looks at the files."""
_MARK = 64
"""Bytes before the read position that are remembered."""
_BLOCK = 256 * 1024
_PATIENCE = 20
"""Looks without growth after which a file that has lost its name is closed."""


@dataclass(slots=True)
class _Tail:
    """A file that is followed."""

    file: IO[bytes]
    segment: Segment
    text_metrics: frozenset[str]
    position: int = 0
    mark: bytes = b""
    """What stood before `position` when it was read."""
    half: bytes = b""
    """The start of a line whose end is not there yet."""
    quiet: int = 0
    named: bool = True
    """Whether the file still has a name among the watched paths."""

    def drain(self) -> list[bytes]:
        """Return the lines that were completed since the last look."""
        if os.fstat(self.file.fileno()).st_size < self.position or not self._unchanged():
            self.position, self.mark, self.half = 0, b"", b""
        self.file.seek(self.position)
        block = self.file.read(_BLOCK)
        self.quiet = 0 if block else self.quiet + 1
        if not block:
            return []
        self.position += len(block)
        self.mark = (self.mark + block)[-_MARK:]
        *lines, self.half = (self.half + block).split(b"\n")
        return lines

    def _unchanged(self) -> bool:
        self.file.seek(self.position - len(self.mark))
        return self.file.read(len(self.mark)) == self.mark


class Follower:
    """An iterator of events that ends when it is closed; see `follow`.

    Args:
        on_wait: called with a path that is waited for.
    """

    def __init__(
        self,
        paths: Paths,
        wanted: Filter,
        *,
        last: int | None = 0,
        zone: tzinfo | None = None,
        poll_interval: float = POLL_INTERVAL,
        report: Report | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
        self._paths = [Path(path) for path in given]
        self._wanted = wanted
        self._last = last
        self._zone = zone
        self._poll_interval = poll_interval
        self.report = Report() if report is None else report
        self._on_wait = on_wait or (lambda _: None)
        self._tails: dict[tuple[int, int], _Tail] = {}
        self._closed = threading.Event()
        self._batches: Iterator[list[LogEvent]] | None = None
        self._pending: deque[LogEvent] = deque()

    def __iter__(self) -> Iterator[LogEvent]:
        return self

    def __next__(self) -> LogEvent:
        if self._batches is None:
            self._batches = self.batches()
        while not self._pending:
            self._pending.extend(next(self._batches))
        return self._pending.popleft()

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End following; from any thread."""
        self._closed.set()

    def batches(self) -> Iterator[list[LogEvent]]:
        """Yield the events of each look at the files that found some, in order of arrival."""
        try:
            yield from self._stdin() if self._paths == [STDIN] else self._watch()
        finally:
            for tail in self._tails.values():
                tail.file.close()
            self._tails.clear()

    def look(self) -> list[LogEvent]:
        """Return the last events of what is there now, in order of time, and do not follow."""
        try:
            found = self._begin(ends=True)
        finally:
            for tail in self._tails.values():
                tail.file.close()
        return found

    def _watch(self) -> Iterator[list[LogEvent]]:
        if first := self._begin():
            yield first
        while not self._closed.is_set():
            self._discover()
            events = [event for tail in [*self._tails.values()] for event in self._drained(tail)]
            if events:
                yield events
            else:
                self._close_ended()
                self._closed.wait(self._poll_interval)

    # From paths to files.

    def _begin(self, *, ends: bool = False) -> list[LogEvent]:
        """Open what is there, and return the last of its events.

        Args:
            ends: whether nothing follows, so that a whole event without an end of line counts.
        """
        events: list[LogEvent] = []
        for path, root in self._files(tell=True):
            tail = self._open(path, root)
            if tail is not None:
                events += self._last_of(tail)
                events += self._unfinished(tail) if ends else []
        compressed = [segment for segment in self._segments() if segment.suffix != ".jsonl"]
        for segment in compressed if self._last != 0 else []:
            kept: deque[LogEvent] = deque(maxlen=self._last)
            history = read_segment(segment, self.report, self._zone)
            kept.extend(event for event in history if self._wanted.matches(event, segment))
            events += kept
        events.sort(key=lambda event: event.timestamp)
        return (
            events if self._last is None else events[len(events) - min(self._last, len(events)) :]
        )

    def _segments(self) -> list[Segment]:
        try:
            return find([path for path in self._paths if path.exists()]).segments
        except PathError:
            return []

    def _files(self, *, tell: bool = False) -> Iterator[tuple[Path, Path]]:
        """Yield the files to follow, each with the path it was found under."""
        for root in self._paths:
            if root.is_dir():
                for directory, names in find_directories(root):
                    for name in names:
                        parsed = parse_segment_name(name)
                        # A compressed segment was followed while it was lines.
                        if parsed is not None and parsed.suffix == ".jsonl":
                            yield directory / name, root
            elif root.exists():
                yield root, root
            elif tell:
                self._on_wait(str(root))

    def _discover(self) -> None:
        """Open files that are new, and note which of the open ones have lost their names."""
        for tail in self._tails.values():
            tail.named = False
        for path, root in self._files():
            self._open(path, root)

    def _open(self, path: Path, root: Path) -> _Tail | None:
        try:
            status = path.stat()
            key = (status.st_dev, status.st_ino)
            if key in self._tails:
                self._tails[key].named = True
                return None
            file = path.open("rb", buffering=0)
        except OSError as error:
            self.report.note(f"cannot read {str(path)!r}: {error.strerror}")
            return None
        self._tails[key] = tail = self._described(file, path, root)
        return tail

    def _described(self, file: IO[bytes], path: Path, root: Path) -> _Tail:
        segment, text_metrics = Segment(path, path.parent.name), frozenset[str]()
        try:
            found = find([path])
            text_metrics = text_metrics_of(found)
            segment = found.segments[0]
            if path != root and path.parent != root:
                segment = replace(segment, run=str(path.parent.relative_to(root)))
        except (PathError, IndexError):
            pass  # It went away already; what is in it is still read.
        return _Tail(file, segment, text_metrics)

    def _close_ended(self) -> None:
        for key, tail in [*self._tails.items()]:
            if not tail.named and tail.quiet > _PATIENCE:
                tail.file.close()
                del self._tails[key]

    # From files to events.

    def _drained(self, tail: _Tail) -> Iterator[LogEvent]:
        while lines := self._lines(tail):
            yield from self._events(lines, tail)

    def _lines(self, tail: _Tail) -> list[bytes]:
        try:
            return tail.drain()
        except OSError as error:
            self.report.note(f"cannot read {str(tail.segment.path)!r}: {error.strerror}")
            return []

    def _events(self, lines: Iterable[bytes], tail: _Tail) -> Iterator[LogEvent]:
        for line in lines:
            try:
                event = self._decoded(line, tail) if line.strip() else None
            except NotAnEvent as error:
                self.report.skip(tail.segment.path, None, error.reason)
                continue
            if event is not None:
                yield event

    def _decoded(self, line: bytes, tail: _Tail) -> LogEvent | None:
        """Return the event of a line, None when it is not wanted."""
        event = decode_line(line, zone=self._zone, text_metrics=tail.text_metrics)
        event = with_origin(event, tail.segment)
        return event if self._wanted.matches(event, tail.segment) else None

    def _last_of(self, tail: _Tail) -> list[LogEvent]:
        """Return the last wanted events of a file, reading backwards, and stand at its end."""
        size = os.fstat(tail.file.fileno()).st_size
        end = self._end_of_lines(tail, size)
        tail.file.seek(max(0, end - _MARK))
        tail.mark = tail.file.read(min(_MARK, end))
        tail.position = end
        if self._last is None:
            tail.position, tail.mark = 0, b""
            return list(self._drained(tail))
        kept: deque[LogEvent] = deque()
        rest = b""
        while end > 0 and len(kept) < self._last:
            start = max(0, end - _BLOCK)
            tail.file.seek(start)
            block = tail.file.read(end - start) + rest
            first, newline, whole = block.partition(b"\n") if start else (b"", b"", block)
            rest, end = first + newline, start
            kept.extendleft(reversed([*self._events(whole.split(b"\n"), tail)]))
        return [*kept][-self._last :] if self._last else []

    def _unfinished(self, tail: _Tail) -> list[LogEvent]:
        """Return the event in a last line without end, if it is a whole one."""
        tail.file.seek(tail.position)
        line = tail.file.read()
        try:
            event = self._decoded(line, tail) if line.strip() else None
        except NotAnEvent:
            self.report.unfinished.append(tail.segment.path)
            return []
        return [event] if event is not None else []

    def _end_of_lines(self, tail: _Tail, size: int) -> int:
        """Return where the last whole line ends."""
        end = size
        while end > 0:
            start = max(0, end - _BLOCK)
            tail.file.seek(start)
            found = tail.file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _stdin(self) -> Iterator[list[LogEvent]]:
        tail = _Tail(sys.stdin.buffer, Segment(STDIN, "-"), frozenset())
        while not self._closed.is_set():
            block = os.read(sys.stdin.fileno(), _BLOCK)
            *lines, tail.half = (tail.half + block).split(b"\n")
            if not block and tail.half:
                lines, tail.half = [tail.half], b""
            if events := [*self._events(lines, tail)]:
                yield events
            if not block:
                return


def follow(
    paths: Paths,
    *,
    last: int = 0,
    from_start: bool = False,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    assume_tz: str | tzinfo | None = None,
    poll_interval: float = POLL_INTERVAL,
    report: Report | None = None,
) -> Follower:
    """Follow logs: yield each event once as it is appended, until the caller stops.

    Files that appear later, rotation by renaming, truncation and replacement are followed; half
    a line is held until its end is there; a path that is not there yet is waited for.

    Args:
        paths: files or directories, or `-`; one or several.
        last: first yield so many of the events that are there, the last by time.
        from_start: first yield all events that are there.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        assume_tz: see `iter_events`.
        poll_interval: seconds between two looks at the files.
        report: receives what was skipped.

    Returns:
        An iterator of `LogEvent` in order of arrival; `close()` or leaving a `with` block ends it.

    Raises:
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
    """
    zone = read_zone(assume_tz)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    return Follower(
        paths,
        wanted,
        last=None if from_start else last,
        zone=zone,
        poll_interval=poll_interval,
        report=report,
    )
