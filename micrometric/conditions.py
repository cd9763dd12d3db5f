"""Conditions on keys as small nodes, and what they mean for an event.

Numbers and booleans compare as numbers, strings as strings; what is of two kinds is unequal and
has no order. A comparison with a key that an event lacks is false, and `not` makes it true.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Operator = Literal["==", "!=", "<", "<=", ">", ">="]
_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


@dataclass(frozen=True, slots=True)
class Name:
    """A key."""

    key: str


@dataclass(frozen=True, slots=True)
class Literal_:  # noqa: N801 - Literal is typing's
    """A number, a string, or None."""

    value: float | str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and what is asked of them."""

    left: Name | Literal_
    operator: Operator
    right: Name | Literal_


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a key is missing or null."""

    operand: Name


@dataclass(frozen=True, slots=True)
class Truth:
    """Whether a key is a number other than zero or a string that is not empty."""

    operand: Name


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    operand: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """All of several conditions (`and`), or any (`or`)."""

    kind: Literal["and", "or"]
    operands: tuple[Condition, ...]


Condition = Comparison | IsNull | Truth | Not | Both


def names_in(condition: Condition) -> list[str]:
    """Return the keys that a condition asks for, each once."""
    match condition:
        case Both(operands=operands):
            found = [name for operand in operands for name in names_in(operand)]
        case Not(operand=inner):
            found = names_in(inner)
        case IsNull(operand=operand) | Truth(operand=operand):
            found = [operand.key]
        case Comparison(left=left, right=right):
            found = [side.key for side in (left, right) if isinstance(side, Name)]
    return list(dict.fromkeys(found))


def holds(condition: Condition, lookup: Callable[[str], Any]) -> bool:
    """Say whether a condition holds, given what is under each key."""
    match condition:
        case Both(kind="and", operands=operands):
            return all(holds(operand, lookup) for operand in operands)
        case Both(operands=operands):
            return any(holds(operand, lookup) for operand in operands)
        case Not(operand=inner):
            return not holds(inner, lookup)
        case IsNull(operand=operand):
            return lookup(operand.key) is None
        case Truth(operand=operand):
            found = comparable(lookup(operand.key))
            return found is not None and found not in (0.0, "")
        case Comparison(left=left, operator=operator, right=right):
            return _compare(_value(left, lookup), operator, _value(right, lookup))


def _value(operand: Name | Literal_, lookup: Callable[[str], Any]) -> Any:
    return operand.value if isinstance(operand, Literal_) else lookup(operand.key)


def _compare(left: Any, operator: Operator, right: Any) -> bool:
    if left is None or right is None:
        return False
    first, second = comparable(left), comparable(right)
    if type(first) is not type(second) or first is None:
        return operator == "!="
    return _COMPARE[operator](first, second)


def comparable(value: Any) -> float | str | None:
    """Return a value as the number or string it compares as, None for NaN and what is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf if value > 0 else -math.inf
        return None if math.isnan(number) else number
    return None
