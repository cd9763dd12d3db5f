"""What compaction leaves alone: what is behind links, may change yet, or was made by others."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime
from pathlib import Path

from micrometric.claim import QUIET
from micrometric.finder import Segment
from micrometric.machine import Machine
from micrometric.manifest import Manifest, session_state
from micrometric.parquet import ParquetError, ParquetLines


class LeftError(Exception):
    """A segment is left alone; says why."""


def refuse_links(segment: Segment, named: Set[Path]) -> None:
    """Leave alone what is reached by a link below the paths that were named.

    Raises:
        LeftError: it is.
    """
    for path in (segment.path, *segment.path.parents):
        if path.is_symlink() and (path == segment.path or path not in named):
            raise LeftError("it is reached by a link, and what is behind links is not deleted")
        if path in named:
            break


def refuse_living(
    segment: Segment, manifest: Manifest | None, machine: Machine, now: datetime
) -> None:
    """Leave alone what its session may still write.

    Args:
        segment: a file of the session.
        manifest: that of the session, if there is one.
        machine: the machine that asks.
        now: the present, aware.

    Raises:
        LeftError: the session lives, or that cannot be told.
    """
    if manifest is None or manifest.session is None:
        if now - _written_at(segment) < QUIET:
            raise LeftError(
                "no manifest says that its session has ended, and it was written less than "
                f"{QUIET.seconds // 60} minutes ago"
            )
        return
    state = session_state(manifest.session, now=now, machine=machine)
    if state == "live":
        raise LeftError(f"its session {segment.session} lives")
    if state == "unknown":
        raise LeftError(
            f"whether its session {segment.session} lives can only be told on host "
            f"{manifest.session.host!r}"
        )


def refuse_others(target: Path, *, replaces: bool) -> None:
    """Replace nothing but Parquet of ours that was left where compaction was interrupted.

    Args:
        target: what is to be written.
        replaces: whether anything may be replaced.

    Raises:
        LeftError: something is there already.
    """
    if not target.exists() and not target.is_symlink():
        return
    if not replaces or target.is_symlink():
        raise LeftError(f"{str(target)!r} is there already")
    try:
        ParquetLines(target).close()
    except ParquetError as error:
        raise LeftError(f"{str(target)!r} is there already, and is {error}") from None


def _written_at(segment: Segment) -> datetime:
    return datetime.fromtimestamp(segment.path.stat().st_mtime, UTC)
