"""Raw events to lines, a batch at a time: the one place that knows how a queued event looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat
from math import isfinite
from operator import is_not
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
LARGE = 64 * 1024
"""Bytes of an event that is encoded at once, so that the bound of the queue knows its size."""
NOTHING = freeze({})
"""The metadata of a call that has none."""

_thaw_object = msgspec.msgpack.Decoder(dict[str, Any]).decode
_thaw = msgspec.msgpack.Decoder().decode
_encoder = msgspec.json.Encoder(decimal_format="number")
_MICROSECONDS = {microseconds: f"{microseconds:03d}Z" for microseconds in range(1000)}
"""The end of a time; a dict, so that what lies outside of the millisecond raises."""
_DOUBLE = 0xCB
"""How a float begins in msgpack."""
_NON_FINITE = b"\xcb\x7f", b"\xcb\xff"
"""How a NaN or an infinity begins; text in UTF-8 cannot hold these bytes."""


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
    ) -> tuple[bytes, Sequence[str]]:
        """Return the lines of a batch, and the metric of each.

        Args:
            batch: events, with nothing in them that waits on a device.
            fail: called with the metric and the error for an event that has no line.
        """
        try:
            return self._encode_all(batch)
        except Exception:  # noqa: BLE001 - one bad event never costs its batch
            return self._encode_each(batch, fail)

    def _encode_all(self, batch: list[Raw]) -> tuple[bytes, Sequence[str]]:
        # Columns and `map` rather than a loop: here most of the time of an event goes.
        times, metrics, values, frozen, codes, modules = zip(*batch, strict=True)
        is_clean = _is_clean(values, frozen)
        lines = map(
            _Line,
            self._stamps(times),
            metrics,
            values if is_clean else map(_finite_value, values),
            map(_thaw_object if is_clean else _merged, frozen),
            self._places(codes, modules),
        )
        return _encoder.encode_lines(list(lines)), metrics

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
        time_ns, metric, value, frozen, code, module = event
        (stamp,) = self._stamps([time_ns])
        (place,) = self._places([code], [module])
        metadata = finite(Plain(_merged(frozen)).data)  # Keys of all kinds become text here.
        line = _Line(stamp, metric, _finite_value(value), metadata, place)
        try:
            return _encoder.encode(line) + b"\n"
        except (UnicodeEncodeError, OverflowError):
            return encode_fields(msgspec.structs.asdict(line))

    def _places(
        self, codes: Sequence[CodeType | str], modules: Sequence[dict[str, Any] | None]
    ) -> Iterable[str]:
        """Return the locations of events, which mostly have one in common."""
        code, module = codes[0], modules[0]
        if module is None or any(map(is_not, codes, repeat(code))):
            return map(self._place, codes, modules)
        if any(map(is_not, modules, repeat(module))):
            return map(self._place, codes, modules)
        return [self._place(code, module)] * len(codes)

    def _place(self, code: CodeType | str, module: dict[str, Any] | None) -> str:
        if module is None or isinstance(code, str):
            return str(code)
        return self._locations.of(code, module)

    def _stamps(self, times: Sequence[int]) -> list[str]:
        """Return times as they stand in lines."""
        prefix, start, microseconds = self._prefix, self._millisecond_ns, _MICROSECONDS
        try:
            return [prefix + microseconds[(time_ns - start) // 1000] for time_ns in times]
        except KeyError:  # Not all lie within the millisecond of the event before.
            return [self._stamp(time_ns) for time_ns in times]

    def _stamp(self, time_ns: int) -> str:
        since = time_ns - self._millisecond_ns
        if not 0 <= since < 1_000_000:
            since = time_ns % 1_000_000
            self._millisecond_ns = time_ns - since
            self._prefix = _to_the_millisecond(self._millisecond_ns)
        return self._prefix + _MICROSECONDS[since // 1000]


def _is_clean(values: Sequence[Any], frozen: Sequence[Any]) -> bool:
    """Say whether no event of a batch needs a look before it is encoded."""
    try:
        # One look at the sum finds NaN and infinity, for which encoding would write null.
        if not isfinite(sum(values)):
            return False
        joined = b"".join(frozen)
    except (TypeError, OverflowError):
        return False  # Texts, lists, contexts.
    return not _may_hold_non_finite(joined)


def _may_hold_non_finite(frozen: bytes) -> bool:
    # One byte is found much faster than two, and mostly it is not there.
    return _DOUBLE in frozen and any(start in frozen for start in _NON_FINITE)


def _finite_value(value: Any) -> Any:
    """Return the value of an event, in which only a bare float may be non-finite."""
    if value.__class__ is float and not isfinite(value):
        return non_finite_name(value)
    return value


def _merged(frozen: Frozen) -> dict[str, Any]:
    """Return metadata with its contexts, every float in it either finite or a name."""
    if isinstance(frozen, dict):
        return frozen
    if isinstance(frozen, tuple):
        return {**frozen[0], **frozen[1], **_thawed(frozen[2])}
    return _thawed(frozen)


def _thawed(frozen: bytes) -> dict[str, Any]:
    metadata = _thaw(frozen)
    if not isinstance(metadata, dict):
        return {"metadata": finite(metadata)}  # Not what was asked for, but nothing is lost.
    return finite(metadata) if _may_hold_non_finite(frozen) else metadata


def _to_the_millisecond(time_ns: int) -> str:
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1_000_000:03d}"
