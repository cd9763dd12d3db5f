"""What is in the files when following begins: the last events by time, or whole segments."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Iterator

from micrometric.batches import batches_of
from micrometric.errors import NotAnEvent, PathError
from micrometric.event import LogEvent
from micrometric.finder import Segment
from micrometric.intake import Intake
from micrometric.opening import lines_back
from micrometric.watcher import Watched, Watcher


def whole_batches(
    segment: Segment, intake: Intake, *, is_vital: bool = False
) -> Iterator[list[LogEvent]]:
    """Yield the wanted events of a whole segment, many at a time; note where it cannot be read.

    Raises:
        PathError: it cannot be read, and is vital.
    """
    try:
        yield from batches_of(intake.whole(segment))
    except PathError as error:
        if is_vital:
            raise
        intake.report.note(str(error))


def last_events(watcher: Watcher, intake: Intake, count: int | None) -> list[LogEvent]:
    """Return the last wanted events by time, the last of all at the end.

    Args:
        watcher: has the files, each standing at its end.
        intake: makes events of their lines.
        count: how many; None is all.
    """
    most = sys.maxsize if count is None else count
    events: list[LogEvent] = []
    for sources in _by_session(watcher).values():
        newest = itertools.chain.from_iterable(
            _backwards(source, intake) for source in reversed(sources)
        )
        events += [*itertools.islice(newest, most)][::-1]
    events.sort(key=lambda event: event.timestamp)
    return events[max(0, len(events) - most) :]


def _by_session(watcher: Watcher) -> dict[tuple[str, str], list[Watched | Segment]]:
    """Group what is there by session, each from its first segment to its last.

    In a session, events of a later segment are later; so most segments need not be read.
    """
    groups: dict[tuple[str, str], list[Watched | Segment]] = {}
    there: list[Watched | Segment] = [*watcher.compressed, *watcher.files.values()]
    for source in there:
        segment = _segment_of(source)
        # A file that names no session is a source of its own.
        key = segment.run, segment.session or str(segment.path)
        groups.setdefault(key, []).append(source)
    for sources in groups.values():
        # Not all that are compressed need to be older than all that are not.
        sources.sort(key=lambda source: _segment_of(source).index or 0)
    return groups


def _segment_of(source: Watched | Segment) -> Segment:
    return source if isinstance(source, Segment) else source.segment


def _backwards(source: Watched | Segment, intake: Intake) -> Iterator[LogEvent]:
    """Yield the events of a segment, the last first."""
    if isinstance(source, Segment) and source.suffix == ".parquet":
        yield from intake.events(lines_back(source, intake.report), source)
        return
    if isinstance(source, Segment):
        yield from reversed([*intake.whole(source)])
        return
    segment = source.segment
    with contextlib.suppress(NotAnEvent):
        # A whole event counts although its line has no end yet.
        event = intake.decode(source.file.unfinished(), segment)
        source.file.take_unfinished()
        if intake.wanted.matches(event, segment):
            yield event
    yield from intake.events(source.file.lines_back(), segment)
