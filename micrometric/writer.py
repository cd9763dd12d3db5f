"""From the queue to the segment: encode in slices, write whole lines, keep the account.

The logging thread appends a raw tuple to `queue` and, every `SLICE` events, turns them into
lines; a thread of its own writes the lines when enough of them or enough time came together.
One lock guards everything behind the queue, so that `log` needs none: appending to a list and
taking its head off are each one step for the interpreter.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import msgspec

from micrometric.encoding import Encoding, Raw
from micrometric.manifest import Accounting, Counts
from micrometric.notice import Notices
from micrometric.registry import Metric, Registry
from micrometric.session import HEARTBEAT_INTERVAL
from micrometric.settings import Settings

SLICE = 64
"""Events that the logging thread encodes at once; it bounds the longest call of `log`."""
MAX_PENDING_BYTES = 256 * 1024 * 1024
"""Lines kept in memory while the disk takes none; what comes on top is dropped and counted."""
MANIFEST_INTERVAL = 1.0
"""Shortest time in seconds between two manifests of one session."""
_SHORTEST_WAIT = 0.005


class Chunk(NamedTuple):
    """Lines that wait to be written."""

    data: bytes
    counts: Counter[str]
    """Events by metric."""


class Destination(Protocol):
    """What a writer needs of a session."""

    def write(self, data: memoryview) -> int:
        """Take some of the bytes and return how many; raises OSError when it takes none."""

    def write_manifest(
        self, metrics: dict[str, Metric], accounting: Accounting, now: datetime
    ) -> None:
        """Replace the manifest; raises OSError when it cannot."""

    def end(self, now: datetime) -> None:
        """Close the segment and note the end."""


class Writer:
    """The way of events from the queue to the segment of one session.

    Args:
        start_session: claims the files; called when there is a first event to write, and again
            as long as it raises OSError.
        settings: the settings the session runs under.
        registry: the registered metrics, for the manifest.
        notices: where warnings go.
    """

    def __init__(
        self,
        start_session: Callable[[], Destination],
        settings: Settings,
        registry: Registry,
        notices: Notices,
    ) -> None:
        self.queue: list[Raw] = []
        self.slice_size = min(SLICE, max(1, settings.flush_every))
        """Length of the queue at which the logging thread calls `encode_slice`."""
        self.session: Destination | None = None
        self.last_flush_time = time.time()
        self.lock = threading.RLock()
        """Held while lines are made and written, so a slow disk holds it long: `log` only tries."""
        self.count_lock = threading.RLock()
        """Held for a moment where something is counted; reentrant for the sake of signals."""
        self.counts: dict[str, Counts] = {}
        """All but `logged` and `pending`, which follow from the rest."""
        self._start_session = start_session
        self._settings = settings
        self._registry = registry
        self._notices = notices
        self._encoding = Encoding()
        self._chunks: deque[Chunk] = deque()
        self._pending_lines = 0
        self._pending_bytes = 0
        self._taken = 0
        """Bytes of the first chunk that the disk has taken already."""
        self._encodes = False
        self._manifest_due = 0.0
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closed = False

    def add(self, event: Raw) -> None:
        """Queue an event, and write it where the settings leave that to the caller."""
        self.queue.append(event)
        if self._settings.writes_through or self._closed:
            self.flush()
        elif len(self.queue) >= self.slice_size:
            self.encode_slice()

    def encode_slice(self) -> None:
        """Turn queued events into lines, unless another thread is at it; write when it is time."""
        if not self.lock.acquire(blocking=False):
            return
        try:
            self._encode_queue()
            missing = self._settings.flush_every - self._pending_lines
            self.slice_size = min(SLICE, missing) if missing > 0 else SLICE
        finally:
            self.lock.release()
        if missing > 0:
            return
        if self._thread is None:
            self.flush()
            self.slice_size = min(SLICE, self._settings.flush_every)
        else:
            self._wake.set()

    def _encode_queue(self) -> None:
        # A signal handler or a finaliser may log while its own thread is in here.
        if self._encodes:
            return
        self._encodes = True
        try:
            while batch := self.queue[: 16 * SLICE]:
                self._keep(*self._encoding.encode(batch, self._fail))
                del self.queue[: len(batch)]
        finally:
            self._encodes = False

    def _keep(self, data: bytes, counts: Counter[str]) -> None:
        if self._pending_bytes + len(data) > MAX_PENDING_BYTES:
            with self.count_lock:
                for metric, events in counts.items():
                    self.count(metric).failed += events
            self._notices.give(
                "queue is full",
                f"{MAX_PENDING_BYTES >> 20} MiB of events wait for the disk; further events are "
                "dropped and counted as failed",
            )
            return
        self._chunks.append(Chunk(data, counts))
        self._pending_lines += counts.total()
        self._pending_bytes += len(data)

    def _fail(self, metric: str, error: Exception) -> None:
        with self.count_lock:
            self.count(metric).failed += 1
        self._notices.give(
            ("failed", metric),
            f"an event of metric {metric!r} could not be encoded ({error}); it is counted as "
            "failed",
        )

    def flush(self) -> None:
        """Write everything that is pending, and a manifest when one is due. Never raises."""
        with self.lock:
            self._encode_queue()
            due = self._closed or time.monotonic() >= self._manifest_due
            if self._chunks and self._write_chunks() and due:
                self.write_manifest()

    def _write_chunks(self) -> bool:
        """Write the lines that wait, and say whether the disk took them all."""
        try:
            if self.session is None:
                self.session = self._start_session()
            while self._chunks:
                self._write_first(self.session)
        except OSError as error:
            self._notices.give(
                "disk",
                f"events cannot be written: {error}; they are kept in memory and written as "
                "soon as they can be",
            )
            return False
        self._notices.withdraw("disk")
        self.last_flush_time = time.time()
        return True

    def _write_first(self, session: Destination) -> None:
        data, counts = self._chunks[0]
        self._taken += session.write(memoryview(data)[self._taken :])
        if self._taken < len(data):
            return
        self._chunks.popleft()
        self._taken = 0
        self._pending_bytes -= len(data)
        self._pending_lines -= counts.total()
        with self.count_lock:
            for metric, events in counts.items():
                self.count(metric).written += events

    def write_manifest(self) -> None:
        """Replace the manifest now. Never raises."""
        self._manifest_due = time.monotonic() + MANIFEST_INTERVAL
        if self.session is None:
            return
        try:
            self.session.write_manifest(
                self._registry.metrics, self.accounting(), datetime.now(UTC)
            )
        except OSError as error:
            self._notices.give("manifest", f"the manifest cannot be written for now: {error}")

    def count(self, metric: str) -> Counts:
        """Return the counts of a metric; the caller holds `count_lock`."""
        return self.counts.setdefault(metric, Counts())

    def accounting(self) -> Accounting:
        """Return the account of every event so far."""
        with self.lock, self.count_lock:
            pending = Counter([event[1] for event in self.queue])
            for chunk in self._chunks:
                pending.update(chunk.counts)
            account = Accounting(metrics={})
            for metric in {**self.counts, **pending}:
                counts = msgspec.structs.replace(self.count(metric), pending=pending[metric])
                counts.logged = counts.written + counts.pending + counts.sampled_out
                counts.logged += counts.capped + counts.failed
                account.metrics[metric] = counts
                account.total.add(counts)
            return account

    def kept(self) -> int:
        """Return how many events were written or will be."""
        with self.lock, self.count_lock:
            written = sum(counts.written for counts in self.counts.values())
            return written + self._pending_lines + len(self.queue)

    def pending(self) -> list[bytes]:
        """Return the lines of the events that are not written yet, the oldest first."""
        with self.lock:
            self._encode_queue()
            lines: list[bytes] = []
            for chunk in self._chunks:
                lines.extend(chunk.data.splitlines())
            # A line of which the disk took a part is still pending.
            return lines[self._chunks[0].data.count(b"\n", 0, self._taken) :] if lines else []

    def start_thread(self) -> None:
        """Start the thread where the settings want one; the first call does it."""
        with self.lock:
            if self._thread is not None or self._closed or not self._settings.has_thread:
                return
            thread = threading.Thread(target=self._run, name="micrometric-writer", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return  # None is to be had while the interpreter shuts down: the caller writes.
            self._thread = thread
        self._wake.set()  # The files appear at once, not after the first interval.

    def _run(self) -> None:
        interval = self._settings.flush_interval or 0.0
        wait = max(_SHORTEST_WAIT, min(interval, HEARTBEAT_INTERVAL / 2))
        while not self._closed:
            self._wake.wait(wait)
            self._wake.clear()
            try:
                if self.queue or self._chunks:
                    self.flush()
                elif time.monotonic() >= self._manifest_due + HEARTBEAT_INTERVAL / 2:
                    self.write_manifest()
            except Exception as error:  # noqa: BLE001 - without its thread nothing is written
                self._notices.give("thread", f"the writer thread met an error: {error!r}")

    def stop(self) -> None:
        """End the thread, without writing; from here on the caller writes."""
        self._closed = True
        self._wake.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10.0)

    def close(self) -> None:
        """Write what is pending and end the session; later events are still written."""
        self.stop()
        with self.lock:
            self.flush()
            if self.session is not None:
                self.session.end(datetime.now(UTC))
            self.write_manifest()
