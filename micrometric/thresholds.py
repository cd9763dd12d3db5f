"""The language of `--fail-if`: a limit on a figure, parsed and never evaluated as code.

    output_error.p95 > 1.05 * base + 1e-3
    density.mean < 0.05
    *_error.max >= 2 * (base - 0.1)

Before the dot stands a metric or a glob, behind it a figure; on the right arithmetic over numbers
and `base`, the same figure of the same group in the logs that are compared with. The limit says
what fails. A group that is missing, or holds values that are not finite, fails any limit.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from micrometric.errors import FilterError
from micrometric.figures import MEANINGS, is_figure
from micrometric.spec import hint

_LENGTH = 1000
_DEPTH = 50
_FORM = re.compile(
    r"\s*(?P<metric>\S+?)\.(?P<figure>[a-z_]+|p[0-9]+(?:\.[0-9]+)?)\s*"
    r"(?P<operator>>=|<=|==|!=|>|<)(?P<expression>.*)",
    re.DOTALL,
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A group that is not within a limit."""

    metric: str
    keys: Mapping[str, Any]
    """The group."""
    limit: Limit
    reason: str

    def __str__(self) -> str:
        """Return what failed where, and by how much."""
        group = " ".join(f"{key}={value}" for key, value in self.keys.items())
        place = f"{self.metric}.{self.limit.figure}{f' at {group}' if group else ''}"
        return f"{place}: {self.reason} ({self.limit.text})"


@dataclass(frozen=True, slots=True)
class Limit:
    """What fails."""

    text: str
    metric: str
    """A metric or glob."""
    figure: str
    operator: str
    bound: ast.expr
    """Checked to be arithmetic over numbers and `base`."""
    uses_base: bool

    @classmethod
    def read(cls, text: str) -> Limit:
        """Read a limit as the user wrote it.

        Raises:
            FilterError: it cannot be read; carries the column.
        """
        form = _FORM.fullmatch(text) if len(text) <= _LENGTH else None
        if form is None:
            raise _fault(text, 0, "has no form METRIC.FIGURE OPERATOR EXPRESSION")
        if not is_figure(form["figure"]):
            known = hint(form["figure"], MEANINGS)
            raise _fault(text, form.start("figure"), f"names no figure{known}")
        start = form.start("expression")
        bound = _Arithmetic(text, start).read()
        uses_base = any(isinstance(node, ast.Name) for node in ast.walk(bound))
        return cls(text.strip(), form["metric"], form["figure"], form["operator"], bound, uses_base)

    def concerns(self, metric: str) -> bool:
        """Say whether the limit is on a metric."""
        return fnmatchcase(metric, self.metric)

    def broken_by(self, row: Mapping[str, Any], base: Mapping[str, Any] | None) -> str | None:
        """Return how a group breaks the limit, None when it does not.

        Args:
            row: the figures of the group, `non_finite` among them.
            base: those it is compared with, where the limit asks for them.
        """
        if row["non_finite"]:
            return f"holds {_not_finite(row)}"
        if self.uses_base and base is not None and base.get("non_finite"):
            return f"its base holds {_not_finite(base)}"
        figure = row[self.figure]
        if figure is None or not math.isfinite(figure):
            return "has no such figure"
        before = None
        if self.uses_base:
            before = base.get(self.figure) if base is not None else None
            if before is None:
                return "has no base to compare with"
        try:
            bound = _computed(self.bound, before)
        except (ZeroDivisionError, OverflowError):
            bound = math.nan
        if not math.isfinite(bound):
            origin = "" if before is None else f" from base {before:.6g}"
            return f"its bound cannot be computed{origin}"
        if not _COMPARE[self.operator](figure, bound):
            return None
        return f"{figure:.6g} {self.operator} {bound:.6g}, by {abs(figure - bound):.3g}"


def _not_finite(row: Mapping[str, Any]) -> str:
    count = row["non_finite"]
    return "1 value that is not finite" if count == 1 else f"{count} values that are not finite"


def read_limits(texts: str | Sequence[str]) -> list[Limit]:
    """Read one limit or several.

    Raises:
        FilterError: one cannot be read.
    """
    return [Limit.read(text) for text in ([texts] if isinstance(texts, str) else texts)]


class _Arithmetic:
    """Reads arithmetic by Python's own parser, refusing everything else."""

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = start + len(text[start:]) - len(text[start:].lstrip())

    def read(self) -> ast.expr:
        source = self._text[self._start :].rstrip()
        if not source:
            raise _fault(self._text, len(self._text), "has nothing to compare with")
        try:
            tree = ast.parse(source, mode="eval")
        except SyntaxError as error:
            column = self._start + (error.offset - 1 if error.offset else len(source))
            message = f"cannot be read ({error.msg})"
            raise _fault(self._text, min(column, len(self._text)), message) from None
        except (ValueError, RecursionError, MemoryError):
            raise _fault(self._text, self._start, "is nested too deeply") from None
        self._check(tree.body, 0)
        return tree.body

    def _check(self, node: ast.expr, depth: int) -> None:
        if depth > _DEPTH:
            raise self._refuse(node, "is nested too deeply")
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                self._check(left, depth + 1)
                self._check(right, depth + 1)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                self._check(operand, depth + 1)
            case ast.Name(id="base"):
                pass
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                if abs(number) > 1e300:
                    raise self._refuse(node, "holds a number beyond a double")
            case ast.Name(id=name):
                raise self._refuse(node, f"names {name!r}, but only 'base' is known there")
            case _:
                raise self._refuse(node, "holds more than numbers, base, + - * / and brackets")

    def _refuse(self, node: ast.expr, what: str) -> FilterError:
        # The tree counts bytes of UTF-8, the user counts characters.
        lines = self._text[self._start :].encode().splitlines(keepends=True)
        before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
        return _fault(self._text, self._start + len(before.decode()), what)


def _computed(node: ast.expr, base: float | None) -> float:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_computed(left, base), _computed(right, base))
        case ast.UnaryOp(op=op, operand=operand):
            number = _computed(operand, base)
            return -number if isinstance(op, ast.USub) else number
        case ast.Constant(value=int() | float() as number):
            return float(number)
    assert base is not None
    return base


def _fault(text: str, column: int, what: str) -> FilterError:
    return FilterError(
        f"--fail-if {what} at column {column + 1}: {text[:200]!r}; expected such as "
        "'output_error.p95 > 1.05 * base + 1e-3'",
        text=text,
        column=column,
    )


@dataclass(slots=True)
class Checked:
    """Groups that were held against limits."""

    groups: int = 0
    """How many; a limit on a metric that is not there counts as one."""
    failures: list[Failure] = field(default_factory=list)


def check(
    limits: Iterable[Limit],
    groups: Sequence[
        tuple[Mapping[str, Any], str, Mapping[str, Any] | None, Mapping[str, Any] | None]
    ],
) -> Checked:
    """Hold groups against limits.

    Args:
        limits: what fails.
        groups: keys, metric, figures and base of each; None where those are missing.
    """
    checked = Checked()
    for limit in limits:
        concerned = [group for group in groups if limit.concerns(group[1])]
        if not concerned:
            checked.groups += 1
            checked.failures.append(Failure(limit.metric, {}, limit, "there is no such metric"))
        for keys, metric, row, base in concerned:
            checked.groups += 1
            reason = "is missing" if row is None else limit.broken_by(row, base)
            if reason is not None:
                checked.failures.append(Failure(metric, keys, limit, reason))
    return checked


def figures_for(limits: Iterable[Limit]) -> list[str]:
    """Return the figures that limits must know."""
    figures = [limit.figure for limit in limits]
    return [*figures, "count", "non_finite"] if figures else []
