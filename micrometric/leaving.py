"""What is left alone when logs are managed: what is behind links, may change, or is of others."""

from __future__ import annotations

import os
from collections.abc import Set
from datetime import datetime
from pathlib import Path

from micrometric.claim import QUIET
from micrometric.event import moment_at
from micrometric.finder import Segment
from micrometric.machine import Machine
from micrometric.manifest import SessionFacts, session_state
from micrometric.parquet import ParquetError, ParquetLines
from micrometric.segment import manifest_name


class LeftError(Exception):
    """A segment is left alone; says why."""


def why_linked(path: Path, named: Set[Path]) -> str | None:
    """Return why a file is not to be touched that is reached by a link, None if it is not.

    Args:
        path: the file.
        named: what somebody wrote; links there and above are meant.
    """
    for place in (path, *path.parents):
        if place.is_symlink() and (place == path or place not in named):
            return "it is reached by a link, and what is behind links is not deleted"
        if place in named:
            break
    return None


def why_untold(segment: Segment, unusable: Set[Path]) -> str | None:
    """Return why a segment is not to be touched of whose session nothing is told, None if it is.

    A program of a later version writes manifests that this one cannot read, and lives.

    Args:
        segment: the segment.
        unusable: the manifests that cannot be used; see `Found`.
    """
    directory = segment.path.parent
    if segment.session is None:  # It may be of any session there.
        mine = sorted(path for path in unusable if path.parent == directory)
    else:
        mine = [path for path in [directory / manifest_name(segment.session)] if path in unusable]
    return unusable_manifest(mine[0]) if mine else None


def unusable_manifest(path: Path) -> str:
    """Return why nothing is touched of the session of a manifest that cannot be used."""
    return (
        f"manifest {str(path)!r} cannot be used, so whether its session lives cannot be told; "
        "upgrade micrometric, or remove the manifest if the session is over"
    )


def why_living(
    facts: SessionFacts | None, status: os.stat_result, machine: Machine, now: datetime
) -> str | None:
    """Return why a segment is not to be touched that its session may write, None if that is over.

    Args:
        facts: what the manifest says of its session; None where there is none.
        status: of the file.
        machine: the machine that asks.
        now: the present, aware.
    """
    if facts is None:
        if now - moment_at(status.st_mtime) < QUIET:
            return (
                "no manifest says that its session has ended, and it was written less than "
                f"{QUIET.seconds // 60} minutes ago"
            )
        return None
    return why_alive(facts, machine, now)


def why_alive(facts: SessionFacts, machine: Machine, now: datetime) -> str | None:
    """Return that a session lives, or that it cannot be told, None where it is over.

    Args:
        facts: what its manifest says.
        machine: the machine that asks.
        now: the present, aware.
    """
    state = session_state(facts, now=now, machine=machine)
    if state == "live":
        return f"its session {facts.id} lives"
    if state == "unknown":
        return f"whether its session {facts.id} lives can only be told on host {facts.host!r}"
    return None


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
