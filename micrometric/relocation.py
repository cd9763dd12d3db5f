"""Where the file of a segment is now: it may have been closed, compressed or deleted meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from micrometric.found import Segment
from micrometric.search import names_in
from micrometric.segment import SUFFIXES, closed_name, file_identity, parse_segment_name


def relocated(segment: Segment) -> Segment | None:
    """Return a segment under the name that its file has now, None when it was deleted.

    A segment that is being written is closed under another name, and compressed later, while
    somebody is on the way to read it.
    """
    # By name where there is one: the number of an inode is soon used for another file.
    named = segment.session is not None and segment.index is not None
    if not named and segment.archive is not None:
        segment = replace(segment, session=segment.archive, index=0)
    if segment.session is not None and segment.index is not None:
        for path, suffix in _closed_names(segment):
            if path.exists():
                return replace(segment, path=path, suffix=suffix, identity=file_identity(path))
    return None if named else _of_same_identity(segment)


def _of_same_identity(segment: Segment) -> Segment | None:
    for name in names_in(segment.path.parent):
        path, parsed = segment.path.parent / name, parse_segment_name(name)
        is_alike = parsed is not None and parsed.suffix == segment.suffix
        if is_alike and file_identity(path) == segment.identity:
            return replace(segment, path=path)
    return None


def is_in_place(segment: Segment) -> bool:
    """Say whether a segment still has the name under which it was found."""
    if segment.identity is None:
        return True
    name = parse_segment_name(segment.path.name)
    is_active = name is not None and name.index is None and segment.index is not None
    if is_active and any(path.exists() for path, _ in _closed_names(segment)):
        return False
    return file_identity(segment.path) == segment.identity


def _closed_names(segment: Segment) -> Iterator[tuple[Path, str]]:
    for suffix in SUFFIXES:
        name = closed_name(segment.session or "", segment.index or 0, suffix)
        yield segment.path.parent / name, suffix
