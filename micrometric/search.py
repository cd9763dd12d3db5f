"""What lies in a directory and below: the files that are segments, as they are at one moment.

Segments are closed, compressed and deleted while a directory is listed; none that stays is missed.
"""

from __future__ import annotations

import errno
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

Unread = dict[Path, str]
"""Directories that cannot be looked into, or not at all of their files, and why."""
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}
"""Errors of what went away since it was listed, and of links that lead nowhere."""


def find_directories(root: Path, unread: Unread | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Yield every directory from `root` down with its file names, in order, each once.

    Links to directories are followed, but never in a circle.

    Args:
        root: the uppermost.
        unread: receives what cannot be looked into.
    """
    unread = {} if unread is None else unread
    seen = set()
    left = [root]  # The stack of calls has an end, and directories may be deeper.
    while left:
        directory = left.pop()
        try:
            status = directory.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(directory) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            _miss(directory, error, unread)
            continue
        below = [entry.name for entry in listed if _is_directory(entry, directory, unread)]
        left.extend(directory / name for name in reversed(below))
        inner = set(below)
        yield directory, [entry.name for entry in listed if entry.name not in inner]


def _is_directory(entry: os.DirEntry[str], directory: Path, unread: Unread) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        _miss(directory / entry.name, error, unread)
        return False


def _miss(place: Path, error: OSError, unread: Unread) -> None:
    """Note what cannot be looked into, unless it went away."""
    if error.errno not in _GONE:
        unread.setdefault(place, error.strerror or str(error))


def search(root: Path, located: Located, directories: dict[Path, None], unread: Unread) -> None:
    """Note the segments from a directory down, and the directories that hold any or a manifest.

    Args:
        root: the directory.
        located: receives the segments.
        directories: receives the directories.
        unread: receives what cannot be looked into.

    Raises:
        PathError: there is neither, or the directory itself cannot be looked into.
    """
    others = []
    before = len(located)
    missed: Unread = {}
    for directory, listed in find_directories(root, missed):
        names = _take_all(directory, listed, root, located, missed)
        for name in names:
            segment = parse_segment_name(name)
            if segment is None and name.endswith(LINE_SUFFIXES):
                others.append(directory / name)
        if any(map(is_manifest_name, names)) or any(map(parse_segment_name, names)):
            directories[directory] = None
    if root in missed:
        raise PathError(f"cannot read {shown(root)!r}: {missed[root]}")
    unread.update(missed)
    if len(located) == before and not any(
        directory.is_relative_to(root) for directory in directories
    ):
        sentences = [nothing_in(shown(root), [*map(shown, others)]), *not_looked_into(missed)]
        raise PathError("; ".join(sentences))


def not_looked_into(unread: Unread) -> Iterator[str]:
    """Yield a sentence on each directory that cannot be looked into."""
    for place, reason in unread.items():
        yield f"cannot read {shown(place)!r}: {reason}; what is in it is left out"


def _take_all(
    directory: Path, listed: list[str], root: Path, located: Located, unread: Unread
) -> list[str]:
    """Note the segments of a directory as they are at one moment, and return its names then.

    Active segments are looked at before the closed ones are listed: one that is closed meanwhile
    is then found under its new name, and none is missed.
    """
    for name in listed:
        segment = parse_segment_name(name)
        if segment is not None and segment.index is None:
            take(directory / name, root, located, unread)
    names = names_in(directory)
    for name in _closed_in_order(listed, names):
        if not take(directory / name, root, located, unread):
            # It was compressed since it was listed.
            _take_packed(directory / name, root, located, unread)
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


def take(path: Path, root: Path, located: Located, unread: Unread) -> bool:
    """Note a regular file, one with two names under the last, and say whether there is one."""
    try:
        status = path.stat()
    except OSError as error:
        _miss(path.parent, error, unread)
        return False
    if stat.S_ISREG(status.st_mode):
        identity = status.st_dev, status.st_ino
        before, top = located.get(identity, (path, root))
        if before != path and file_identity(before) != identity:
            # What was noted has been compressed, and its number is soon another file's.
            located[identity] = path, root
            _take_packed(before, top, located, unread)
        elif before.parent == path.parent:
            located[identity] = path, top
    return True


def _take_packed(path: Path, root: Path, located: Located, unread: Unread) -> None:
    """Note a closed segment under the name that it has now."""
    segment = parse_segment_name(path.name)
    if segment is not None and segment.index is not None:
        for name in closed_names(segment.session or "", segment.index):
            take(path.with_name(name), root, located, unread)


def names_in(directory: Path) -> list[str]:
    """Return the names in a directory in order, none where there is no such directory."""
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - names suffice
    except OSError:
        return []  # It went away since it was found.
