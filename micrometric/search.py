"""What lies in a directory and below: the files that are segments, as they are at one moment.

Segments are closed, compressed and deleted while a directory is listed; none that stays is missed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from micrometric.errors import PathError
from micrometric.fetched import shown
from micrometric.segment import (
    LINE_SUFFIXES,
    closed_names,
    file_identity,
    is_manifest_name,
    nothing_in,
    parse_segment_name,
)

Located = dict[tuple[int, int], tuple[Path, Path]]
"""Files by device and inode, so that each counts once: where each is, and below which path it was
found."""


def find_directories(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield every directory from `root` down with its file names, in order, each once.

    Links to directories are followed, but never in a circle.
    """
    seen = set()
    for directory, below, names in os.walk(root, followlinks=True):
        try:
            status = Path(directory).stat()
        except OSError:
            below.clear()  # It went away since it was listed.
            continue
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below.sort()
        yield Path(directory), sorted(names)


def search(root: Path, located: Located, directories: dict[Path, None]) -> None:
    """Note the segments from a directory down, and the directories that hold any or a manifest.

    Raises:
        PathError: there is neither.
    """
    others = []
    before = len(located)
    for directory, listed in find_directories(root):
        names = _take_all(directory, listed, root, located)
        for name in names:
            segment = parse_segment_name(name)
            if segment is None and name.endswith(LINE_SUFFIXES):
                others.append(directory / name)
        if any(map(is_manifest_name, names)) or any(map(parse_segment_name, names)):
            directories[directory] = None
    if len(located) == before and not any(
        directory.is_relative_to(root) for directory in directories
    ):
        raise PathError(nothing_in(shown(root), [*map(shown, others)]))


def _take_all(directory: Path, listed: list[str], root: Path, located: Located) -> list[str]:
    """Note the segments of a directory as they are at one moment, and return its names then.

    Active segments are looked at before the closed ones are listed: one that is closed meanwhile
    is then found under its new name, and none is missed.
    """
    for name in listed:
        segment = parse_segment_name(name)
        if segment is not None and segment.index is None:
            take(directory / name, root, located)
    names = names_in(directory)
    for name in _closed_in_order(listed, names):
        if not take(directory / name, root, located):
            _take_packed(directory / name, root, located)  # It was compressed since it was listed.
    return names


def _closed_in_order(before: list[str], after: list[str]) -> list[str]:
    """Return the closed segments of two listings, up to the first that both lack of each session.

    A directory is not listed in one moment: of the names that are added meanwhile, it may give a
    later one and not an earlier one, and neither name of a segment that is being compressed. Those
    that the first listing has are all given, under its name where the second lacks them.
    """
    known, listed = _closed_in(before), _closed_in(after)
    last: dict[str | None, int] = {}
    for session, index in known:
        last[session] = max(index, last.get(session, -1))
    chosen = []
    for (session, index), names in sorted((known | listed).items(), key=lambda one: one[0][1]):
        if index <= last.get(session, -1) + 1:
            last[session] = max(index, last.get(session, -1))
            chosen.extend(names)
    return chosen


def _closed_in(names: list[str]) -> dict[tuple[str | None, int], list[str]]:
    """Return the names of closed segments by session and number."""
    closed: dict[tuple[str | None, int], list[str]] = {}
    for name in names:
        segment = parse_segment_name(name)
        if segment is not None and segment.index is not None:
            closed.setdefault((segment.session, segment.index), []).append(name)
    return closed


def take(path: Path, root: Path, located: Located) -> bool:
    """Note a regular file, one with two names under the last, and say whether there is one."""
    try:
        status = path.stat()
    except OSError:
        return False  # It went away since the directory was listed.
    if stat.S_ISREG(status.st_mode):
        identity = status.st_dev, status.st_ino
        before, top = located.get(identity, (path, root))
        if before != path and file_identity(before) != identity:
            # What was noted has been compressed, and its number is soon another file's.
            located[identity] = path, root
            _take_packed(before, top, located)
        elif before.parent == path.parent:
            located[identity] = path, top
    return True


def _take_packed(path: Path, root: Path, located: Located) -> None:
    """Note a closed segment under the name that it has now."""
    segment = parse_segment_name(path.name)
    if segment is not None and segment.index is not None:
        for name in closed_names(segment.session or "", segment.index):
            take(path.with_name(name), root, located)


def names_in(directory: Path) -> list[str]:
    """Return the names in a directory in order, none where there is no such directory."""
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - names suffice
    except OSError:
        return []  # It went away since it was found.
