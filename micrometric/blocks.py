"""Many lines at once: a block whose lines are all beyond doubt is read in one go.

That takes a fifth of the time that reading line by line takes, and gives the same events. Beyond
doubt is what loggers write: strict JSON, one object a line, each key of its type, the time in UTC.
Of every other block nothing is said here, so that line by line has the one and only word on it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from micrometric.bounds import are_moderate
from micrometric.event import LARGEST_RANK, ORIGIN_FIELDS, LogEvent, encode_fields, read_value
from micrometric.finder import Segment
from micrometric.printable import is_printable


class _Line(msgspec.Struct, gc=False):
    """An event line beyond doubt, with or without its origin."""

    timestamp: str
    metric: str
    value: Any
    metadata: dict[str, Any]
    location: str
    run: str | None = None
    session: str | None = None
    rank: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_RANK)] | None = None
    launch: str | None = None


class _AnyObject(msgspec.Struct, gc=False):
    """An object whose keys are looked over, not kept."""


class _BareLine(msgspec.Struct, gc=False):
    """An event line beyond doubt that does not tell its origin, checked and not kept."""

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    metric: str
    value: msgspec.Raw
    metadata: _AnyObject
    location: str
    run: None = None
    session: None = None
    rank: None = None
    launch: None = None


_decoder = msgspec.json.Decoder(_Line)
_checker = msgspec.json.Decoder(_BareLine)
_NUL = rb"\u0000"
"""To msgspec, a time ends where one stands in its fraction, whatever follows."""
_DOUBTS = (msgspec.DecodeError, UnicodeDecodeError)


def read_block(
    lines: bytes, segment: Segment, text_metrics: frozenset[str] = frozenset()
) -> list[LogEvent] | None:
    """Return the events of whole lines of a segment, None where a line is not beyond doubt.

    Args:
        lines: the lines with their ends.
        segment: where they stand.
        text_metrics: metrics registered as `str`, whose "NaN" is a text.
    """
    count = len(_objects(lines))
    if not count:
        return None
    run, session, rank, launch = segment.run, segment.session, segment.rank, segment.launch
    directories = segment.directories
    events = []
    try:
        decoded = _decoder.decode_lines(lines)
        for line in decoded:
            moment = datetime.fromisoformat(line.timestamp)
            if moment.tzinfo is not UTC:
                return None
            value = line.value
            if value.__class__ is not float and value.__class__ is not int:
                value = read_value(value, is_text=line.metric in text_metrics)
            event = LogEvent(
                moment,
                line.metric,
                value,
                line.metadata,
                line.location,
                run if line.run is None else line.run,
                session if line.session is None else line.session,
                rank if line.rank is None else line.rank,
                launch if line.launch is None else line.launch,
                directories,
            )
            events.append(event)
    except (*_DOUBTS, ValueError):
        return None
    return events if len(events) == count else None


def pass_block(lines: bytes, segment: Segment) -> tuple[bytes, int] | None:
    """Return whole lines of a segment as they are, with their origin, and how many they are.

    Returns:
        None where a line is not beyond doubt, tells an origin itself, or cannot be printed as it
        is.
    """
    end = encode_fields(
        {name: origin for name in ORIGIN_FIELDS if (origin := getattr(segment, name)) is not None}
    )
    objects = _objects(lines)
    if not (objects and _is_printable(lines) and _is_printable(end)) or _NUL in lines:
        return None
    try:
        zones = [line.timestamp.tzinfo for line in _checker.decode_lines(lines)]
    except _DOUBTS:
        return None
    if not len(zones) == len(objects) == zones.count(UTC):
        return None
    end = b"," + end[1:]
    objects[-1] = objects[-1][: -len(b"}\n")] + end
    return (end + b"{").join(objects), len(objects)


def _objects(lines: bytes) -> list[bytes]:
    """Return what stands between the breaks of lines, if each starts and ends as an object does.

    If all of it is JSON besides, and there are as many objects as that, then each line is one.

    Returns:
        Nothing if a line starts or ends otherwise, or may be beyond a limit.
    """
    if not (lines.startswith(b"{") and lines.endswith(b"}\n")):
        return []
    objects = lines.split(b"}\n{")
    return objects if len(objects) == lines.count(b"\n") and are_moderate(objects) else []


def holds_objects(lines: bytes, count: int) -> bool:
    """Say whether each of some lines may be an object, whose times msgspec reads; see `_objects`.

    Args:
        lines: the lines with their ends.
        count: how many there are.
    """
    return (
        lines.startswith(b"{")
        and lines.endswith(b"}\n")
        and lines.count(b"}\n{") + 1 == count
        and _NUL not in lines
        and are_moderate(lines.split(b"\n"))
    )


def _is_printable(lines: bytes) -> bool:
    """Say whether lines of JSON, in which control characters are escaped, hold no other such."""
    if lines.isascii():
        return b"\x7f" not in lines and b"\r" not in lines and b"\t" not in lines
    try:
        return is_printable(lines.decode().replace("\n", ""))
    except UnicodeDecodeError:
        return False
