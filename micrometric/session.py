"""A session: one process logging into one directory. It owns its segment and its manifest.

The plain name goes to the session that creates it exclusively; one left by an ended session is
first moved to the name that session's id fixes. Both steps can only be won once, so no lock
file is needed, on a network folder neither. Who loses takes a name with its own id.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from micrometric import place
from micrometric.errors import MicrometricError
from micrometric.event import format_timestamp
from micrometric.machine import Machine
from micrometric.manifest import (
    Accounting,
    Manifest,
    SegmentFacts,
    SessionFacts,
    read_manifest,
    session_state,
    write_manifest,
)
from micrometric.registry import Metric
from micrometric.segment import (
    PLAIN_NAME,
    active_name,
    closed_name,
    is_manifest_name,
    manifest_name,
    new_session_id,
)
from micrometric.settings import Settings

QUIET = timedelta(minutes=10)
"""A plain file without manifest, written so long ago, belongs to a program that has ended."""
HEARTBEAT_INTERVAL = 30.0
"""Seconds within which a session with a writer thread renews its manifest."""


class Session:
    """The files of one session. Not safe from threads: the writer holds its lock around calls."""

    def __init__(self, directory: Path, facts: SessionFacts) -> None:
        self.directory = directory
        self.facts = facts
        self._descriptor: int | None = None
        self._bytes = 0
        """Bytes this session appended."""

    @property
    def segment_path(self) -> Path:
        """The active segment."""
        facts = self.facts
        return self.directory / (PLAIN_NAME if facts.plain else active_name(facts.id))

    @property
    def manifest_path(self) -> Path:
        """The manifest."""
        return self.directory / manifest_name(self.facts.id)

    def write(self, data: memoryview) -> int:
        """Append to the segment, opening it first, and return how many bytes it took.

        Raises:
            OSError: the disk does not take it; the segment is closed and opened again next time.
        """
        try:
            taken = os.write(self._open_segment(), data)
        except OSError:
            self._close_segment()
            raise
        self._bytes += taken
        return taken

    def _open_segment(self) -> int:
        if self._descriptor is not None:
            if os.fstat(self._descriptor).st_nlink:
                return self._descriptor
            # Somebody removed the file, perhaps with its directory: go on in a new one.
            self._close_segment()
        self.directory.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(self.segment_path, flags, 0o666)
        return self._descriptor

    def _close_segment(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def write_manifest(
        self, metrics: dict[str, Metric], accounting: Accounting, now: datetime
    ) -> None:
        """Replace the manifest: the registry, the account and a heartbeat.

        Raises:
            OSError: the disk does not take it.
        """
        written = accounting.total.written
        if written:
            segment = SegmentFacts(self.segment_path.name, 0, written, self._bytes)
            self.facts = msgspec.structs.replace(self.facts, segments=(segment,))
        self.facts = msgspec.structs.replace(self.facts, heartbeat=format_timestamp(now))
        write_manifest(self.manifest_path, Manifest(metrics, self.facts, accounting))

    def end(self, now: datetime) -> None:
        """Close the segment and note the end, which the next manifest tells."""
        self._close_segment()
        self.facts = msgspec.structs.replace(self.facts, end=format_timestamp(now))

    def change_spec(self, spec: str) -> None:
        """Note the metrics that are enabled from now on, which the next manifest tells."""
        self.facts = msgspec.structs.replace(self.facts, spec=spec)


def start_session(
    directory: Path,
    machine: Machine,
    now: datetime,
    *,
    settings: Settings,
    spec: str,
    may_claim: bool,
    earlier_launches: Sequence[str],
) -> Session:
    """Create the directory, claim a name for the segment, and return the session.

    Args:
        directory: the log directory; missing parents are created.
        machine: this machine.
        now: start of the session, aware.
        settings: the settings it runs under.
        spec: the enabled metrics, as text.
        may_claim: whether the plain name may be claimed; workers may not, later ranks do not.
        earlier_launches: launches of earlier sessions of this process.

    Raises:
        OSError: the directory cannot be created or written to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rank = place.rank(os.environ)
    session = new_session_id(now, place.label(rank, machine.host), os.getpid())
    facts = SessionFacts(
        id=session,
        start=format_timestamp(now),
        heartbeat=format_timestamp(now),
        heartbeat_interval=HEARTBEAT_INTERVAL if settings.has_thread else None,
        host=machine.host,
        boot=machine.boot,
        pid=os.getpid(),
        process_start=machine.process_start(os.getpid()),
        rank=rank,
        launch=place.launch(os.environ, session, earlier_launches),
        program=place.program_name(),
        spec=spec,
        sampling_factor=settings.sampling_factor,
        max_records=settings.max_records,
        plain=may_claim and not rank and claim_plain_name(directory, machine, now),
    )
    return Session(directory, facts)


def claim_plain_name(
    directory: Path,
    machine: Machine,
    now: datetime,
    *,
    link: Callable[[Path, Path], None] = os.link,
) -> bool:
    """Create the plain segment, moving that of an ended session out of the way.

    Args:
        directory: the log directory.
        machine: this machine.
        now: the present, aware.
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
        archive = _archive_of(directory, plain, machine, now)
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


def _create(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        return False
    return True


def _archive_of(directory: Path, plain: Path, machine: Machine, now: datetime) -> Path | None:
    """Return the name for the plain segment of an ended session, None when it may still live."""
    owner = _plain_owner(directory)
    if owner is None:
        written = datetime.fromtimestamp(plain.stat().st_mtime, UTC)
        if now - written < QUIET:
            return None
        return directory / closed_name(new_session_id(written, "original", 0), 0)
    if session_state(owner, now=now, machine=machine) not in ("ended", "killed"):
        return None
    return directory / closed_name(owner.id, len(owner.segments[:-1]))


def _plain_owner(directory: Path) -> SessionFacts | None:
    """Return the session that the plain segment belongs to: the last that claimed the name."""
    claims = []
    for path in directory.iterdir():
        if is_manifest_name(path.name):
            with contextlib.suppress(MicrometricError):
                facts = read_manifest(path).session
                if facts is not None and facts.plain:
                    claims.append(facts)
    return max(claims, key=lambda facts: facts.id, default=None)
