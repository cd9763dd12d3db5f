"""Events as lines: aligned for people, in full for programs. Cheap, for there are many."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime

from micrometric.event import LogEvent, encode_event, finite
from micrometric_cli.options import LineFormat
from micrometric_cli.render.text import printable

_DIM, _BOLD, _CYAN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[0m"
_WIDEST = 32
"""Columns that a metric's name may claim for all lines."""
_CSV_COLUMNS = (
    "timestamp", "metric", "value", "metadata", "location", "run", "session", "rank", "launch",
)  # fmt: skip


def line_writer(format_: LineFormat, *, colour: bool) -> Callable[[Sequence[LogEvent]], str]:
    """Return what turns events into text, one line each."""
    if format_ is LineFormat.JSON:
        return lambda events: b"".join(map(encode_event, events)).decode()
    if format_ is LineFormat.CSV:
        return _CsvLines()
    return _TextLines(colour=colour)


class _CsvLines:
    """Comma-separated values, with a heading before the first."""

    def __init__(self) -> None:
        self._headed = False

    def __call__(self, events: Sequence[LogEvent]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._headed:
            writer.writerow(_CSV_COLUMNS)
            self._headed = True
        for event in events:
            fields = json.loads(encode_event(event))
            writer.writerow([_cell(fields.get(name)) for name in _CSV_COLUMNS])
        return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, list | dict | bool):
        return json.dumps(value, ensure_ascii=False)
    return value


class _TextLines:
    """Aligned lines: time, who where there are several, metric, value, metadata, location.

    Columns only ever grow, so that lines already on the screen stay where they are.
    """

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour
        self._name_width = 0
        self._value_width = 8
        self._origins: dict[str, None] = {}

    def __call__(self, events: Sequence[LogEvent]) -> str:
        for event in events:
            self._name_width = max(self._name_width, min(_WIDEST, len(event.metric)))
            self._origins[_origin(event)] = None
        return "".join(map(self._line, events))

    def _line(self, event: LogEvent) -> str:
        value = _value_text(event.value)
        self._value_width = max(self._value_width, min(24, len(value)))
        name = f"{printable(event.metric):<{self._name_width}}"
        metadata = " ".join(f"{printable(k)}={_value_text(v)}" for k, v in event.metadata.items())
        parts = [
            self._paint(_time_text(event.timestamp), _DIM),
            *([self._paint(self._origin_cell(event), _CYAN)] if len(self._origins) > 1 else []),
            self._paint(name, _BOLD),
            f"{value:>{self._value_width}}",
            *([metadata] if metadata else []),
            self._paint(printable(event.location), _DIM),
        ]
        return "  ".join(parts) + "\n"

    def _origin_cell(self, event: LogEvent) -> str:
        return f"{printable(_origin(event)):<{max(map(len, self._origins))}}"

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self._colour else text


def _origin(event: LogEvent) -> str:
    """Return what tells an event's writer from others: run, and rank or pid."""
    who = f"r{event.rank}" if event.rank is not None else (event.session or "").rpartition("-")[2]
    return f"{event.run}/{who}" if who else str(event.run)


def _time_text(moment: datetime) -> str:
    """Return the time on this machine's clock, to the millisecond."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03d}"


def _value_text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return (
            printable(value)
            if value.isidentifier()
            else json.dumps(printable(value), ensure_ascii=False)
        )
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return str(value)
    return printable(json.dumps(finite(value), ensure_ascii=False))
