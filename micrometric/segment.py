"""Names of the files of a run: segments, manifests and the session ids inside their names.

A name alone tells whose a file is and whether it is still written, so that a reader, a rotation
and a clean-up agree without asking each other. One name, `PLAIN_NAME`, carries no session:
it belongs to the session that claimed it, because existing scripts read that name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from micrometric.event import is_rank, moment_at

STEM = "micro_metrics"
PLAIN_NAME = f"{STEM}.jsonl"
LINE_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
SUFFIXES = (*LINE_SUFFIXES, ".parquet")
REGISTRY_NAME = "registry.json"
"""Usual name of a manifest that stands alone."""

_SESSION = r"[0-9]{8}T[0-9]{12}Z-[A-Za-z0-9_]{1,64}-[0-9]{1,20}"
_SEGMENT = re.compile(
    rf"{STEM}(?:\.(?P<session>{_SESSION})(?:\.(?P<index>[0-9]{{1,9}}))?)?"
    r"\.(?P<suffix>jsonl|jsonl\.gz|jsonl\.zst|gz|zst|parquet)"
)
_MANIFEST = re.compile(rf"{STEM}\.(?P<session>{_SESSION})\.manifest\.json")


@dataclass(frozen=True, slots=True)
class SegmentName:
    """What the name of a segment tells."""

    session: str | None
    """Id of the session that wrote it, None for the plain name."""
    index: int | None
    """Place among the closed segments of the session from 0, None while it is active."""
    suffix: str
    """One of `SUFFIXES`."""


def parse_segment_name(filename: str) -> SegmentName | None:
    """Return what the name of a file tells, or None when it is not the name of a segment."""
    match = _SEGMENT.fullmatch(filename)
    if match is None:
        return None
    index, suffix = match["index"], match["suffix"]
    if suffix in ("gz", "zst"):
        suffix = f"jsonl.{suffix}"
    return SegmentName(match["session"], None if index is None else int(index), f".{suffix}")


def is_session_id(text: str) -> bool:
    """Say whether a text is the id of a session, and so may be part of a file name."""
    return re.fullmatch(_SESSION, text) is not None


def rank_in(session: str | None) -> int | None:
    """Return the rank that the id of a session bears, None where it names a host."""
    label = (session or "--").split("-")[1]
    rank = int(label[1:]) if re.fullmatch(r"r[0-9]+", label) else None
    return rank if is_rank(rank) else None


def active_name(session: str) -> str:
    """Return the name of the segment that a session appends to when it lacks the plain name."""
    return f"{STEM}.{session}.jsonl"


def closed_name(session: str, index: int, suffix: str = ".jsonl") -> str:
    """Return the name of a session's closed segment; `index` counts from 0."""
    return f"{STEM}.{session}.{index}{suffix}"


def closed_names(session: str, index: int) -> tuple[str, ...]:
    """Return every name that a closed segment may have, compressed or not."""
    return tuple(closed_name(session, index, suffix) for suffix in SUFFIXES)


def file_identity(file: str | os.PathLike[str] | int) -> tuple[int, int] | None:
    """Return device and inode of a path or an open descriptor, None where there is no such file.

    An inode is that of another file soon after the one that had it is gone.
    """
    try:
        status = os.stat(file)  # noqa: PTH116 - at every write, and descriptors too
    except OSError:
        return None
    return status.st_dev, status.st_ino


def file_size(path: Path) -> int:
    """Return the bytes of a file on disk; 0 of a stream, and where there is no such file now."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def manifest_name(session: str) -> str:
    """Return the name of a session's manifest."""
    return f"{STEM}.{session}.manifest.json"


def is_manifest_name(filename: str) -> bool:
    """Say whether a file name is that of a session's manifest."""
    return _MANIFEST.fullmatch(filename) is not None


def session_of_manifest(filename: str) -> str | None:
    """Return the session whose manifest has a file name, None where it is no such name."""
    match = _MANIFEST.fullmatch(filename)
    return None if match is None else match["session"]


def original_session_id(written: float) -> str:
    """Return the id under which a plain segment is archived that no manifest tells of.

    Args:
        written: when it was written last, in seconds since the epoch.
    """
    return new_session_id(moment_at(written), "original", 0)


def nothing_in(place: str, others: Sequence[str]) -> str:
    """Return a sentence on a directory without segments, which names what may have been meant."""
    if not others:
        return f"no micro_metrics segments in {place!r} or below it"
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return (
        f"no micro_metrics segments in {place!r}, but other files: {', '.join(others[:3])}{more}; "
        "name a file itself to read it"
    )


def new_session_id(start: datetime, label: str, pid: int) -> str:
    """Return a session id: sorts by time, safe against reuse of the process id.

    Args:
        start: start of the session, aware.
        label: rank (`r0`) or name of the host; what a file name does not bear becomes `_`.
        pid: process id.
    """
    safe = re.sub(r"[^A-Za-z0-9_]", "_", label)[:64] or "_"
    start = start.astimezone(UTC)
    # `%Y` does not fill up years before 1000, and what sorts by time has a fixed width.
    return f"{start.year:04}{start:%m%dT%H%M%S%fZ}-{safe}-{pid}"
