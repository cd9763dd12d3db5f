"""Events of many files in order of time, as far as a window of seconds allows."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime

from micrometric.event import LogEvent


class MergeWindow:
    """Holds events back for so long, and gives them in order of time.

    What comes later than the window allows is given late; nothing is dropped.

    Args:
        seconds: longest time that an event is held back.
        clock: seconds that never go back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._held: list[tuple[datetime, int, LogEvent]] = []
        self._arrivals: deque[tuple[float, datetime]] = deque()
        """When what arrived together is due, and the time of its last event."""
        self._count = 0

    def add(self, events: Sequence[LogEvent]) -> None:
        """Take events that arrived now."""
        for event in events:
            self._count += 1  # Of one time, the one that came first is the first.
            heapq.heappush(self._held, (event.timestamp, self._count, event))
        if events:
            latest = max(event.timestamp for event in events)
            self._arrivals.append((self._clock() + self._seconds, latest))

    def due(self) -> list[LogEvent]:
        """Return the events that must wait no longer, and those that are before them."""
        now = self._clock()
        events: list[LogEvent] = []
        while self._arrivals and self._arrivals[0][0] <= now:
            _, latest = self._arrivals.popleft()
            while self._held and self._held[0][0] <= latest:
                events.append(heapq.heappop(self._held)[2])
        return events

    def wait(self) -> float | None:
        """Return the seconds until events are due, None when none are held."""
        return max(0.0, self._arrivals[0][0] - self._clock()) if self._held else None

    def rest(self) -> list[LogEvent]:
        """Return all that is held, in order of time."""
        events = [event for _, _, event in sorted(self._held)]
        self._held.clear()
        self._arrivals.clear()
        return events
