"""Names and places: which files are under a path, and in which directories more may appear."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from micrometric.search import find_directories
from micrometric.segment import is_manifest_name, parse_segment_name
from micrometric.waiting import ANY_DIRECTORY, ANY_NAME, Identity, Places


def names_under(path: Path, places: Places) -> Iterator[str]:
    """Yield the names of the files under a path, and add the directories they may be in."""
    if path.is_dir():
        for directory, names in find_directories(path):
            places.setdefault(str(directory), set()).add(ANY_DIRECTORY)
            for name in names:
                if parse_segment_name(name) or is_manifest_name(name):
                    yield str(directory / name)
    elif path.exists():
        yield str(path)
    elif glob.has_magic(str(path)):
        for match in sorted(glob.glob(str(path), recursive=True)):  # noqa: PTH207 - absolute too
            places.setdefault(str(Path(match).parent), set()).add(ANY_NAME)
            yield from names_under(Path(match), places)


def add_place_of(path: Path, places: Places) -> None:
    """Add the directory in which a path, or the next part of it, may appear or be replaced."""
    plain, name = path, path.name
    while glob.has_magic(str(plain)) and not plain.exists():
        plain, name = plain.parent, ANY_NAME
    for place in [plain, *plain.parents] if plain != path else path.parents:
        if place.is_dir():
            places.setdefault(str(place), set()).add(name)
            break
        name = place.name


def identity_of(name: str) -> Identity | None:
    """Return what changes when a name comes to mean something else, None where it means nothing."""
    try:
        status = os.stat(name)  # noqa: PTH116 - many times a second
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    if is_manifest_name(name.rpartition(os.sep)[2]):
        # It is replaced again and again, and its second successor may have its inode.
        return status.st_mtime_ns, status.st_ino
    return status.st_dev, status.st_ino
