"""What the path of a run says: its name, and the keys in `name=value` parts."""

from __future__ import annotations

import os
import re
from pathlib import Path

from micrometric.errors import PathError

Scalar = str | int | float

_PAIR = re.compile(r"(?P<name>[A-Za-z_][\w.-]*)=(?P<value>.*)", re.DOTALL)
_NO_TEXT = re.compile("[\ud800-\udfff]")
"""What stands for a byte of a file name that is not UTF-8."""
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


def run_names(places: set[tuple[Path, Path]]) -> dict[tuple[Path, Path], str]:
    """Name directories relative to where they were found, longer where two would be the same."""
    names = {}
    for directory, root in places:
        top = directory == root or root.is_file()
        names[directory, root] = (
            Path(os.path.abspath(directory)).name if top else str(directory.relative_to(root))  # noqa: PTH100
        )
    length = 2
    while clashes := _clashes(names):
        for directory, root in clashes:
            names[directory, root] = str(Path(*_parts(directory)[-length:]))
        length += 1
    return names


def _clashes(names: dict[tuple[Path, Path], str]) -> list[tuple[Path, Path]]:
    directories: dict[str, set[tuple[str, ...]]] = {}
    for (directory, _), name in names.items():
        directories.setdefault(name, set()).add(_parts(directory))
    return [place for place, name in names.items() if len(directories[name]) > 1]


def _parts(directory: Path) -> tuple[str, ...]:
    """Return the parts of an absolute path without its root: a name is always a relative path."""
    return tuple(os.path.abspath(directory).strip(os.sep).split(os.sep))  # noqa: PTH100, PTH206


def run_folder(output: Path, run: str) -> Path:
    """Return the directory of a run inside of a directory that is written to.

    Raises:
        PathError: the name of the run leads elsewhere.
    """
    if Path(run).anchor or ".." in Path(run).parts:
        raise PathError(
            f"run {run!r} would be written outside of {str(output)!r}; read it by a path that "
            "gives it a name below"
        )
    return output / run


def directory_keys(directory: Path) -> dict[str, Scalar]:
    """Return the `name=value` parts of a path; one part may hold several, split by commas.

    Bytes that are no text become the replacement sign: no table and no engine could hold them.
    """
    keys: dict[str, Scalar] = {}
    for name in Path(os.path.abspath(directory)).parts:  # noqa: PTH100 - links keep their names
        part = _NO_TEXT.sub("\ufffd", name)
        pairs = [_PAIR.fullmatch(piece) for piece in part.split(",")]
        if all(pairs):
            keys.update((pair["name"], as_scalar(pair["value"])) for pair in pairs if pair)
        elif whole := _PAIR.fullmatch(part):
            keys[whole["name"]] = as_scalar(whole["value"])
    return keys


def as_scalar(text: str) -> Scalar:
    """Return a text as the number it looks like, or as it is."""
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
