"""From lines to the events that are wanted: decode, give them their origin, filter, count the rest.

Apart from the follower, so that whatever brings lines may use it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from micrometric.blocks import pass_block, read_block
from micrometric.bounds import LINE_LIMIT
from micrometric.errors import NotAnEvent
from micrometric.event import LogEvent
from micrometric.filters import Filter
from micrometric.finder import Segment
from micrometric.lines import LineCount
from micrometric.opening import too_long
from micrometric.reader import decode_event, read_segment
from micrometric.report import Report

_UNCOUNTED = LineCount(None)


@dataclass(slots=True)
class Intake:
    """How lines become events."""

    wanted: Filter
    zone: tzinfo | None
    report: Report
    """Receives what is no event."""
    text_metrics: frozenset[str] = frozenset()
    """Metrics registered as `str`, whose "NaN" is a text."""
    raw: bool = False
    """Whether lines may be told as they are."""

    def taken(
        self, lines: bytes, segment: Segment, count: LineCount = _UNCOUNTED
    ) -> list[LogEvent] | bytes:
        """Return the wanted events of whole lines of a segment, or where `raw` the lines.

        Args:
            lines: the lines with their ends.
            segment: where they stand.
            count: says which is the first of them, and counts them.
        """
        passed = self.passed(lines, segment, count) if self.raw and lines else None
        return self.block(lines, segment, count) if passed is None else passed

    def events(
        self, lines: Iterable[bytes], segment: Segment, count: LineCount = _UNCOUNTED
    ) -> Iterator[LogEvent]:
        """Yield the wanted events of some lines of a segment."""
        for line in lines:
            number = count.take()
            if len(line) > LINE_LIMIT:
                self.report.skip(segment.path, number, too_long(), "length")
                continue
            if not line.strip():
                continue
            try:
                event = self.decode(line, segment)
            except NotAnEvent as error:
                self.report.skip(segment.path, number, error.reason, error.kind)
                continue
            if self.wanted.matches(event, segment):
                yield event

    def block(
        self, lines: bytes, segment: Segment, count: LineCount = _UNCOUNTED
    ) -> list[LogEvent]:
        """Return the wanted events of whole lines of a segment, in less time than one by one."""
        events = read_block(lines, segment, self.text_metrics)
        if events is None:
            return [*self.events(io.BytesIO(lines), segment, count)]
        count.take(len(events))  # Each line is one.
        if self.wanted.asks_nothing:
            return events
        return [event for event in events if self.wanted.matches(event, segment)]

    def passed(self, lines: bytes, segment: Segment, count: LineCount = _UNCOUNTED) -> bytes | None:
        """Return whole lines as they are, with their origin, where all are wanted events.

        Returns:
            None where some are not wanted, are no events, or cannot be printed as they are.
        """
        passed = pass_block(lines, segment) if self.wanted.asks_nothing else None
        if passed is None:
            return None
        count.take(passed[1])
        return passed[0]

    def decode(self, line: bytes, segment: Segment) -> LogEvent:
        """Return the event of a line, wanted or not.

        Raises:
            NotAnEvent: it is none.
        """
        return decode_event(line, segment, self.report, self.zone, self.text_metrics)

    def whole(self, segment: Segment) -> Iterator[LogEvent]:
        """Yield the wanted events of a whole segment, compressed or not."""
        for event in read_segment(segment, self.report, self.zone, self.text_metrics):
            if self.wanted.matches(event, segment):
                yield event
