"""The columns that every query engine provides, and what filters and keys mean in terms of them.

An engine loads segments into a frame with `metric`, `location` and `timestamp` (UTC, without
zone) as they are, `value` as a double, `suspect` where a row may not be an event at all, and for
each key it was asked for its text (JSON for metadata, directories and values) and, where a
condition compares it, its number and its string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from micrometric.conditions import (
    Both,
    Comparison,
    Condition,
    IsNull,
    Literal_,
    Name,
    Not,
    Truth,
)
from micrometric.event import as_utf8
from micrometric.filters import Filter
from micrometric.keys import Key
from micrometric.spec import Spec

if TYPE_CHECKING:
    import narwhals as nw


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an engine."""

    groups: tuple[Key, ...]
    """Keys to group by."""
    conditions: tuple[Key, ...]
    """Keys that a condition compares."""
    uses_time: bool
    """Whether timestamps matter beyond being there."""

    @property
    def keys(self) -> list[Key]:
        """All keys, each once."""
        return list(dict.fromkeys((*self.groups, *self.conditions)))

    @property
    def needs_origin(self) -> bool:
        """Whether it matters which segment a row is of; telling takes as long as the figures."""
        return any(key.kind in ("origin", "directory") for key in self.keys)

    def text_column(self, key: Key) -> str:
        """Return the name of the column with the text of a key."""
        return f"k{self.keys.index(key)}"


def request_for(by: Iterable[Key], wanted: Filter) -> Request:
    """Return what an engine must provide for a grouping and a filter."""
    groups = tuple(by)
    conditions = tuple(wanted.keys.values())
    timed = any(key.kind == "bucket" or key.path == "timestamp" for key in (*groups, *conditions))
    return Request(
        groups,
        conditions,
        timed or wanted.since is not None or wanted.until is not None,
    )


def filter_expression(wanted: Filter, request: Request) -> nw.Expr | None:
    """Return the filter as an expression over the columns, None when everything is wanted."""
    import narwhals as nw

    parts: list[nw.Expr] = []
    if wanted.metrics is not None:
        parts.append(_spec_expression(wanted.metrics))
    if wanted.location is not None:
        parts.append(_glob_expression("location", wanted.location))
    if wanted.since is not None:
        parts.append(nw.col("timestamp") >= nw.lit(wanted.since.replace(tzinfo=None)))
    if wanted.until is not None:
        parts.append(nw.col("timestamp") <= nw.lit(wanted.until.replace(tzinfo=None)))
    if wanted.where is not None:
        parts.append(_condition(wanted.where, wanted.keys, request))
    return nw.all_horizontal(*parts, ignore_nulls=True) if parts else None


def _spec_expression(spec: Spec) -> nw.Expr:
    import narwhals as nw

    chosen = [term for term in spec.terms if not term.startswith("!")]
    excluded = [term[1:] for term in spec.terms if term.startswith("!")]
    if not spec.terms:
        return nw.lit(value=False)
    parts = [_any_of("metric", chosen)] if chosen else []
    parts += [~_any_of("metric", excluded)] if excluded else []
    return nw.all_horizontal(*parts, ignore_nulls=True)


def _any_of(column: str, terms: list[str]) -> nw.Expr:
    import narwhals as nw

    globs = ["*" if term == "all" else term for term in terms]
    return nw.any_horizontal(*[_glob_expression(column, glob) for glob in globs], ignore_nulls=True)


def _glob_expression(column: str, glob: str) -> nw.Expr:
    import narwhals as nw

    glob = as_utf8(glob)
    if not re.search(r"[*?[]", glob):
        return nw.col(column) == nw.lit(glob)
    return nw.col(column).str.contains(glob_regex(glob))


def glob_regex(glob: str) -> str:
    """Return a glob as the regular expression that every engine's dialect understands."""
    parts = []
    position = 0
    while position < len(glob):
        sign = glob[position]
        end = glob.find("]", position + 2 + glob.startswith("[!", position)) if sign == "[" else -1
        if end > 0:
            inner = re.sub(r"([\\^\[&~|])", r"\\\1", glob[position + 1 : end])
            inner = f"^{inner[1:]}" if inner.startswith("!") else inner
            parts.append(f"[{inner}]")
            position = end
        else:
            parts.append({"*": "(?s:.*)", "?": "(?s:.)"}.get(sign) or re.escape(sign))
        position += 1
    return f"^(?:{''.join(parts)})$"


def _condition(condition: Condition, keys: Mapping[str, Key], request: Request) -> nw.Expr:
    """Return a condition as an expression that is true or false, never null."""
    import narwhals as nw

    match condition:
        case Both(kind=kind, operands=operands):
            parts = [_condition(operand, keys, request) for operand in operands]
            if not parts:
                return nw.lit(value=kind == "and")
            join = nw.all_horizontal if kind == "and" else nw.any_horizontal
            return join(*parts, ignore_nulls=True)
        case Not(operand=inner):
            return ~_condition(inner, keys, request)
        case IsNull(operand=operand):
            return _text(operand, keys, request).is_null()
        case Truth(operand=operand):
            number, string = _sides(operand, keys, request)
            return _known(number != 0) | _known(string != nw.lit(""))
        case Comparison():
            return _comparison(condition, keys, request)


def _comparison(asked: Comparison, keys: Mapping[str, Key], request: Request) -> nw.Expr:
    left, right = _sides(asked.left, keys, request), _sides(asked.right, keys, request)
    pairs = [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    if asked.operator == "!=":
        equal = _any_known([a == b for a, b in pairs])
        there = [
            ~_text(side, keys, request).is_null()
            for side in (asked.left, asked.right)
            if isinstance(side, Name)
        ]
        return _all(there) & ~equal
    compare: dict[str, Any] = {
        "==": lambda a, b: a == b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    return _any_known([compare[asked.operator](a, b) for a, b in pairs])


def _sides(operand: Name | Literal_, keys: Mapping[str, Key], request: Request) -> tuple[Any, Any]:
    """Return an operand as number and as string, None for what a literal is not."""
    import narwhals as nw

    if isinstance(operand, Name):
        column = request.text_column(keys[operand.key])
        return nw.col(f"{column}_number"), nw.col(f"{column}_string")
    if isinstance(operand.value, str):
        return None, nw.lit(as_utf8(operand.value))
    return nw.lit(operand.value), None


def _text(operand: Name, keys: Mapping[str, Key], request: Request) -> nw.Expr:
    import narwhals as nw

    return nw.col(request.text_column(keys[operand.key]))


def _known(expression: nw.Expr) -> nw.Expr:
    """Return a comparison that is false where one side is missing."""
    return expression.fill_null(value=False)


def _any_known(comparisons: list[nw.Expr]) -> nw.Expr:
    import narwhals as nw

    known = [_known(comparison) for comparison in comparisons]
    return nw.any_horizontal(*known, ignore_nulls=True) if known else nw.lit(value=False)


def _all(parts: list[nw.Expr]) -> nw.Expr:
    import narwhals as nw

    return nw.all_horizontal(*parts, ignore_nulls=True)
