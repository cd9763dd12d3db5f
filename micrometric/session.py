"""A session: one process logging into one directory. It owns its segment and its manifest.

One file has one writer, so nothing depends on locks. A segment that is full or old is closed under
a name of its own, and an empty one takes its place in one step.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from micrometric import place
from micrometric.claim import claim_plain_name, next_index
from micrometric.closed import ClosedSegments
from micrometric.event import format_timestamp
from micrometric.machine import Machine
from micrometric.manifest import (
    Accounting,
    Manifest,
    SegmentFacts,
    SessionFacts,
    write_manifest,
)
from micrometric.registry import Metric
from micrometric.segment import (
    PLAIN_NAME,
    active_name,
    closed_name,
    file_identity,
    manifest_name,
    new_session_id,
)
from micrometric.settings import Settings

HEARTBEAT_INTERVAL = 30.0
"""Seconds within which a session with a writer thread renews its manifest."""
_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
_ENDLESS = sys.maxsize
_ROTATE_AGAIN = 5.0
"""Seconds until rotation is tried again."""


class Session:
    """The files of one session. Not safe from threads: the writer holds its lock around calls.

    Args:
        directory: the log directory.
        facts: whose session it is.
        settings: when to rotate, what to keep, how to compress.
        machine: this machine.
        clock: seconds that never run backwards, which the wall clock may.
    """

    def __init__(
        self,
        directory: Path,
        facts: SessionFacts,
        settings: Settings,
        machine: Machine,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = directory
        self.facts = facts
        self.position = 0
        """Bytes appended since the session began, over all its segments."""
        self.closed = ClosedSegments(directory, facts.id, settings, clock)
        self._settings = settings
        self._machine = machine
        self._clock = clock
        self._has_begun = False
        self._descriptor: int | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode of the active segment."""
        self._size = 0
        """Bytes of the active segment that this session appended."""
        self._begun_at = self._rotate_after = 0.0
        self._unsure = False
        """Whether a write was interrupted before its outcome was noted."""

    @property
    def segment_path(self) -> Path:
        """The active segment."""
        facts = self.facts
        return self.directory / (PLAIN_NAME if facts.plain else active_name(facts.id))

    @property
    def manifest_path(self) -> Path:
        """The manifest."""
        return self.directory / manifest_name(self.facts.id)

    @property
    def room(self) -> int:
        """Bytes that still fit before the segment is to be closed."""
        limit = self._settings.rotate_bytes
        if limit is None or self._size >= limit:
            return _ENDLESS
        return limit - self._size

    def begin(self, metrics: dict[str, Metric]) -> None:
        """Create the directory, tell whose session it is and claim a name for the segment.

        Only the first call that succeeds does anything.

        Args:
            metrics: the registered metrics.

        Raises:
            OSError: the directory cannot be created or written to.
        """
        if self._has_begun:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        write_manifest(self.manifest_path, Manifest(metrics, self.facts, Accounting()))
        if self.facts.claims_plain:
            now = datetime.now(UTC)
            plain = claim_plain_name(self.directory, self._machine, now, self.facts.id)
            self.facts = msgspec.structs.replace(self.facts, plain=plain, claims_plain=False)
            # Before any event, so that the name is never taken for another session's.
            with contextlib.suppress(OSError):
                write_manifest(self.manifest_path, Manifest(metrics, self.facts, Accounting()))
        self._has_begun = True

    def write(self, data: list[memoryview], begun: int) -> None:
        """Append some of the data to the segment, opening it first, and move `position`.

        Args:
            data: what comes next.
            begun: how many bytes of its first line are written already; where somebody removed
                that file, `position` moves back by so many and nothing is written.

        Raises:
            OSError: the disk does not take it; the segment is closed and opened again next time.
        """
        try:
            descriptor, is_new = self._open_segment()
            if is_new and begun:
                self.position -= begun
                return
            if self._unsure and self._note_size(descriptor):
                return
            self._unsure = True
            taken = _write_all(descriptor, data)
            # No call until all is noted: a signal handler cannot come between.
            self.position += taken
            self._size += taken
            self._unsure = False
        except OSError:
            self._unsure = False
            self._close_segment()
            raise

    def _note_size(self, descriptor: int) -> int:
        """Note what an interrupted write has written after all, and return how much it was."""
        taken = max(0, os.fstat(descriptor).st_size - self._size)
        self.position += taken
        self._size += taken
        self._unsure = False
        return taken

    def _open_segment(self) -> tuple[int, bool]:
        """Return the descriptor of the segment, and whether its file is a new one."""
        if self._descriptor is not None:
            if file_identity(self.segment_path) == self._file:
                return self._descriptor, False
            # Somebody moved or removed the file, perhaps with its directory.
            self._close_segment()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._descriptor, is_ours = _open(self.segment_path, self._file)
        if not is_ours and self.facts.plain:
            # Another session has the plain name by now.
            self._close_segment()
            self.facts = msgspec.structs.replace(self.facts, plain=False)
            self._descriptor, _ = _open(self.segment_path, self._file)
        file = file_identity(self._descriptor)
        is_new = file != self._file
        if is_new:
            self._file = file
            self._size, self._begun_at = os.fstat(self._descriptor).st_size, self._clock()
        return self._descriptor, is_new

    def _close_segment(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def rotate_if_due(self, written: int) -> None:
        """Close the segment and begin another where its size or age asks for it.

        Where the disk does not allow it, the segment goes on, and it is tried again later.

        Args:
            written: events since the session began; the last line is whole.
        """
        settings, now = self._settings, self._clock()
        if not self._size or self._descriptor is None or now < self._rotate_after:
            return
        is_full = settings.rotate_bytes is not None and self._size >= settings.rotate_bytes
        age = now - self._begun_at
        if is_full or (settings.rotate_seconds is not None and age >= settings.rotate_seconds):
            try:
                self._rotate(written - self.closed.events())
            except OSError:
                self._rotate_after = now + _ROTATE_AGAIN

    def _rotate(self, events: int) -> None:
        """Give the active segment its closed name, and put an empty one in its place.

        The active name always stands for a file, so no other session takes the plain one.
        """
        active = self.segment_path
        index = next_index(self.directory, self.facts.id, self.closed.next_index)
        closed = active.with_name(closed_name(self.facts.id, index))
        empty = active.with_name(f".{active.name}.{os.getpid()}.tmp")
        descriptor = os.open(empty, _APPEND | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _exchange(active, closed, empty)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                empty.unlink()
            raise
        self.closed.add(SegmentFacts(closed.name, index, events, self._size))
        self._close_segment()
        self._descriptor, self._file = descriptor, file_identity(descriptor)
        self._size, self._begun_at = 0, self._clock()

    def tend(self, at_once: bool) -> bool:
        """Do one step of the work on closed segments, and say whether there is more to do now.

        Args:
            at_once: whether the session ends: nothing is put off.
        """
        return self.closed.step(self._size, at_once)

    def write_manifest(
        self, metrics: dict[str, Metric], accounting: Accounting, now: datetime
    ) -> None:
        """Replace the manifest, once there is one: the registry, the account and a heartbeat.

        Raises:
            OSError: the disk does not take it.
        """
        if not self._has_begun:
            return
        segments = [*self.closed.facts]
        if self._file is not None:
            events = accounting.total.written - self.closed.events()
            name = self.segment_path.name
            segments.append(SegmentFacts(name, self.closed.next_index, events, self._size))
        self.facts = msgspec.structs.replace(
            self.facts,
            segments=tuple(segments),
            deleted=self.closed.deleted,
            heartbeat=format_timestamp(now),
        )
        write_manifest(self.manifest_path, Manifest(metrics, self.facts, accounting))

    def end(self, now: datetime) -> None:
        """Close the segment and note the end, which the next manifest tells."""
        self._close_segment()
        self.facts = msgspec.structs.replace(self.facts, end=format_timestamp(now))

    def abandon(self) -> None:
        """Close the file without a trace, in a forked child whose parent goes on with it."""
        self._close_segment()

    def change_spec(self, spec: str) -> None:
        """Note the metrics that are enabled from now on, which the next manifest tells."""
        self.facts = msgspec.structs.replace(self.facts, spec=spec)


def new_session(
    directory: Path,
    machine: Machine,
    now: datetime,
    *,
    settings: Settings,
    spec: str,
    launch: str | None,
    may_claim: bool,
    clock: Callable[[], float] = time.monotonic,
) -> Session:
    """Return a session that has no files yet.

    Args:
        directory: the log directory.
        machine: this machine.
        now: start of the session, aware.
        settings: the settings it runs under.
        spec: the enabled metrics, as text.
        launch: the launch it belongs to.
        may_claim: whether the plain name may be claimed; workers may not, later ranks do not.
        clock: seconds that never run backwards.
    """
    rank = place.rank(os.environ)
    facts = SessionFacts(
        id=new_session_id(now, place.label(rank, machine.host), os.getpid()),
        start=format_timestamp(now),
        heartbeat=format_timestamp(now),
        heartbeat_interval=HEARTBEAT_INTERVAL if settings.has_thread else None,
        host=machine.host,
        boot=machine.boot,
        pid=os.getpid(),
        process_start=machine.process_start(os.getpid()),
        rank=rank,
        launch=launch,
        program=place.program_name(),
        spec=spec,
        sampling_factor=settings.sampling_factor,
        max_records=settings.max_records,
        claims_plain=may_claim and not rank,
    )
    return Session(directory, facts, settings, machine, clock)


def _exchange(active: Path, closed: Path, empty: Path) -> None:
    """Rename `active` to `closed`, a free name, and `empty` to `active`; both or neither."""
    try:
        os.link(active, closed)
    except FileExistsError:
        raise
    except OSError:
        # A disk without hard links: for a moment there is no file of the active name.
        active.rename(closed)
    try:
        empty.replace(active)
    except OSError:
        closed.replace(active)
        raise


def _open(path: Path, known: tuple[int, int] | None) -> tuple[int, bool]:
    """Open a segment to append to it, and say whether no other session can have made it.

    Args:
        path: the segment; created if missing.
        known: device and inode of this session's file; None when it has only claimed the name.
    """
    try:
        return os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, 0o666), True
    except FileExistsError:
        descriptor = os.open(path, _APPEND | os.O_CREAT, 0o666)
        return descriptor, known in (None, file_identity(descriptor))


def _write_all(descriptor: int, data: list[memoryview]) -> int:
    """Write what the disk takes in one call, and return how many bytes that was."""
    if hasattr(os, "writev"):
        return os.writev(descriptor, data)
    return os.write(descriptor, b"".join(data))
