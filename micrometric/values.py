"""From any Python object to plain JSON data, as it is at the call.

numpy and torch are recognised by what they can do, never imported. What JSON cannot hold is kept
by its `repr` and counted; nothing here raises.
"""

from __future__ import annotations

import base64
import dataclasses
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec

from micrometric.bounds import DIGITS_LIMIT
from micrometric.device import Deferred, Refused, on_device
from micrometric.dtypes import json_kind
from micrometric.event import finite
from micrometric.registry import Metric

PLAIN_CLASSES: frozenset[type] = frozenset({float, int, bool, str, type(None)})
"""Classes whose objects never change and go to JSON as they are, but for non-finite floats."""

_REPR_LIMIT = 10_000
_DEPTH_LIMIT = 100
"""Deeper data is kept by its `repr`: encoders and readers have limits of their own."""

_encoder = msgspec.json.Encoder(decimal_format="number")


class Unfit(Exception):  # noqa: N818 - it is caught where it is thrown, and is no error there
    """An object that none of the rules turns into JSON."""


class Plain:
    """One conversion to plain JSON data, in which floats may still be non-finite.

    Attributes:
        data: the plain data; may hold `Deferred` tensors, which `fetched` resolves.
        by_repr: whether something was kept by its `repr`.
        deferred: whether something waits on a device.
    """

    __slots__ = ("_inside", "by_repr", "data", "deferred")

    def __init__(self, value: Any) -> None:
        self.by_repr = False
        self.deferred = False
        self._inside: set[int] = set()
        self.data = self._plain(value)

    def _plain(self, value: Any) -> Any:
        kind = value.__class__
        if kind in PLAIN_CLASSES:
            return value
        if id(value) in self._inside or len(self._inside) > _DEPTH_LIMIT:
            return self._repr(value)
        self._inside.add(id(value))
        try:
            return self._converted(value)
        except Refused:
            raise
        except Exception:  # noqa: BLE001 - whatever a foreign object raises, the event is kept
            return self._repr(value)
        finally:
            self._inside.discard(id(value))

    def _converted(self, value: Any) -> Any:
        for kind, convert in _BY_KIND:
            if isinstance(value, kind):
                return convert(self, value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return {field.name: self._plain(getattr(value, field.name)) for field in fields}
        if on_device(value):
            self.deferred = True
            return Deferred(value)
        if isinstance(value, type):
            raise Unfit
        return self._plain(_array_data(value))

    def _list(self, items: Iterable[Any]) -> list[Any]:
        return [self._plain(item) for item in items]

    def _object(self, mapping: Mapping[Any, Any]) -> dict[str, Any]:
        return {_key_text(key): self._plain(item) for key, item in mapping.items()}

    def _repr(self, value: Any) -> str:
        self.by_repr = True
        try:
            text = repr(value)
        except Exception as error:  # noqa: BLE001 - a repr may raise anything
            text = f"<{type(value).__qualname__} whose repr raised {type(error).__qualname__}>"
        return text if len(text) <= _REPR_LIMIT else text[:_REPR_LIMIT] + "…"


def _decimal(_: Plain, value: Decimal) -> Any:
    if value.is_nan():
        return math.nan  # a signalling NaN refuses to become a float
    if len(value.as_tuple().digits) > DIGITS_LIMIT:
        raise Unfit  # No reader would take it.
    # A subclass could print itself in any way; JSON needs the digits.
    return Decimal(value) if value.is_finite() else float(value)


_BY_KIND: tuple[tuple[Any, Callable[[Plain, Any], Any]], ...] = (
    (Enum, lambda plain, value: plain._plain(value.value)),
    (str, lambda _, value: str.__str__(value)),
    (bool, lambda _, value: bool(value)),
    (int, lambda _, value: int(value)),
    (float, lambda plain, value: plain._plain(float(value))),
    (Decimal, _decimal),
    (Mapping, Plain._object),
    (bytes | bytearray | memoryview, lambda _, value: base64.b64encode(value).decode()),
    (Sequence | Set, Plain._list),
    (datetime, lambda _, value: value.isoformat().replace("+00:00", "Z")),
    (date | time, lambda _, value: value.isoformat()),
    (os.PathLike, lambda _, value: os.fsdecode(value)),
)
"""The kinds that the format names, the narrower before the wider."""


def _array_data(value: Any) -> Any:
    """Return the scalar or nested lists of an array, or what msgspec makes of other objects."""
    if hasattr(value, "detach"):
        value = value.detach()
    if hasattr(value, "tolist"):
        data = value.tolist()
        # numpy's long double gives itself.
        return float(data) if type(data) is type(value) else data
    if hasattr(value, "__array__"):
        return value.__array__().tolist()
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "__dlpack__"):
        import numpy as np  # who makes arrays for dlpack has numpy, or loses to repr

        return np.from_dlpack(value).tolist()
    return msgspec.json.decode(_encoder.encode(value))


def _key_text(key: Any) -> str:
    """Return the text of a key, as msgspec writes keys too."""
    if isinstance(key, Enum):
        return _key_text(key.value)
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bytes):
        return base64.b64encode(key).decode()
    return str(key)


def size_of(data: Any) -> int:
    """Return about how many bytes plain data takes as JSON, where that is much."""
    if isinstance(data, str):
        return len(data)
    if isinstance(data, dict):
        return sum(len(key) + size_of(item) for key, item in data.items())
    if isinstance(data, list):
        return sum(map(size_of, data)) + len(data)
    return 8


def deferred_in(data: Any) -> Iterator[Deferred]:
    """Yield the copies inside plain data that wait on a device."""
    if isinstance(data, Deferred):
        yield data
    elif isinstance(data, list | tuple):
        for item in data:
            yield from deferred_in(item)
    elif isinstance(data, dict):
        yield from deferred_in([*data.values()])


def fetched(data: Any) -> Any:
    """Return plain data with the copies that were fetched from a device as finite JSON data.

    Raises:
        Exception: whatever the device raised instead of the data.
    """
    if isinstance(data, Deferred):
        if data.error is not None:
            raise data.error
        return finite(Plain(data.data).data)
    if isinstance(data, list):
        return [fetched(item) for item in data]
    if isinstance(data, dict):
        return {key: fetched(item) for key, item in data.items()}
    return data


def fast_classes(dtype: type, metric: Metric) -> frozenset[type]:
    """Return the classes whose objects fit the metric and need no conversion at all."""
    if metric.dims:
        return frozenset()
    if dtype is object:
        return PLAIN_CLASSES - {str}
    kind = json_kind(dtype)
    return _FAST.get(kind, frozenset()) if kind is not None else frozenset()


_FAST: dict[type, frozenset[type]] = {
    float: frozenset({float, int, bool}),
    int: frozenset({int, bool}),
    bool: frozenset({bool}),
}
"""Without str: a text may be of any size, which the bound of the queue must know at once."""
