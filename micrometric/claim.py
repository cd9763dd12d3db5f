"""The plain name: who may take it, and where the segment of an ended session goes before.

It goes to the session that creates it exclusively; one left by an ended session is first moved to
the name that session's id fixes. Both steps can only be won once, so no lock file is needed, on a
network folder neither. A session tells in its manifest that it is about to take the name, so that
nobody else does in the moment between taking it and telling so.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from micrometric.errors import MicrometricError
from micrometric.event import moment_at
from micrometric.machine import Machine
from micrometric.manifest import SessionFacts, read_manifest, session_state
from micrometric.segment import (
    PLAIN_NAME,
    closed_name,
    closed_names,
    is_manifest_name,
    original_session_id,
)

QUIET = timedelta(minutes=10)
"""A plain file without manifest, written so long ago, belongs to a program that has ended."""
_CONTEST = 0.2
"""Seconds to wait for others that want the plain name too."""


def claim_plain_name(
    directory: Path,
    machine: Machine,
    now: datetime,
    session: str,
    *,
    link: Callable[[Path, Path], None] = os.link,
) -> bool:
    """Create the plain segment, moving that of an ended session out of the way.

    Args:
        directory: the log directory.
        machine: this machine.
        now: the present, aware.
        session: id of the session that claims; its manifest tells so already.
        link: makes a hard link; passed in where a test plays a disk without them.

    Returns:
        Whether the plain name is this session's; False when another lives or was quicker.

    Raises:
        OSError: the directory cannot be written to.
    """
    plain = directory / PLAIN_NAME
    if _create(plain):
        return True
    try:
        found = plain.stat()
        rivals = _rivals(directory, machine, now, session)
        if rivals is None:
            return False
        archive = _archive_of(directory, found, rivals, now)
        if archive is None:
            return False
        link(plain, archive)
        if archive.stat().st_ino != found.st_ino:
            archive.unlink()  # A live session's: the ended one was archived in between.
            return False
        plain.unlink()
    except OSError:
        return False
    return _create(plain)


def _rivals(
    directory: Path, machine: Machine, now: datetime, claimant: str
) -> list[SessionFacts] | None:
    """Return the other sessions of the directory once none is about to take the plain name.

    The one that began first wins: it waits for the others, who give up when they see it.

    Returns:
        None where another has the name, or goes first.
    """
    deadline = time.monotonic() + _CONTEST
    while time.monotonic() < deadline:
        others = [facts for facts in _sessions_in(directory) if facts.id != claimant]
        living = [
            facts
            for facts in others
            if (facts.plain or facts.claims_plain)
            and session_state(facts, now=now, machine=machine) not in ("ended", "killed")
        ]
        if not living:
            return others
        if any(facts.plain or facts.id < claimant for facts in living):
            return None
        time.sleep(_CONTEST / 100)
    return None


def _create(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        return False
    return True


def _archive_of(
    directory: Path, plain: os.stat_result, others: list[SessionFacts], now: datetime
) -> Path | None:
    """Return the name for the plain segment of an ended session, None when it may still live."""
    owner = max((facts for facts in others if facts.plain), key=lambda own: own.id, default=None)
    if owner is None:
        written = moment_at(plain.st_mtime)
        if now - written < QUIET:
            return None
        return directory / closed_name(original_session_id(plain.st_mtime), 0)
    # A second name means that another contender is at it, or that one was killed there.
    changed = moment_at(plain.st_ctime)
    if plain.st_nlink > 1 and now - changed < QUIET:
        return None
    told = [segment.index for segment in owner.segments if segment.name != PLAIN_NAME]
    least = max(told, default=-1) + 1
    return directory / closed_name(owner.id, next_index(directory, owner.id, least))


def next_index(directory: Path, session: str, least: int) -> int:
    """Return the first number, from `least` on, that no closed segment of the session has."""
    index = least
    while any((directory / name).exists() for name in closed_names(session, index)):
        index += 1
    return index


def _sessions_in(directory: Path) -> list[SessionFacts]:
    """Return the sessions whose manifests can be read."""
    sessions = []
    for path in directory.iterdir():
        if is_manifest_name(path.name):
            with contextlib.suppress(MicrometricError):
                facts = read_manifest(path).session
                if facts is not None:
                    sessions.append(facts)
    return sessions
