"""Events on their way from the queue to the disk: lines, and events that wait for a device.

They are kept in the order of the calls. The logging thread adds at the end, whoever writes takes
from the front; the caller holds a lock for each side, and each side changes only its own count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from micrometric.device import fetch
from micrometric.encoding import Raw
from micrometric.values import deferred_in

MAX_BYTES = 256 * 1024 * 1024
"""Lines kept in memory while the disk takes none; what comes on top is dropped and counted."""


_RING_BYTES = 1024 * 1024


class Lines(NamedTuple):
    """Whole lines."""

    data: bytes | memoryview
    counts: Mapping[str, int]
    """How many of them there are of each metric."""
    events: int
    """How many there are."""
    ring_end: int = 0
    """Where they end in the ring, counted from its first use; 0 for lines elsewhere."""

    @classmethod
    def of(cls, data: bytes, metrics: Sequence[str]) -> Lines:
        """Return lines whose metrics are told one by one."""
        events = len(metrics)
        if events and metrics.count(metrics[0]) == events:  # Much faster than counting.
            return cls(data, {metrics[0]: events}, events)
        return cls(data, Counter(metrics), events)


class Pending:
    """What is encoded, or only waits for its device, and is not on the disk."""

    def __init__(self) -> None:
        self.items: list[Lines | Raw] = []
        """A raw event is one with tensors that wait on a device."""
        self.position = 0
        """Bytes before the first item, since the session began."""
        self.written: Counter[str] = Counter()
        """Events by metric that were taken off because they are on the disk."""
        self.kept = 0
        """Events that were added, written ones included, failed ones not."""
        self._has_waited = False
        """Whether some event ever waited for its device."""
        self._end = 0
        """Bytes up to the end of the last item, since the session began."""
        self._ring = memoryview(bytearray(_RING_BYTES))
        self._ring_end = self._ring_start = 0
        """The part of the ring in use, counted from its first use."""

    @property
    def events(self) -> int:
        """Events that wait."""
        return self.kept - self.written.total()

    def has_room(self, size: int) -> bool:
        """Say whether so many bytes may be added."""
        return self._end - self.position + size <= MAX_BYTES

    def take(self, queue: list[Raw], taken: int, lines: Lines | Raw | None) -> None:
        """Take events off the head of the queue and add what became of them behind all others.

        Args:
            queue: the queue.
            taken: number of its events.
            lines: their lines, the one event itself where it waits for its device, or None
                where they are dropped.
        """
        events = size = 0
        items: list[Lines | Raw] = []
        ring_end = self._ring_end
        if isinstance(lines, Lines):
            lines = self._in_ring(lines)
            events, size = lines.events, len(lines.data)
            ring_end = lines.ring_end or ring_end
            items.append(lines)
        elif lines is not None:
            events = 1
            items.append(lines)
            self._has_waited = True
        # No call from here on: neither a signal handler nor another thread comes between.
        self.items += items
        self.kept += events
        self._end += size
        self._ring_end = ring_end
        del queue[:taken]

    def _in_ring(self, lines: Lines) -> Lines:
        """Return the lines in memory that is used again and again, while there is room in it.

        Memory that is fresh for each slice costs more, in page faults, than encoding does.
        """
        size, start = len(lines.data), self._ring_end
        if start % _RING_BYTES + size > _RING_BYTES:
            start += _RING_BYTES - start % _RING_BYTES  # Lines lie in one piece.
        if start + size - self._ring_start > _RING_BYTES or not size:
            return lines
        place = self._ring[start % _RING_BYTES :][:size]
        place[:] = lines.data
        return Lines(place, lines.counts, lines.events, start + size)

    def drop_written(self, position: int) -> None:
        """Forget the items before a position in the session, whose lines are on the disk."""
        end, taken, ring_start = self.position, 0, self._ring_start
        written = Counter(self.written)
        for item in self.items:
            if not isinstance(item, Lines) or end + len(item.data) > position:
                break
            end += len(item.data)
            taken += 1
            ring_start = item.ring_end or ring_start
            for metric, events in item.counts.items():
                written[metric] += events
        # No call from here on, as above.
        self.written = written
        self.position = end
        self._ring_start = ring_start
        del self.items[:taken]

    def fetch(self, encode: Callable[[Raw], Lines]) -> None:
        """Turn the events that wait for a device into lines, all with few transfers.

        Args:
            encode: makes the line of one event whose tensors have their data; none if it fails.
        """
        if not self._has_waited:
            return
        waiting = [(at, item) for at, item in enumerate(self.items) if not isinstance(item, Lines)]
        if not waiting:
            return
        fetch([copy for _, event in waiting for copy in deferred_in([event[2], event[3]])])
        for at, event in waiting:
            lines = encode(event)
            failed, size = 1 - lines.events, len(lines.data)
            # No call from here on, as above.
            self.items[at] = lines
            self.kept -= failed
            self._end += size

    def metrics(self) -> Counter[str]:
        """Return how many events of each metric wait."""
        waiting: Counter[str] = Counter()
        for item in self.items:
            waiting.update(item.counts if isinstance(item, Lines) else [item[1]])
        return waiting
