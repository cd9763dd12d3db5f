"""Events as lines: aligned for people, in full for programs.

Made of plain strings, for there are many: a line drawn by rich takes 200 times as long.
"""

from __future__ import annotations

import functools
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from micrometric.event import ORIGIN_FIELDS, LogEvent, encode_event, finite, format_timestamp
from micrometric_cli.options import LineFormat
from micrometric_cli.render.formats import csv_lines, json_line
from micrometric_cli.render.numbers import format_number
from micrometric_cli.render.text import is_printable, printable, shortened, width_of

_DIM, _BOLD, _MAGENTA, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[35m", "\x1b[0m"
_WIDEST_VALUE = 24
_WIDEST_METADATA = 40
_NARROWEST_LOCATION = 10
_GAP = "  "


class LineWriter(ABC):
    """Turns events into text, a line each."""

    left_out: str | None = None
    """What a terminal was too narrow for, so far."""

    @abstractmethod
    def __call__(self, events: Sequence[LogEvent]) -> str:
        """Return the lines of some events."""


def line_writer(format_: LineFormat, *, digits: int, width: int | None, colour: bool) -> LineWriter:
    """Return what turns events into text, a line each.

    Args:
        format_: text for people, json or csv for programs.
        digits: significant digits of a float in text.
        width: columns of the terminal, None where lines may be of any length.
        colour: whether text has colours.
    """
    if format_ is LineFormat.JSON:
        return _JsonLines()
    if format_ is LineFormat.CSV:
        return _CsvLines(safe=width is not None)
    return _TextLines(digits, width, colour)


class _JsonLines(LineWriter):
    """The event line, with its origin; signs that are not printable are escaped."""

    def __call__(self, events: Sequence[LogEvent]) -> str:
        text = b"".join(map(encode_event, events)).decode()
        if is_printable(text.replace("\n", "")):
            return text
        return "".join(json_line(json.loads(line)) for line in text.split("\n") if line)


class _CsvLines(LineWriter):
    """Comma-separated values, with a heading before the first."""

    _COLUMNS = ("timestamp", "metric", "value", "metadata", "location", *ORIGIN_FIELDS)

    def __init__(self, *, safe: bool) -> None:
        self._safe = safe
        self._headed = False

    def __call__(self, events: Sequence[LogEvent]) -> str:
        heading = [] if self._headed else [list(self._COLUMNS)]
        self._headed = True
        return csv_lines([*heading, *map(self._row, events)], safe=self._safe)

    def _row(self, event: LogEvent) -> list[object]:
        value, metadata = finite(event.value), finite(event.metadata)
        origin = [getattr(event, name) for name in ORIGIN_FIELDS]
        stamp = format_timestamp(event.timestamp)
        return [stamp, event.metric, value, metadata, event.location, *origin]


class _Names:
    """Names of a column, shortened to a width so that no two of them look the same."""

    def __init__(self, width: int | None, style: str) -> None:
        self._width = width
        self._style = style
        self._short: dict[str, str] = {}
        self._cells: dict[str, str] = {}
        self.widest = 0
        """Width of the widest; a column only ever grows, so lines on the screen stay in line."""

    def add(self, name: str) -> None:
        """Make a name known, before the first line with it is written."""
        if name not in self._short:
            names = {printable(known): known for known in [*self._short, name]}
            width = max(map(width_of, names)) if self._width is None else self._width
            forms = shortened(names.keys(), width)
            self._short = {known: forms[text] for text, known in names.items()} | {
                name: forms[printable(name)]
            }
            self.widest = max(map(width_of, self._short.values()))
            self._cells.clear()

    def cell(self, name: str) -> str:
        """Return the name, padded to the column and painted."""
        cell = self._cells.get(name)
        if cell is None:
            text = self._short[name]
            cell = _painted(text + " " * (self.widest - width_of(text)), self._style)
            self._cells[name] = cell
        return cell

    def text(self, name: str) -> str:
        """Return the name as it is shown."""
        return self._short[name]

    def __contains__(self, name: str) -> bool:
        return name in self._short

    def __len__(self) -> int:
        return len(self._short)


class _TextLines(LineWriter):
    """Aligned lines: time, who where there are several, metric, value, metadata, location.

    Lines that go elsewhere than to a terminal have the whole time and everything else in full.
    On a terminal the date stands on a line of its own, and what is too long is shortened.
    """

    def __init__(self, digits: int, width: int | None, colour: bool) -> None:
        self._float = f".{digits}g"
        self._width = width
        self._dim, self._plain = (_DIM, _RESET) if colour else ("", "")
        self._origins = _Names(width and width // 5, _MAGENTA if colour else "")
        self._metrics = _Names(width and width // 3, _BOLD if colour else "")
        self._widest_value = _WIDEST_VALUE if width is None else min(_WIDEST_VALUE, width // 6)
        self._value_width = 8
        self._metadata_width = 0
        self._locations: dict[int, _Names] = {}
        self._whole_locations: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        """Keys of metadata as they are shown."""
        self._day = ""

    def __call__(self, events: Sequence[LogEvent]) -> str:
        # First all columns grow to hold the events, then the lines are written.
        rows = [self._row(event) for event in events]
        return "".join([self._line(event, *row) for event, row in zip(events, rows, strict=True)])

    def _row(self, event: LogEvent) -> tuple[str, str, str]:
        """Return origin, value and metadata as text; all columns have grown to hold the event."""
        origin = _origin(event.run, event.session, event.rank)
        if event.metric not in self._metrics:
            self._metrics.add(event.metric)
        if origin not in self._origins:
            self._origins.add(origin)
        value = shown(event.value, self._float)
        metadata = self._members(event.metadata) if event.metadata else ""
        if self._width is not None:
            value = _cut(value, self._widest_value)
            metadata = _cut(metadata, self._width // 3)
        if len(value) > self._value_width or not value.isascii():
            self._value_width = max(self._value_width, min(self._widest_value, width_of(value)))
        if len(metadata) > self._metadata_width or not metadata.isascii():
            widest = min(_WIDEST_METADATA, width_of(metadata))
            self._metadata_width = max(self._metadata_width, widest)
        return origin, value, metadata

    def _members(self, metadata: Mapping[str, Any]) -> str:
        parts = []
        for name, item in metadata.items():
            key = self._keys.get(name)
            if key is None:
                key = self._keys[name] = f"{printable(name)}="
            parts.append(f"{key}{item if item.__class__ is int else shown(item, self._float)}")
        return " ".join(parts)

    def _line(self, event: LogEvent, origin: str, value: str, metadata: str) -> str:
        moment = event.timestamp.isoformat(" ", "milliseconds")
        if self._width is None:
            time, day = f"{moment[:23]}Z", ""
        else:
            time, day = moment[11:23], self._dated(moment[:10])
        who, taken = "", len(time) + self._metrics.widest + 3 * len(_GAP)
        if len(self._origins) > 1:
            who = self._origins.cell(origin) + _GAP
            taken += self._origins.widest + len(_GAP)
        width = self._value_width
        value = value.rjust(width) if value.isascii() else _padding(value, width) + value
        if self._metadata_width:
            width = self._metadata_width
            filled = metadata.isascii() and metadata.ljust(width)
            metadata = (filled or metadata + _padding(metadata, width)) + _GAP
        metric = self._metrics.cell(event.metric)
        if self._width is None:
            location = self._whole_location(event.location)
        else:
            location = self._location(event.location, taken + width_of(value) + width_of(metadata))
        time = f"{self._dim}{time}{self._plain}"
        line = f"{time}{_GAP}{who}{metric}{_GAP}{value}{_GAP}{metadata}{location}"
        return f"{day}{line.rstrip()}\n"

    def _dated(self, day: str) -> str:
        """Return a line with the day where another begins."""
        if day == self._day:
            return ""
        self._day = day
        return _painted(f"{day} UTC", self._dim) + "\n"

    def _whole_location(self, location: str) -> str:
        cell = self._whole_locations.get(location)
        if cell is None:
            cell = _painted(printable(location), self._dim)
            self._whole_locations[location] = cell
        return cell

    def _location(self, location: str, taken: int) -> str:
        """Return the location as far as there is room beside what is taken."""
        assert self._width is not None
        room = self._width - taken
        names = self._locations.get(room)
        if names is None:
            names = self._locations[room] = _Names(max(room, _NARROWEST_LOCATION), self._dim)
        names.add(location)
        text = names.text(location)
        if width_of(text) > room:
            self.left_out = "location"
            return ""
        return _painted(text, self._dim)


def shown(value: object, float_format: str) -> str:
    """Return a value as people read it, safe for a terminal.

    Args:
        value: any value of JSON, or a float that is not finite.
        float_format: such as `.6g`.
    """
    if value.__class__ is float:
        return format(value, float_format) if isfinite(value) else format_number(value, 0)
    if value.__class__ is int:
        return str(value)
    if isinstance(value, str) and value.isidentifier():
        return printable(value)
    if isinstance(value, list):
        return f"[{', '.join([shown(item, float_format) for item in value])}]"
    return printable(json.dumps(finite(value), ensure_ascii=False))


def _padding(text: str, width: int) -> str:
    return " " * (width - width_of(text))


def _painted(text: str, style: str) -> str:
    return f"{style}{text}{_RESET}" if style and text else text


@functools.lru_cache(maxsize=1024)
def _origin(run: str | None, session: str | None, rank: int | None) -> str:
    """Return what tells an event's writer from others: run, and rank or process."""
    who = f"r{rank}" if rank is not None else (session or "").rpartition("-")[2]
    return f"{run}/{who}" if who else str(run)


def _cut(text: str, width: int) -> str:
    return text if width_of(text) <= width else next(iter(shortened([text], width).values()))
