"""From decoded events to the columns of a request, for engines that do not read lines themselves.

What is an event, our reader says; what a column holds is the same as what the SQL of the DuckDB
engine says, and tested against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.event import LogEvent, as_utf8, finite
from micrometric.flat import as_double, observations
from micrometric.keys import Key, bucket_start, metadata_at
from micrometric.reader import read_segment
from micrometric.spelling import spelled

ColumnType = Literal["text", "number", "integer", "moment", "flag"]
Columns = dict[str, list[Any]]
_BATCH = 50_000
"""Events held as Python objects at a time."""


def column_types(request: Request) -> dict[str, ColumnType]:
    """Return the columns of a request with what they hold; all but `suspect` may hold None."""
    types: dict[str, ColumnType] = {
        "metric": "text",
        "location": "text",
        "timestamp": "moment",
        "value": "number",
        "suspect": "flag",
    }
    for key in (*request.groups, *request.conditions):
        column = request.text_column(key)
        types[column] = _key_type(key)
        if key in request.conditions:
            types[f"{column}_number"] = "number"
            types[f"{column}_string"] = "text"
    return types


def read_columns(source: Source, request: Request) -> Iterator[Columns]:
    """Yield the observations of all segments as columns, some thousand at a time."""
    events: list[LogEvent] = []
    for number, segment in enumerate(source.segments):
        if source.progress is not None:
            source.progress(number / len(source.segments))
        for event in read_segment(segment, source.report, source.zone, source.text_metrics):
            events.append(event)
            if len(events) == _BATCH:
                yield columns_of(events, request, source.dims, source.explode)
                events = []
    yield columns_of(events, request, source.dims, source.explode)


def columns_of(
    events: Iterable[LogEvent],
    request: Request,
    dims: Mapping[str, tuple[str, ...]],
    explode: tuple[str, ...] = (),
) -> Columns:
    """Return events as columns, a list of registered axes element by element.

    Args:
        events: as our reader decodes them.
        request: the keys that are asked for.
        dims: the axes of metrics.
        explode: the axes of all other metrics.
    """
    columns: Columns = {name: [] for name in column_types(request)}
    readers = [_reader(key, request, columns) for key in dict.fromkeys(_keys(request))]
    texts: dict[str, str] = {}
    """One of all that are equal, which saves the memory of the others."""
    for event in events:
        metric, location = as_utf8(event.metric), as_utf8(event.location)
        metric, location = texts.setdefault(metric, metric), texts.setdefault(location, location)
        axes = dims.get(event.metric, explode)
        for index, value in observations(event.value, len(axes)):
            columns["metric"].append(metric)
            columns["location"].append(location)
            columns["timestamp"].append(event.timestamp.replace(tzinfo=None))
            columns["value"].append(_number(value))
            at = dict(zip(axes, index, strict=False))
            for read in readers:
                read(event, value, at)
    columns["suspect"] = [False] * len(columns["metric"])
    return columns


def _keys(request: Request) -> tuple[Key, ...]:
    return (*request.groups, *request.conditions)


def _key_type(key: Key) -> ColumnType:
    if key.kind == "bucket" or (key.kind == "origin" and key.path == "rank"):
        return "integer"
    return "moment" if key.kind == "field" and key.path == "timestamp" else "text"


def _reader(
    key: Key, request: Request, columns: Columns
) -> Callable[[LogEvent, Any, Mapping[str, int]], None]:
    """Return what adds a key of an observation to its columns."""
    column = request.text_column(key)
    texts = columns[column].append
    if key not in request.conditions:
        return lambda event, value, at: texts(_shown(key, _held(key, event, value, at)))
    numbers, strings = columns[f"{column}_number"].append, columns[f"{column}_string"].append

    def read(event: LogEvent, value: Any, at: Mapping[str, int]) -> None:
        held = _held(key, event, value, at)
        texts(_shown(key, held))
        number = None if _key_type(key) == "moment" or key.kind == "bucket" else _number(held)
        numbers(number if number == number else None)
        if key.path == "value" and key.kind == "field":
            held = finite(held)  # There, and only there, the name of such a number is one.
        strings(as_utf8(held) if isinstance(held, str) else None)

    return read


def _held(key: Key, event: LogEvent, value: Any, at: Mapping[str, int]) -> Any:
    """Return what an observation has under a key."""
    if key.kind == "metadata":
        return at[key.path] if key.path in at else metadata_at(event.metadata, key.path)
    if key.kind == "directory":
        return None if event.directories is None else event.directories.get(key.path)
    if key.kind == "bucket":
        return bucket_start(event.timestamp, key.seconds)
    return value if key.path == "value" else getattr(event, key.path)


def _shown(key: Key, held: Any) -> Any:
    """Return the text of a key, or the number or time where it is always one."""
    if held is None:
        return None
    if key.kind == "bucket":
        return int(held.timestamp()) * 1_000_000
    if key.kind in ("metadata", "directory") or key.path == "value":
        return as_utf8(spelled(held))
    if key.path == "timestamp":
        return held.replace(tzinfo=None)
    return as_utf8(held) if isinstance(held, str) else held


def _number(held: Any) -> float | None:
    """Return the number that JSON data is, None when it is none."""
    return as_double(held) if isinstance(held, int | float) else None
