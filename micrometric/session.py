"""A session: one process logging into one directory. It owns its segments and its manifest.

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
from micrometric.active import ActiveSegment
from micrometric.claim import claim_plain_name, next_index
from micrometric.closed import ClosedSegments
from micrometric.event import format_timestamp
from micrometric.machine import Machine
from micrometric.manifest import Accounting, Manifest, SegmentFacts, SessionFacts, write_manifest
from micrometric.registry import Metric
from micrometric.segment import closed_name, manifest_name, new_session_id
from micrometric.settings import Settings

HEARTBEAT_INTERVAL = 30.0
"""Seconds within which a session with a writer thread renews its manifest."""
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
        self.active = ActiveSegment(directory, facts.id, clock)
        self.closed = ClosedSegments(directory, facts.id, settings, clock)
        self._settings = settings
        self._machine = machine
        self._clock = clock
        self._has_begun = False
        self._rotate_after = 0.0

    @property
    def position(self) -> int:
        """Bytes appended since the session began, over all its segments."""
        return self.active.position

    @property
    def manifest_path(self) -> Path:
        """The manifest."""
        return self.directory / manifest_name(self.facts.id)

    @property
    def room(self) -> int:
        """Bytes that still fit before the segment is to be closed."""
        limit = self._settings.rotate_bytes
        if limit is None or self.active.size >= limit:
            return _ENDLESS
        return limit - self.active.size

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
            self.active.is_plain = plain
            self.facts = msgspec.structs.replace(self.facts, plain=plain, claims_plain=False)
            # Before any event, so that the name is never taken for another session's.
            with contextlib.suppress(OSError):
                write_manifest(self.manifest_path, Manifest(metrics, self.facts, Accounting()))
        self._has_begun = True

    def write(self, data: list[memoryview], begun: int) -> None:
        """Append some of the data to the active segment; see `ActiveSegment.write`."""
        self.active.write(data, begun)

    def rotate_if_due(self, written: int) -> None:
        """Close the segment and begin another where its size or age asks for it.

        Where the disk does not allow it, the segment goes on, and it is tried again later.

        Args:
            written: events since the session began; the last line is whole.
        """
        settings, active, now = self._settings, self.active, self._clock()
        if not active.size or not active.is_open or now < self._rotate_after:
            return
        is_full = settings.rotate_bytes is not None and active.size >= settings.rotate_bytes
        is_old = settings.rotate_seconds is not None and active.age >= settings.rotate_seconds
        if is_full or is_old:
            try:
                self._rotate(written - self.closed.events())
            except OSError:
                self._rotate_after = now + _ROTATE_AGAIN

    def _rotate(self, events: int) -> None:
        index = next_index(self.directory, self.facts.id, self.closed.next_index)
        name, size = closed_name(self.facts.id, index), self.active.size
        self.active.begin_anew(self.directory / name)
        self.closed.add(SegmentFacts(name, index, events, size))

    def tend(self, at_once: bool) -> bool:
        """Do one step of the work on closed segments, and say whether there is more to do now.

        Args:
            at_once: whether the session ends: nothing is put off.
        """
        return self.closed.step(self.active.size, at_once)

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
        if self.active.has_begun:
            events = accounting.total.written - self.closed.events()
            name, size = self.active.path.name, self.active.size
            segments.append(SegmentFacts(name, self.closed.next_index, events, size))
        self.facts = msgspec.structs.replace(
            self.facts,
            plain=self.active.is_plain,
            segments=tuple(segments),
            deleted=self.closed.deleted,
            heartbeat=format_timestamp(now),
        )
        write_manifest(self.manifest_path, Manifest(metrics, self.facts, accounting))

    def end(self, now: datetime) -> None:
        """Close the segment and note the end, which the next manifest tells."""
        self.active.close()
        self.facts = msgspec.structs.replace(self.facts, end=format_timestamp(now))

    def abandon(self) -> None:
        """Close the file without a trace, in a forked child whose parent goes on with it."""
        self.active.close()

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
