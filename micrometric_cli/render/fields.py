"""Events as lines of chosen keys: columns for people, objects or cells for programs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from micrometric.event import LogEvent, finite, format_timestamp
from micrometric.keys import read_key, value_of
from micrometric_cli.options import LineFormat
from micrometric_cli.render.formats import csv_lines, json_line
from micrometric_cli.render.lines import LineWriter, shown
from micrometric_cli.render.text import width_of

_GAP = "  "
_WIDEST = 40
"""Columns up to which those of a key grow; what is longer pushes the rest of its line aside."""


class FieldLines(LineWriter):
    """The values of some keys, a line for each event.

    Args:
        keys: names of keys, in the order of the columns; None stands where an event has none.
        format_: text for people, json or csv for programs.
        digits: significant digits of a float in text.
        safe: whether to escape in csv what would command a terminal.
    """

    def __init__(
        self, keys: Sequence[str], format_: LineFormat, *, digits: int, safe: bool
    ) -> None:
        self._names = [*keys]
        self._format = format_
        self._float = f".{digits}g"
        self._safe = safe
        self._headed = False
        self._widths = [0] * len(keys)

    def __call__(self, events: Sequence[LogEvent]) -> str:
        """Return the lines of some events."""
        rows = [[_value(name, event) for name in self._names] for event in events]
        if self._format is LineFormat.JSON:
            return "".join(json_line(dict(zip(self._names, row, strict=True))) for row in rows)
        if self._format is LineFormat.CSV:
            heading = [] if self._headed else [self._names]
            self._headed = True
            return csv_lines([*heading, *rows], safe=self._safe)
        cells = [[self._cell(value) for value in row] for row in rows]
        for row in cells:
            widths = zip(self._widths, map(width_of, row), strict=True)
            self._widths = [max(known, min(_WIDEST, width)) for known, width in widths]
        return "".join(map(self._line, cells))

    def _cell(self, value: object) -> str:
        if isinstance(value, _Time):
            return value
        return "-" if value is None else shown(value, self._float)

    def _line(self, cells: list[str]) -> str:
        padded = [
            cell + " " * (width - width_of(cell))
            for cell, width in zip(cells, self._widths, strict=True)
        ]
        return _GAP.join(padded).rstrip() + "\n"


class _Time(str):
    """A time as it stands in an event line; no text that needs marks around it."""


def _value(name: str, event: LogEvent) -> Any:
    """Return what an event has under a key, as JSON can hold it."""
    directories = event.directories or {}
    key = _key(name, name in directories)
    found = value_of(key, event, directories)
    return _Time(format_timestamp(found)) if isinstance(found, datetime) else finite(found)


@functools.cache
def _key(name: str, is_directory: bool) -> Any:
    return read_key(name, {name} if is_directory else set())
