"""Whether a value is of the dtype that its metric was registered with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

_NUMBERS = (int, float, Decimal)
_PLAIN = (*_NUMBERS, str, list, dict)
_KINDS: tuple[tuple[type, Any], ...] = (
    (bool, bool),
    (int, Integral),
    (float, (Real, Decimal)),
    (str, str),
    (list, (Sequence, Set)),
    (dict, Mapping),
)


def fits(value: Any, data: Any, dtype: type, dims: int) -> bool:
    """Say whether a value fits the dtype it was registered with; None, a missing one, always.

    Args:
        value: the value as it was logged, or as it was read.
        data: the plain data made of it. What is no plain data is not there yet, and may fit.
        dtype: the registered dtype.
        dims: the number of registered axes: lists may nest so deep, elements are checked.
    """
    if dtype is object or not isinstance(data, _PLAIN):
        return True
    if dims and isinstance(data, list):
        return all(fits(item, item, dtype, dims - 1) for item in data)
    kind = json_kind(dtype)
    if kind is None:
        return isinstance(value, dtype)
    return isinstance(data, _NUMBERS if kind is float else kind)


def json_kind(dtype: type) -> type | None:
    """Return the JSON type that a dtype stands for, None for a class of its own."""
    for kind, bases in _KINDS:
        if issubclass(dtype, bases):
            return kind
    # numpy's bool is no kind of bool; it changed its name.
    return bool if dtype.__name__ in ("bool", "bool_") else None
