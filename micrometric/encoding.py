"""Raw events to lines, a batch at a time: the one place that knows how a queued event looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from types import CodeType
from typing import Any

import msgspec

from micrometric.event import encode_fields, finite, non_finite_name
from micrometric.location import Locations
from micrometric.values import Plain

Frozen = bytes | tuple[Mapping[str, Any], Mapping[str, Any], Any] | dict[str, Any]
"""Metadata as it was at the call: msgpack, which freezes nested data for the price of a shallow
copy; with the contexts of process and task before it; or plain data, where a look was needed."""
Raw = tuple[int, str, Any, Frozen, CodeType | str, dict[str, Any] | None]
"""An event as it waits in the queue: nanoseconds since the epoch, metric, value (plain data, of
which only a bare float may be non-finite), metadata, and the code that called with its globals,
or the location as text and None."""

# A Decimal becomes the double that every reader of a JSON number makes of it.
freeze = msgspec.msgpack.Encoder(decimal_format="number").encode
"""Freeze the metadata of a call; raises for whatever needs a look."""

_thaw_object = msgspec.msgpack.Decoder(dict[str, Any] | None).decode
_thaw = msgspec.msgpack.Decoder().decode
_encoder = msgspec.json.Encoder(decimal_format="number")
_MICROSECONDS = tuple(f"{microseconds:03d}Z" for microseconds in range(1000))
_NON_FINITE = b"\xcb\x7f", b"\xcb\xff"
"""How a NaN or an infinity begins in msgpack; text in UTF-8 cannot hold these bytes."""


class _Line(msgspec.Struct, gc=False):
    timestamp: str
    metric: str
    value: Any
    metadata: dict[str, Any]
    location: str


class Encoding:
    """Turns raw events into lines. Not safe from threads: its user holds a lock."""

    def __init__(self) -> None:
        self._locations = Locations()
        self._millisecond_ns = 0
        self._prefix = ""

    def encode(
        self, batch: list[Raw], fail: Callable[[str, Exception], None]
    ) -> tuple[bytes, list[str]]:
        """Return the lines of a batch, and the metric of each.

        Args:
            batch: events, with nothing in them that waits on a device.
            fail: called with the metric and the error for an event that has no line.
        """
        try:
            events = batch if _is_clean(batch) else [_mended(event) for event in batch]
            return _encoder.encode_lines(self._lines(events)), [event[1] for event in batch]
        except Exception:  # noqa: BLE001 - one bad event never costs its batch
            return self._encode_each(batch, fail)

    def _encode_each(
        self, batch: list[Raw], fail: Callable[[str, Exception], None]
    ) -> tuple[bytes, list[str]]:
        lines = []
        metrics = []
        for event in batch:
            try:
                lines.append(self._encode_one(event))
                metrics.append(event[1])
            except Exception as error:  # noqa: BLE001 - the others are not to blame
                fail(event[1], error)
        return b"".join(lines), metrics

    def _encode_one(self, event: Raw) -> bytes:
        (line,) = self._lines([_mended(event)])
        line.metadata = finite(Plain(line.metadata).data)  # Keys of all kinds become text here.
        try:
            return _encoder.encode(line) + b"\n"
        except (UnicodeEncodeError, OverflowError):
            return encode_fields(msgspec.structs.asdict(line))

    def _lines(self, batch: list[Raw]) -> list[_Line]:
        # One loop without calls of our own: this is where most of the time of an event goes.
        thaw, location_of = _thaw_object, self._locations.of
        prefix, millisecond_ns = self._prefix, self._millisecond_ns
        last_code: object = None
        last_module: object = None
        location = ""
        lines: list[_Line] = []
        add = lines.append
        for time_ns, metric, value, metadata, code, module in batch:
            since = time_ns - millisecond_ns
            if not 0 <= since < 1_000_000:
                since = time_ns % 1_000_000
                self._millisecond_ns = millisecond_ns = time_ns - since
                self._prefix = prefix = _to_the_millisecond(millisecond_ns)
            if code is not last_code or module is not last_module:
                last_code, last_module = code, module
                location = code if module is None else location_of(code, module)  # type: ignore[assignment,arg-type] # code and module come together
            data = thaw(metadata) or {} if metadata.__class__ is bytes else metadata
            add(_Line(prefix + _MICROSECONDS[since // 1000], metric, value, data, location))  # type: ignore[arg-type] # what else is there is mended
        return lines


def _is_clean(batch: list[Raw]) -> bool:
    """Say whether no event of the batch needs a look before it is encoded."""
    try:
        # One look at the sum finds NaN and infinity, for which encoding would write null.
        if not isfinite(sum([event[2] for event in batch])):
            return False
        frozen = b"".join([event[3] for event in batch])  # type: ignore[misc] # what else it may be raises
    except (TypeError, OverflowError):
        return False  # Texts, lists, contexts.
    return frozen.find(_NON_FINITE[0]) < 0 and frozen.find(_NON_FINITE[1]) < 0


def _mended(event: Raw) -> Raw:
    """Return the event with contexts merged and every float either finite or a name."""
    time_ns, metric, value, metadata, code, module = event
    if value.__class__ is float and not isfinite(value):
        value = non_finite_name(value)
    if metadata.__class__ is tuple:
        metadata = {**metadata[0], **metadata[1], **_thawed(metadata[2])}
    elif metadata.__class__ is bytes:
        metadata = _thawed(metadata)
    return time_ns, metric, value, metadata, code, module


def _thawed(frozen: bytes) -> dict[str, Any]:
    metadata = _thaw(frozen)
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        return {"metadata": finite(metadata)}  # Not what was asked for, but nothing is lost.
    if frozen.find(_NON_FINITE[0]) < 0 and frozen.find(_NON_FINITE[1]) < 0:
        return metadata
    return finite(metadata)  # type: ignore[no-any-return]


def _to_the_millisecond(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1_000_000:03d}"
