"""One segment looked over line by line: its defects, and what its account must agree with.

Blocks whose lines are all beyond doubt are looked over in one go, as reading does; of every other
block, each line.
"""

from __future__ import annotations

import io
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from micrometric.blocks import holds_objects
from micrometric.bounds import LINE_LIMIT
from micrometric.damage import damage_of
from micrometric.defects import Defect, excerpt_of
from micrometric.dtypes import fits
from micrometric.errors import NotAnEvent
from micrometric.event import decode_line, read_value
from micrometric.found import Segment
from micrometric.opening import Block, numbered_blocks
from micrometric.registry import Metric, dtype_of
from micrometric.report import Report, source_of

Tell = Callable[[Defect, Segment], None]
"""Receives defects as they are found, with their segment."""

_BACKWARDS = timedelta(seconds=1)
"""Threads write a little out of order; more than this is a clock that was set."""


@dataclass(slots=True)
class Scanned:
    """What a segment holds."""

    segment: Segment
    events: int = 0
    begin: datetime | None = None
    """Time of the first event."""
    end: datetime | None = None
    """Time of the last one."""
    first: bytes | None = None
    """The first event line."""


def scan_segment(
    segment: Segment, metrics: Mapping[str, Metric], zone: tzinfo | None, tell: Tell
) -> Scanned:
    """Look over a segment.

    Args:
        segment: the file.
        metrics: the registered metrics.
        zone: zone of timestamps that name none; None is this machine's.
        tell: receives defects; doubled lines, too, which the account of the session may allow.

    Raises:
        PathError: the file cannot be read.
    """
    return _Scan(segment, metrics, zone, tell).run()


class _Line(msgspec.Struct, gc=False):
    """An event line beyond doubt."""

    timestamp: datetime
    metric: str
    value: Any
    metadata: _Object
    location: str


class _Object(msgspec.Struct, gc=False):
    """An object whose keys are looked over, not kept."""


_decoder = msgspec.json.Decoder(_Line)
_metric_of = operator.attrgetter("metric")
_value_of = operator.attrgetter("value")
_moment_of = operator.attrgetter("timestamp")


def are_events(lines: bytes, count: int) -> bool:
    """Say whether some lines, each with its end, are events beyond doubt.

    Args:
        lines: the lines.
        count: how many there are.
    """
    if not _may_be_events(lines, count):
        return False
    try:
        decoded = _decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return len(decoded) == count and all(_is_near(line.timestamp) for line in decoded)


def _may_be_events(lines: bytes, count: int) -> bool:
    if len(lines) > LINE_LIMIT or not holds_objects(lines, count):
        return False
    if lines.isascii():
        return True
    try:  # What is looked over and not kept is not decoded.
        lines.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_near(moment: datetime) -> bool:
    """Say whether a time is one in every zone: the first and the last year have an end."""
    return MINYEAR < moment.year < MAXYEAR


def has_doubles(lines: bytes) -> bool:
    """Say whether a line is the one before once more."""
    split = lines.split(b"\n")
    return any(map(operator.eq, split, split[1:]))


class _Scan:
    """A segment while it is looked over."""

    def __init__(
        self, segment: Segment, metrics: Mapping[str, Metric], zone: tzinfo | None, tell: Tell
    ) -> None:
        self._zone = zone
        self._tell = tell
        self._source = source_of(segment.path)
        self._dtypes = {
            name: (dtype_of(metric), len(metric.dims), metric.dtype == "str")
            for name, metric in metrics.items()
        }
        self._sure: dict[tuple[str, type], bool] = {}
        """Whether all values of a class fit a metric, where their class alone tells."""
        self._last_line = b""
        self._last: datetime | None = None
        self.found = Scanned(segment)

    def run(self) -> Scanned:
        """Look over all of it."""
        report = Report()
        blocks = numbered_blocks(self.found.segment, report)
        for block in blocks:
            if not self._is_clean(block):
                self._one_by_one(block)
        for skipped in report.examples:
            defect = Defect(skipped.kind, skipped.path, skipped.reason, skipped.line)
            self._tell(defect, self.found.segment)
        return self.found

    def _is_clean(self, block: Block) -> bool:
        """Take a block in which nothing is worth a closer look, or say that there is something."""
        lines = block.lines
        if not _may_be_events(lines, block.whole):
            return False
        try:
            decoded = _decoder.decode_lines(lines)
            moments = [*map(_moment_of, decoded)]
            # Whoever mixes times with a zone and without is looked at line by line.
            is_ordered = all(map(operator.le, moments, moments[1:]))
        except (msgspec.DecodeError, UnicodeDecodeError, TypeError):
            return False
        if len(decoded) != block.whole or not is_ordered or self._is_doubtful(decoded):
            return False
        # Lines of the same time may be the same line, and only they.
        if any(map(operator.eq, moments, moments[1:])) and has_doubles(lines):
            return False
        if not (_is_near(moments[0]) and _is_near(moments[-1])):
            return False
        begin, end = self._in_utc(moments[0]), self._in_utc(moments[-1])
        if self._last is not None and self._last - begin > _BACKWARDS:
            return False
        first = lines[: lines.index(b"\n")]
        if first == self._last_line:
            return False
        self._take(first, begin, end, len(decoded))
        self._last_line = lines[lines.rfind(b"\n", 0, -1) + 1 : -1]
        return True

    def _is_doubtful(self, decoded: Iterable[_Line]) -> bool:
        """Say whether values may not be of the dtypes of their metrics."""
        if not self._dtypes:
            return False
        pairs = set(zip(map(_metric_of, decoded), map(type, map(_value_of, decoded)), strict=True))
        return not all(map(self._is_sure, pairs))

    def _is_sure(self, pair: tuple[str, type]) -> bool:
        if pair not in self._sure:
            metric, kind = pair
            dtype, dims, _ = self._dtypes.get(metric, (object, 0, False))
            # A text may stand for a number that is not finite, a list for anything.
            told_by_class = dtype is object or not (dims or kind in (list, dict))
            is_text = kind is str and dtype not in (object, str)
            sample = None if kind is type(None) else kind()
            self._sure[pair] = told_by_class and not is_text and fits(sample, sample, dtype, dims)
        return self._sure[pair]

    def _in_utc(self, moment: datetime) -> datetime:
        if moment.tzinfo is UTC:
            return moment
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone)
        return moment.astimezone(UTC)

    def _take(self, first: bytes, begin: datetime, end: datetime, events: int) -> None:
        found = self.found
        if found.first is None:
            found.first, found.begin = first, begin
        found.end = self._last = end
        found.events += events

    def _one_by_one(self, block: Block) -> None:
        offset = block.offset
        for number, line in enumerate(io.BytesIO(block.lines), block.number):
            self._line(line, number, offset)
            offset += len(line)

    def _line(self, line: bytes, number: int, offset: int) -> None:
        def defect(kind: str, reason: str) -> None:
            told = Defect(kind, self._source, reason, number, offset, excerpt_of(line))
            self._tell(told, self.found.segment)

        if not line.strip():
            return
        body = line.rstrip(b"\r\n")
        if len(line) > LINE_LIMIT:
            defect("length", f"longer than {LINE_LIMIT >> 20} MiB")
            return
        try:
            event = decode_line(line, zone=self._zone)
        except NotAnEvent:
            self._last_line = b""
            if not line.endswith(b"\n"):
                defect("unfinished", f"{len(line)} bytes without an end")
            elif (damage := damage_of(line)) is not None:
                defect(damage.kind, damage.reason)
            return
        if self._last is not None and self._last - event.timestamp > _BACKWARDS:
            back = (self._last - event.timestamp).total_seconds()
            defect("order", f"{back:,.1f} s before the line above it")
        if body == self._last_line:
            defect("doubled", "the same as the line above it")
        dtype, dims, is_text = self._dtypes.get(event.metric, (object, 0, False))
        value = read_value(event.value, is_text=is_text)
        if not fits(value, value, dtype, dims):
            kind = type(value).__name__
            defect("dtype", f"{event.metric!r} is registered as {dtype.__name__}, found {kind}")
        self._take(body, event.timestamp, event.timestamp, 1)
        self._last_line = body
