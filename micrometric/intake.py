"""From lines to the events that are wanted: decode, give them their origin, filter, count the rest.

Apart from the follower, so that whatever brings lines may use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Annotated

import msgspec

from micrometric.errors import NotAnEvent
from micrometric.event import (
    ORIGIN_FIELDS,
    LogEvent,
    decode_fields,
    encode_fields,
    is_naive,
    to_event,
)
from micrometric.filters import Filter
from micrometric.finder import Segment
from micrometric.reader import give_origin, read_segment
from micrometric.report import Report


class _AnyObject(msgspec.Struct, gc=False):
    """An object whose keys are looked over, not kept."""


class _Event(msgspec.Struct, gc=False):
    """An event line beyond doubt; every other kind of line is left to `Intake.events`."""

    timestamp: Annotated[datetime, msgspec.Meta(tz=True)]
    metric: str
    value: msgspec.Raw
    metadata: _AnyObject
    location: str
    run: None = None
    session: None = None
    rank: None = None
    launch: None = None


_checker = msgspec.json.Decoder(_Event)


@dataclass(slots=True)
class Intake:
    """How lines become events."""

    wanted: Filter
    zone: tzinfo | None
    report: Report
    """Receives what is no event."""
    text_metrics: frozenset[str] = frozenset()
    """Metrics registered as `str`, whose "NaN" is a text."""

    def events(self, lines: Iterable[bytes], segment: Segment) -> Iterator[LogEvent]:
        """Yield the wanted events of some lines of a segment."""
        for line in lines:
            if not line.strip():
                continue
            try:
                event = self.decode(line, segment)
            except NotAnEvent as error:
                self.report.skip(segment.path, None, error.reason)
                continue
            if self.wanted.matches(event, segment):
                yield event

    def passed(self, lines: bytes, segment: Segment) -> bytes | None:
        """Return whole lines as they are, with their origin, where all are wanted events.

        Checking many lines at once takes a tenth of the time of making events and writing them.

        Returns:
            None where some are not wanted, are no events, or cannot be printed as they are.
        """
        end = encode_fields(
            {
                name: origin
                for name in ORIGIN_FIELDS
                if (origin := getattr(segment, name)) is not None
            }
        )
        if not (self.wanted.asks_nothing and _is_printable(lines) and _is_printable(end)):
            return None
        try:
            events = _checker.decode_lines(lines)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        # An empty line is none, and one with blanks at its end is not so simple.
        if not lines.count(b"}\n") == lines.count(b"\n") == len(events):
            return None
        return lines.replace(b"}\n", b"," + end[1:]) if len(end) > len(b"{}\n") else lines

    def decode(self, line: bytes, segment: Segment) -> LogEvent:
        """Return the event of a line, wanted or not.

        Raises:
            NotAnEvent: it is none.
        """
        fields = decode_fields(line)
        give_origin(fields, segment)
        event = to_event(fields, zone=self.zone, text_metrics=self.text_metrics)
        stamp = fields.timestamp
        if self.report.assumed_zone is None and not stamp.endswith("Z") and is_naive(stamp):
            self.report.assumed_zone = "this machine's" if self.zone is None else str(self.zone)
        return event

    def whole(self, segment: Segment) -> Iterator[LogEvent]:
        """Yield the wanted events of a whole segment, compressed or not."""
        for event in read_segment(segment, self.report, self.zone, self.text_metrics):
            if self.wanted.matches(event, segment):
                yield event


def _is_printable(lines: bytes) -> bool:
    """Say whether lines of JSON, in which control characters are escaped, hold no other such."""
    if lines.isascii():
        return b"\x7f" not in lines and b"\r" not in lines and b"\t" not in lines
    try:
        return lines.decode().replace("\n", "").isprintable()
    except UnicodeDecodeError:
        return False
