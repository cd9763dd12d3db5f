"""What one writes by hand: the floor that ratios are taken against, and simpler things.

The floor is the cheapest honest design: every line carries the time, the location of the call and
the metadata, and all lines reach the file. It checks nothing, locks nothing and survives nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import msgspec

from benchmarks.recorder import Recorder

FLUSH_EVERY = 1000
"""Events that the floors keep before they encode and write them."""
_MICROSECONDS = tuple(f"{microseconds:03d}Z" for microseconds in range(1000))


class _Event(msgspec.Struct, gc=False):
    timestamp: int | str
    """Nanoseconds since the epoch until the flush, text from then on."""
    metric: str
    value: float
    metadata: dict[str, int]
    location: str


def open_append(_directory: Path) -> Recorder:
    """Append a tuple to a list and write nothing: what calling anything at all costs."""
    pending: list[tuple[Any, ...]] = []

    def log(identifier: str, value: float, metadata: dict[str, int]) -> None:
        pending.append((identifier, value, metadata))

    return Recorder(log, pending.clear)


def open_floor(directory: Path) -> Recorder:
    """Open the floor: one Struct per event, encoded together and inline.

    `log` only asks for the time; the flush makes text of it, formatting once a second what is
    common to it. Other ways cost more: `datetime.now(UTC)` in the call, or one for each event at
    the flush.
    """
    return _open_floor(directory, msgspec.json.Encoder().encode_lines)


def open_floor_tuned(directory: Path) -> Recorder:
    """Open the same with the text of times made as micrometric does, once a millisecond."""
    encode = msgspec.json.Encoder().encode_lines
    return _open_floor(directory, encode, _write_times_by_milliseconds)


def open_floor_orjson(directory: Path) -> Recorder:
    """Open the same with orjson, which encodes one event at a time."""
    import orjson

    def line(event: _Event) -> bytes:
        fields = {
            "timestamp": event.timestamp,
            "metric": event.metric,
            "value": event.value,
            "metadata": event.metadata,
            "location": event.location,
        }
        encoded: bytes = orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
        return encoded

    return _open_floor(directory, lambda events: b"".join([line(event) for event in events]))


def _write_times(events: list[_Event]) -> None:
    """Turn the times of events into text, formatting once what a second has in common."""
    formatted, prefix = -1, ""
    for event in events:
        second, nanoseconds = divmod(event.timestamp, 1_000_000_000)  # type: ignore[operator] # a number until here
        if second != formatted:
            prefix = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"
            formatted = second
        event.timestamp = f"{prefix}.{nanoseconds // 1000:06d}Z"


def _open_floor(
    directory: Path,
    encode: Callable[[list[_Event]], bytes],
    write_times: Callable[[list[_Event]], None] = _write_times,
) -> Recorder:
    file = (directory / "floor.jsonl").open("wb", buffering=0)
    pending: list[_Event] = []
    locations: dict[CodeType, str] = {}
    frame, now = sys._getframe, time.time_ns

    def flush() -> None:
        write_times(pending)
        file.write(encode(pending))
        pending.clear()

    def log(identifier: str, value: float, metadata: dict[str, int]) -> None:
        caller = frame(1)
        location = locations.get(caller.f_code) or _locate(locations, caller)
        pending.append(_Event(now(), identifier, value, metadata, location))
        if len(pending) >= FLUSH_EVERY:
            flush()

    def close() -> None:
        flush()
        file.close()

    return Recorder(log, close)


def open_json(directory: Path) -> Recorder:
    """Open what most programs begin with: `json.dumps` and `write` in every call."""
    file = (directory / "plain.jsonl").open("w", encoding="utf-8")

    def log(identifier: str, value: float, metadata: dict[str, int]) -> None:
        caller = sys._getframe(1)
        event = {
            "timestamp": datetime.now(UTC).isoformat(),
            "metric": identifier,
            "value": value,
            "metadata": metadata,
            "location": f"{caller.f_globals['__name__']}.{caller.f_code.co_qualname}",
        }
        file.write(json.dumps(event) + "\n")

    return Recorder(log, file.close)


def _locate(locations: dict[CodeType, str], caller: FrameType) -> str:
    location = f"{caller.f_globals['__name__']}.{caller.f_code.co_qualname}"
    return locations.setdefault(caller.f_code, location)


def _write_times_by_milliseconds(events: list[_Event]) -> None:
    """Turn the times of events into text, formatting once what a millisecond has in common."""
    formatted, prefix = -1, ""
    for event in events:
        millisecond, nanoseconds = divmod(event.timestamp, 1_000_000)  # type: ignore[operator] # a number until here
        if millisecond != formatted:
            second, thousandths = divmod(millisecond, 1000)
            moment = datetime.fromtimestamp(second, UTC)
            prefix = f"{moment:%Y-%m-%dT%H:%M:%S}.{thousandths:03d}"
            formatted = millisecond
        event.timestamp = prefix + _MICROSECONDS[nanoseconds // 1000]
