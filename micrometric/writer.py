"""From the queue to the segment: who encodes and who writes, and when.

The logging thread appends a raw event to `queue` and, every `SLICE` events, turns them into
lines; a thread of its own has them delivered when enough of them or enough time came together.
Appending to a list and taking its head off are each one step for the interpreter, so the queue
needs no lock. A signal may raise KeyboardInterrupt at any call: what must happen together
stands in lines without calls, and what was written is derived from the session's position. Since
Python 3.13 it may also come where a loop turns, outside of the `try` or `with` around that loop: so
what must be undone stands around calls, never around loops.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from micrometric.account import Account
from micrometric.delivery import Delivery, Destination
from micrometric.encoding import Encoding, Raw
from micrometric.gate import Gate
from micrometric.manifest import Accounting
from micrometric.notice import Notices
from micrometric.pending import MAX_BYTES, Lines, Pending
from micrometric.registry import Registry
from micrometric.session import HEARTBEAT_INTERVAL
from micrometric.settings import Settings
from micrometric.values import deferred_in, fetched
from micrometric.writer_thread import WriterThread

SLICE = 96
"""Events that the logging thread encodes at once; it bounds the longest call of `log`."""
_BACKLOG = 4 * SLICE
"""Events that wait for the thread before the logging thread encodes them after all."""
MANIFEST_INTERVAL = 1.0
"""Shortest time in seconds between two manifests of one session."""
_SHORTEST_WAIT = 0.002


class Writer:
    """The way of events from the queue to the segment of one session.

    Args:
        new_session: called when there is a first event to write.
        settings: the settings the session runs under.
        registry: the registered metrics, for the manifest.
        notices: where warnings go.
    """

    def __init__(
        self,
        new_session: Callable[[], Destination],
        settings: Settings,
        registry: Registry,
        notices: Notices,
    ) -> None:
        self.queue: list[Raw] = []
        self.slice_size = min(SLICE, max(1, settings.flush_every))
        """Length of the queue at which the logging thread calls `encode_slice`; 0 once closed,
        so that an event which was on its way then is written by who logged it."""
        self.account = Account()
        self.gate = Gate(settings)
        self._settings = settings
        self._notices = notices
        self._encode_lock = threading.RLock()
        """Held while lines are made: short, and never while the disk or a device is waited for."""
        self._write_lock = threading.RLock()
        """Held while lines are fetched and written, so a slow disk holds it long."""
        self._encoding = Encoding()
        self._encodes = False
        self._slices = 0
        """Slices encoded so far, which tells the thread whether the loop is at it."""
        self._slices_seen = 0
        """What it was told last."""
        self._pending = Pending()
        self.delivery = Delivery(
            new_session, self._pending, self._encode_fetched, registry, notices
        )
        self._has_devices = False
        """Whether some event ever held a tensor that waits on a device."""
        self._writes = False
        self._manifest_due = 0.0
        # Half of the interval: an event waits for a look at the queue, and then for the next.
        interval = min(settings.flush_interval or 0.0, HEARTBEAT_INTERVAL)
        self._thread = WriterThread(self._turn, max(_SHORTEST_WAIT, interval / 2))
        self._closed = False

    def add(self, event: Raw, *, waits: bool, is_large: bool) -> None:
        """Queue an event, as the hot path does.

        Args:
            event: the event.
            waits: whether something in it waits on a device.
            is_large: whether it is of a size that the bound of the queue must know at once.
        """
        self._has_devices = self._has_devices or waits
        self.queue.append(event)
        if is_large or len(self.queue) >= self.slice_size:
            self.encode_slice()

    def encode_slice(self) -> None:
        """Turn queued events into lines, and write when it is time. Never raises."""
        try:
            self._encode_or_leave()
        except Exception as error:  # noqa: BLE001 - the event is queued, and stays so
            self._tell_error(error)

    def _encode_or_leave(self) -> None:
        """Encode what is queued, or leave it to a thread that is quick or at it already."""
        if self._closed or self._settings.writes_through:
            self.flush()
            return
        queued = len(self.queue)
        if self._encodes or (self._thread.is_quick and queued < _BACKLOG):
            size = queued + SLICE
            if not self._closed:  # No call until it is set: nobody closes in between.
                self.slice_size = size
            self._thread.wake()
            return
        self._encode_queue(_BACKLOG)
        if self._pending.events >= self._settings.flush_every:
            if self._thread.runs:
                self._thread.wake()
            else:
                self.flush()

    # From the queue to lines.

    def _encode_queue(self, most: int = sys.maxsize) -> None:
        """Encode what is queued by now, or so many of these events."""
        with self._encode_lock:
            # A signal handler or a finaliser may log while its own thread is in here.
            if self._encodes:
                return
            self._encodes = True
            try:
                self._encode_batches(most)
                self._slices += 1
                flush_every = max(1, self._settings.flush_every)
                missing = flush_every - self._pending.events
                size = min(SLICE, missing if missing > 0 else flush_every)
                if not self._closed:  # As above.
                    self.slice_size = size
            finally:
                self._encodes = False

    def _encode_batches(self, most: int) -> None:
        left = min(len(self.queue), most)
        while left > 0:
            left -= self._encode_batch(self.queue[: min(left, _BACKLOG)])

    def _encode_batch(self, batch: list[Raw]) -> int:
        """Encode the head of the queue and take it off; return how many events that was.

        What waits for a device keeps its place among the lines.
        """
        plain = self._plain_events(batch) if self._has_devices else len(batch)
        if plain == 0:
            self._pending.take(self.queue, 1, batch[0])
            return 1
        failed: list[tuple[str, Exception]] = []
        lines = Lines.of(
            *self._encoding.encode(
                batch[:plain], lambda metric, error: failed.append((metric, error))
            )
        )
        has_room = self._pending.has_room(len(lines.data))
        self._pending.take(self.queue, plain, lines if has_room else None)
        if not has_room:
            self._drop(lines.counts)
        for metric, error in failed:
            self._fail(metric, error)
        return plain

    def _plain_events(self, batch: list[Raw]) -> int:
        """Return how many events come before the first that waits for a device."""
        for at, event in enumerate(batch):
            if any(True for _ in deferred_in([event[2], event[3]])):
                return at
        return len(batch)

    def _encode_fetched(self, event: Raw) -> Lines:
        time_ns, metric, value, metadata, code, module = event
        try:
            event = (time_ns, metric, fetched(value), fetched(metadata), code, module)
        except Exception as error:  # noqa: BLE001 - whatever the device raised
            self._fail(metric, error)
            return Lines.of(b"", [])
        with self._encode_lock:
            return Lines.of(*self._encoding.encode([event], self._fail))

    def _drop(self, counts: Mapping[str, int]) -> None:
        for metric, events in counts.items():
            self.account.note(metric, failed=events)
        self._notices.give(
            "queue is full",
            f"{MAX_BYTES >> 20} MiB of events wait for the disk; further events are dropped and "
            "counted as failed",
        )

    def _fail(self, metric: str, error: Exception) -> None:
        self.account.note(metric, failed=1)
        self._notices.give(
            ("failed", metric),
            f"an event of metric {metric!r} could not be encoded ({error}); it is counted as "
            "failed",
        )

    # From lines to the segment.

    def flush(self) -> None:
        """Write every pending event, and a manifest when one is due. Never raises."""
        try:
            self._encode_queue()
            self._write()
        except Exception as error:  # noqa: BLE001 - a training run does not die of its metrics
            self._tell_error(error)

    def _tell_error(self, error: Exception) -> None:
        self._notices.give("error", f"writing events met an error: {error!r}")

    def _write(self) -> bool:
        """Write the lines that wait, and say whether work on segments is left."""
        with self._write_lock:
            # A signal handler may flush while its own thread is in here.
            if self._writes:
                return False
            self._writes = True
            try:
                due = self._closed or time.monotonic() >= self._manifest_due
                if self._pending.items and self.delivery.deliver() and due:
                    self.write_manifest()
                return self.delivery.tend(at_once=self._closed, to_the_end=not self._thread.runs)
            finally:
                self._writes = False

    def write_manifest(self) -> None:
        """Replace the manifest now. Never raises."""
        self._manifest_due = time.monotonic() + MANIFEST_INTERVAL
        with self._write_lock:
            self.delivery.write_manifest(self.accounting())

    # The account.

    def accounting(self) -> Accounting:
        """Return the account of every event so far."""
        with self._write_lock, self._encode_lock:
            pending = self._pending.metrics()
            pending.update([event[1] for event in self.queue])
            return self.account.balance(self.gate, self._pending.written, pending)

    def kept(self) -> int:
        """Return how many events were written or will be."""
        with self._encode_lock:
            return self._pending.kept + len(self.queue)

    def pending(self) -> list[bytes]:
        """Return the lines of the events that are not written yet, the oldest first."""
        self._encode_queue()
        with self._write_lock, self._encode_lock:
            return self.delivery.pending_lines()

    # The thread.

    def start_thread(self) -> None:
        """Start the thread where the settings want one; the first call does it."""
        with self._write_lock:
            if self._closed or not self._settings.has_thread:
                return
            self._slices_seen = self._slices
            self._thread.start()
        self._thread.wake()  # The files appear at once, not after the first interval.

    def _turn(self) -> bool:
        """Do what the thread is for, and say whether there is more to do now. Never raises."""
        try:
            # Where the loop has paused or is slow nobody else does it.
            if self.queue and (self._thread.is_quick or self._slices_seen == self._slices):
                self._encode_queue()
            self._slices_seen = self._slices
            has_more = self._write()
            if time.monotonic() >= self._manifest_due + HEARTBEAT_INTERVAL / 2:
                self.write_manifest()
        except Exception as error:  # noqa: BLE001 - without its thread nothing is written
            self._tell_error(error)
            return False
        return has_more

    def stop(self) -> None:
        """End the thread, without writing; from here on the caller writes."""
        self._closed = True
        self.slice_size = 0
        self._thread.stop()

    def close(self) -> None:
        """Write what is pending and end the session; later events are still written."""
        self.stop()
        self.flush()
        if self.delivery.is_stuck:
            self._notices.give(
                "lost",
                "logging ends while the disk takes nothing: "
                f"{len(self.pending())} events are not written",
            )
        with self._write_lock:
            if (session := self.delivery.session) is not None:
                session.end(datetime.now(UTC))
            self.write_manifest()

    def change_spec(self, spec: str) -> None:
        """Note the metrics that are enabled from now on, which the next manifest tells."""
        if (session := self.delivery.session) is not None:
            session.change_spec(spec)

    def abandon(self) -> None:
        """Let go of a parent's files after a fork, without writing."""
        if (session := self.delivery.session) is not None:
            session.abandon()
