"""The language of `--where`: conditions on keys, parsed into nodes and never evaluated as code.

    layer_idx == 3 and value > 0.1
    step in (0, 100) or not (head is None)
    metadata["odd-key"] != "x" and 0 <= dir.top_k < 32

Python's own parser reads it; `conditions.py` says what it means.
"""

from __future__ import annotations

import ast
import warnings
from typing import Literal

from micrometric.conditions import (
    Both,
    Comparison,
    Condition,
    IsNull,
    Literal_,
    Name,
    Not,
    Operator,
    Truth,
)
from micrometric.errors import FilterError

LENGTH_LIMIT = 10_000
DEPTH_LIMIT = 50
_KEYWORDS = {"true": True, "false": False, "null": None}

_OPERATORS: dict[type[ast.cmpop], Operator] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


def parse_where(text: str) -> Condition:
    """Read a condition.

    Raises:
        FilterError: it cannot be read; carries the column.
    """
    if len(text) > LENGTH_LIMIT:
        raise FilterError(f"--where is {len(text)} characters long, expected up to {LENGTH_LIMIT}")
    if not text.strip():
        raise FilterError("--where is empty, expected such as 'layer_idx == 3'", text=text)
    try:
        with warnings.catch_warnings():
            # Of what is odd in Python, such as `1and x`; here it is as good as any.
            warnings.simplefilter("ignore")
            tree = ast.parse(text.lstrip(), mode="eval")
    except SyntaxError as error:
        start = len(text) - len(text.lstrip())
        # Python has no column for what is missing at the end.
        column = start + error.offset - 1 if error.offset else len(text.rstrip())
        raise _fault(text, min(column, len(text)), f"cannot be read ({error.msg})") from None
    except (ValueError, RecursionError, MemoryError):
        raise FilterError("--where cannot be read: it is nested too deeply or holds NUL") from None
    return _Reader(text).condition(tree.body, 0)


def _fault(text: str, column: int, what: str) -> FilterError:
    return FilterError(
        f"--where {what} at column {column + 1}: {text!r}; expected conditions such as "
        "layer_idx == 3 and value > 0.1",
        text=text,
        column=column,
    )


class _Reader:
    """Turns Python's syntax tree into ours, refusing everything else."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._indent = len(text) - len(text.lstrip())

    def condition(self, node: ast.expr, depth: int) -> Condition:
        if depth > DEPTH_LIMIT:
            raise self._refuse(node, "is nested too deeply")
        match node:
            case ast.BoolOp(op=op, values=values):
                kind: Literal["and", "or"] = "and" if isinstance(op, ast.And) else "or"
                return Both(kind, tuple(self.condition(value, depth + 1) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.condition(operand, depth + 1))
            case ast.Compare():
                return self._chain(node)
            case _:
                asked = self._operand(node)
                if isinstance(asked, Name):
                    return Truth(asked)
                raise self._refuse(node, "has a value where a condition belongs")

    def _chain(self, node: ast.Compare) -> Condition:
        links: list[Condition] = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            links.append(self._link(left, operator, right))
            left = right
        return links[0] if len(links) == 1 else Both("and", tuple(links))

    def _link(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(operator, ast.In | ast.NotIn):
            return self._membership(left, isinstance(operator, ast.NotIn), right)
        first, second = self._operand(left), self._operand(right)
        if isinstance(operator, ast.Is | ast.IsNot):
            if second != Literal_(None):
                raise self._refuse(right, "has 'is' before something else than None")
            symbol: Operator = "!=" if isinstance(operator, ast.IsNot) else "=="
        else:
            symbol = _OPERATORS[type(operator)]
        return self._comparison(first, symbol, second, left)

    def _comparison(
        self, left: Name | Literal_, operator: Operator, right: Name | Literal_, at: ast.expr
    ) -> Condition:
        if isinstance(left, Literal_) and isinstance(right, Literal_):
            raise self._refuse(at, "compares two values and no key")
        null = Literal_(None)
        if null not in (left, right):
            return Comparison(left, operator, right)
        operand = right if left == null else left
        if operator not in ("==", "!=") or not isinstance(operand, Name):
            raise self._refuse(at, "asks for an order with None")
        return IsNull(operand) if operator == "==" else Not(IsNull(operand))

    def _membership(self, left: ast.expr, negated: bool, right: ast.expr) -> Condition:
        operand = self._operand(left)
        if not isinstance(operand, Name):
            raise self._refuse(left, "has a value where a key belongs")
        if not isinstance(right, ast.Tuple | ast.List | ast.Set):
            raise self._refuse(right, "has 'in' before something else than a list")
        items = [self._operand(item) for item in right.elts]
        found = Both("or", tuple(self._comparison(operand, "==", item, right) for item in items))
        if not negated:
            return found
        # As with !=, a key that is missing is not "not in": it is nothing.
        return Both("and", (Not(IsNull(operand)), Not(found)))

    def _operand(self, node: ast.expr) -> Name | Literal_:
        match node:
            case ast.Constant(value=bool() | int() | float() as number):
                return Literal_(self._number(node, number))
            case ast.Constant(value=str() | None as value):
                return Literal_(value)
            case ast.UnaryOp(
                op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant(value=number)
            ):
                if isinstance(number, int | float):
                    size = self._number(node, number)
                    return Literal_(-size if isinstance(sign, ast.USub) else size)
            case ast.Name(id=name) if name in _KEYWORDS:
                keyword = _KEYWORDS[name]
                return Literal_(None if keyword is None else float(keyword))
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return Name(self._key(node))
        raise self._refuse(node, "holds something that is neither key nor value")

    def _number(self, node: ast.expr, number: float) -> float:
        try:
            return float(number)
        except OverflowError:
            raise self._refuse(node, "holds a number beyond a double") from None

    def _key(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=inner, attr=name):
                return f"{self._key(inner)}.{name}"
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str() as key)):
                return f"{name}.{key}"
        raise self._refuse(node, "holds something that is neither key nor value")

    def _refuse(self, node: ast.expr, what: str) -> FilterError:
        # The tree counts bytes of UTF-8, the user counts characters.
        lines = self._text.lstrip().encode().splitlines(keepends=True)
        before = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
        return _fault(self._text, self._indent + len(before.decode()), what)
