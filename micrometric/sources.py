"""Registrations found in source code by parsing it: nothing is imported, nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from micrometric.errors import PathError, RegistrationError
from micrometric.finder import find_directories
from micrometric.registry import Metric, Registry, check_identifier

_METHOD = "register_metric"
_PARAMETERS = ("identifier", "dtype")
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}


@dataclass(slots=True)
class SourceMetrics:
    """What the sources register."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)
    """What cannot be told without running it, a sentence each with file and line."""


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
    for directory, names in find_directories(root):
        inside = directory.relative_to(root).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in inside)
        environment = any(
            (root.joinpath(*inside[: n + 1]) / "pyvenv.cfg").exists() for n in range(len(inside))
        )
        if not hidden and not environment:
            yield from (directory / name for name in names if name.endswith(".py"))


def _scan_file(file: Path, found: SourceMetrics) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Odd escapes are the author's business.
            tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError, RecursionError, OSError) as error:
        found.unclear.append(f"{file} cannot be parsed: {error}")
        return
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_registration(node.func):
            _read_call(node, f"{file}:{node.lineno}", constants, found)


def _is_registration(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == _METHOD


def _constants(tree: ast.Module) -> dict[str, object]:
    """Return the literals that the module assigns to a name once."""
    known: dict[str, object] = {}
    again = set()
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name):
                again |= {target.id} & known.keys()
                known[target.id] = _literal(value, {})
    return {name: value for name, value in known.items() if name not in again}


class _Unclear:
    """The value of an expression that only running it would tell."""


_UNCLEAR = _Unclear()


def _literal(node: ast.expr, constants: dict[str, object]) -> object:
    if isinstance(node, ast.Name):
        return constants.get(node.id, _UNCLEAR)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, MemoryError, RecursionError):
        return _UNCLEAR


def _read_call(
    call: ast.Call, place: str, constants: dict[str, object], found: SourceMetrics
) -> None:
    arguments: dict[str, ast.expr] = dict(zip(_PARAMETERS, call.args, strict=False))
    arguments.update((word.arg, word.value) for word in call.keywords if word.arg is not None)
    identifier = _literal(arguments["identifier"], constants) if "identifier" in arguments else None
    if identifier is _UNCLEAR or identifier is None:
        text = ast.unparse(arguments["identifier"]) if "identifier" in arguments else "..."
        found.unclear.append(f"{place} registers a metric whose name only running tells: {text}")
        return
    others: dict[str, object] = {
        name: value
        for name in ("unit", "description", "dims")
        if name in arguments and (value := _literal(arguments[name], constants)) is not _UNCLEAR
    }
    try:
        check_identifier(identifier)
        _register(str(identifier), _dtype(arguments.get("dtype")), others, place, found)
    except (RegistrationError, TypeError) as error:
        found.unclear.append(f"{place}: {error}")


def _dtype(node: ast.expr | None) -> str:
    if node is None:
        return "object"
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    # list[float] is a list.
    return ast.unparse(node.value if isinstance(node, ast.Subscript) else node)


def _register(
    identifier: str, dtype: str, others: dict[str, object], place: str, found: SourceMetrics
) -> None:
    scratch = Registry()
    scratch.register(identifier, object, place=place, **others)  # type: ignore[arg-type] # it checks
    metric = scratch.metrics[identifier]
    metric = Metric(dtype, metric.unit, metric.description, metric.dims, place)
    known = found.metrics.get(identifier)
    if known is not None and known.dtype != dtype:
        found.unclear.append(
            f"metric {identifier!r} is {known.dtype} at {known.place} but {dtype} at {place}"
        )
    found.metrics[identifier] = metric
