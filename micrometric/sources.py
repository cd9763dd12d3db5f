"""Registrations found in source code by parsing it: nothing is imported, nothing is run.

What only running would tell is named with its place, so that a list is never taken for whole
when it is not.
"""

from __future__ import annotations

import ast
import builtins
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from micrometric.errors import PathError, RegistrationError
from micrometric.registry import Metric, Registry
from micrometric.regular import open_regular

_METHOD = "register_metric"
_PARAMETERS = ("identifier", "dtype")
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}
_MOST = 2 << 20
"""Bytes of a file that are parsed: its tree takes up to 600 times as much memory."""
_TYPES = {name for name, value in vars(builtins).items() if isinstance(value, type)}


@dataclass(slots=True)
class SourceMetrics:
    """What the sources register."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    """By identifier, in the order of files and lines; their place is `file:line`."""
    unclear: list[str] = field(default_factory=list)
    """What cannot be told without running it, a sentence each that begins with `file:line`."""


def scan_sources(root: Path) -> SourceMetrics:
    """Return the metrics that the Python files under a path register.

    Args:
        root: a file, or a directory that is searched recursively; hidden folders and virtual
            environments are left out.

    Raises:
        PathError: there is no such path, or no Python file in it.
    """
    if not root.exists():
        raise PathError(f"no such path: {str(root)!r}")
    found = SourceMetrics()
    files = [root] if root.is_file() else list(_python_files(root))
    if not files:
        raise PathError(f"no Python files in {str(root)!r} or below it")
    for file in files:
        _scan_file(file, found)
    return found


def _python_files(root: Path) -> Iterator[Path]:
    for directory, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not _is_foreign(Path(directory, name)))
        yield from (Path(directory, name) for name in sorted(names) if name.endswith(".py"))


def _is_foreign(directory: Path) -> bool:
    """Say whether a folder holds other people's code or none."""
    name = directory.name
    return name.startswith(".") or name in _SKIPPED or (directory / "pyvenv.cfg").exists()


def _scan_file(file: Path, found: SourceMetrics) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Odd escapes are the author's business.
            tree = ast.parse(_read_source(file), filename=str(file))
    except SyntaxError as error:
        found.unclear.append(f"{file}:{error.lineno or 1}: cannot be parsed: {error.msg}")
        return
    except OSError as error:
        found.unclear.append(f"{file}:1: cannot be read: {error.strerror or error}")
        return
    except (ValueError, RecursionError, MemoryError) as error:
        found.unclear.append(f"{file}:1: cannot be parsed: {error}")
        return
    imported = _imported(tree)
    types = {*_TYPES, *imported, *(n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef))}
    _Module(file, found, _constants(tree), imported, types).scan(tree)


def _read_source(file: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        OSError: it cannot be read, or is no regular file.
        ValueError: it is too long to be parsed.
    """
    with open_regular(file) as source:
        text = source.read(_MOST + 1)
    if len(text) > _MOST:
        raise ValueError(f"it is longer than {_MOST >> 20} MiB")
    return text


@dataclass(slots=True)
class _Module:
    """A file that is scanned, and what its names stand for."""

    file: Path
    found: SourceMetrics
    constants: dict[str, object]
    imported: dict[str, str]
    types: set[str]
    """Names that are those of types, as far as parsing can tell."""

    def scan(self, tree: ast.Module) -> None:
        nodes = list(ast.walk(tree))
        calls = [n for n in nodes if isinstance(n, ast.Call) and _is_method(n.func)]
        called = {id(call.func) for call in calls}
        others = [n for n in nodes if isinstance(n, ast.Attribute) and _is_method(n)]
        for call in sorted(calls, key=lambda call: call.lineno):
            self._read(call)
        for node in others:
            if id(node) not in called:
                self._tell(node, f"{_METHOD} is passed on here, not called")

    def _read(self, call: ast.Call) -> None:
        arguments = dict(zip(_PARAMETERS, call.args, strict=False))
        arguments |= {word.arg: word.value for word in call.keywords if word.arg is not None}
        spread = any(isinstance(node, ast.Starred) for node in call.args)
        if spread or any(word.arg is None for word in call.keywords):
            self._tell(call, f"cannot tell what is registered by {_shown(call)}")
            return
        try:
            values = {name: self._value(name, node) for name, node in arguments.items()}
            self._register(values, f"{self.file}:{call.lineno}")
        except (_OnlyRunningTellsError, RegistrationError, TypeError) as error:
            self._tell(call, str(error))

    def _value(self, name: str, node: ast.expr) -> object:
        if name == "dtype":
            return self._dtype(node)
        try:
            return _literal(node, self.constants)
        except ValueError:
            raise _OnlyRunningTellsError(
                f"cannot tell the {name} of what is registered, {_shown(node)}: expected a "
                "literal or a constant of this file"
            ) from None

    def _dtype(self, node: ast.expr) -> str:
        """Return the dtype as a manifest names it: `float`, or `module.Class`."""
        if isinstance(node, ast.Subscript):
            node = node.value  # list[float] is a list.
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        text = _shown(node)
        first, dot, rest = text.partition(".")
        is_name = all(part.isidentifier() for part in text.split("."))
        if not is_name or (first not in self.types and not dot):
            raise _OnlyRunningTellsError(
                f"cannot tell the dtype of what is registered, {text}: expected the name of a type"
            )
        full = self.imported.get(first, first) + dot + rest
        return "object" if full == "typing.Any" else full.removeprefix("builtins.")

    def _register(self, values: dict[str, object], place: str) -> None:
        dtype = str(values.pop("dtype", "object"))
        identifier = values.pop("identifier", None)
        scratch = Registry()  # It checks what the library would check.
        scratch.register(identifier, "object", place=place, **values)  # type: ignore[arg-type]
        ((name, metric),) = scratch.metrics.items()
        known = self.found.metrics.get(name)
        if known is not None and known.dtype != dtype:
            self.found.unclear.append(
                f"{place}: metric {name!r} is {dtype} here but {known.dtype} at {known.place}"
            )
        self.found.metrics[name] = Metric(
            dtype, metric.unit, metric.description, metric.dims, place
        )

    def _tell(self, node: ast.expr, what: str) -> None:
        self.found.unclear.append(f"{self.file}:{node.lineno}: {what}")


class _OnlyRunningTellsError(Exception):
    """An expression whose value parsing cannot tell."""


def _is_method(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == _METHOD


def _constants(tree: ast.Module) -> dict[str, object]:
    """Return the literals that the module assigns to a name, where it does so once."""
    known: dict[str, object] = {}
    again = set()
    for name, value in _assignments(tree):
        if name in known:
            again.add(name)
        try:
            known[name] = _literal(value, known)
        except ValueError:
            again.add(name)
    return {name: value for name, value in known.items() if name not in again}


def _assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return what the names that a module imports stand for, such as `numpy` for `np`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def _literal(node: ast.expr, constants: dict[str, object]) -> object:
    """Return the value of a literal, of the name of a constant, or of texts joined of those.

    Raises:
        ValueError: it is something else.
    """
    try:
        match node:
            case ast.Name(id=name) if name in constants:
                return constants[name]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _text(left, constants) + _text(right, constants)
            case ast.JoinedStr(values=parts):
                return "".join(_text(part, constants) for part in parts)
            case ast.FormattedValue(value=inner, conversion=-1, format_spec=None):
                return _text(inner, constants)
        return ast.literal_eval(node)
    except (TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from None


def _text(node: ast.expr, constants: dict[str, object]) -> str:
    value = _literal(node, constants)
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 - as literal_eval does
    return value


def _shown(node: ast.expr) -> str:
    """Return an expression as it may have been written."""
    try:
        return ast.unparse(node)
    except RecursionError:
        return "which is nested too deeply to be shown"
