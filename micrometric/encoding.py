"""Raw events to lines, a batch at a time: the one place that knows how a queued event looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from types import CodeType
from typing import Any

import msgspec

from micrometric.event import encode_fields, finite
from micrometric.location import Locations
from micrometric.values import fetched

Raw = tuple[int, str, Any, bytes | dict[str, Any], CodeType | str, dict[str, Any] | None]
"""An event as it waits in the queue: nanoseconds since the epoch, metric, value (plain data,
perhaps with tensors that wait on their device), metadata as JSON frozen at the call or, with such
tensors, as plain data, the code that called and its globals, or the location as text and None."""

_encoder = msgspec.json.Encoder(decimal_format="number")
_MICROSECONDS = tuple(f"{microseconds:03d}Z" for microseconds in range(1000))


class _Line(msgspec.Struct, gc=False):
    timestamp: str
    metric: str
    value: Any
    metadata: msgspec.Raw
    location: str


class Encoding:
    """Turns raw events into lines. Not safe from threads: its user holds a lock."""

    def __init__(self) -> None:
        self._locations = Locations()
        self._millisecond = -1
        self._prefix = ""

    def encode(
        self, batch: list[Raw], fail: Callable[[str, Exception], None]
    ) -> tuple[bytes, Counter[str]]:
        """Return the lines of a batch and the number of them for each metric.

        Args:
            batch: events.
            fail: called with the metric and the error for an event that has no line.
        """
        try:
            # One look at the sum finds NaN and infinity, for which encoding would write null.
            if isfinite(sum([event[2] for event in batch])):
                lines = _encoder.encode_lines([self._line(event) for event in batch])
                return lines, Counter([event[1] for event in batch])
        except (TypeError, ValueError, OverflowError):
            pass  # Texts, data, huge integers, tensors: each event by itself.
        return self._encode_each(batch, fail)

    def _encode_each(
        self, batch: list[Raw], fail: Callable[[str, Exception], None]
    ) -> tuple[bytes, Counter[str]]:
        lines = []
        counts: Counter[str] = Counter()
        for event in batch:
            try:
                lines.append(self._encode_one(event))
            except Exception as error:  # noqa: BLE001 - one bad event never costs its batch
                fail(event[1], error)
            else:
                counts[event[1]] += 1
        return b"".join(lines), counts

    def _encode_one(self, event: Raw) -> bytes:
        if not isinstance(event[3], bytes):
            metadata = encode_fields(finite(fetched(event[3])))[:-1]
            event = (*event[:3], metadata, *event[4:])
        line = self._line(event)
        line.value = finite(fetched(line.value))
        try:
            return _encoder.encode(line) + b"\n"
        except UnicodeEncodeError:
            import json  # seldom needed, and slow to load

            fields = msgspec.structs.asdict(line)
            return encode_fields({**fields, "metadata": json.loads(bytes(line.metadata))})

    def _line(self, event: Raw) -> _Line:
        time_ns, metric, value, metadata, code, module = event
        location = code if module is None else self._locations.of(code, module)  # type: ignore[arg-type] # code and module come together
        return _Line(self._timestamp(time_ns), metric, value, msgspec.Raw(metadata), location)  # type: ignore[arg-type]

    def _timestamp(self, time_ns: int) -> str:
        millisecond, nanoseconds = divmod(time_ns, 1_000_000)
        if millisecond != self._millisecond:
            second, thousandths = divmod(millisecond, 1000)
            moment = datetime.fromtimestamp(second, UTC)
            self._prefix = f"{moment:%Y-%m-%dT%H:%M:%S}.{thousandths:03d}"
            self._millisecond = millisecond
        return self._prefix + _MICROSECONDS[nanoseconds // 1000]
