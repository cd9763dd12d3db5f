"""How long following waits for something to happen, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from micrometric.merging import MergeWindow

_LONGEST = 60.0
"""Seconds to wait where nothing is due."""


@dataclass(slots=True)
class Pace:
    """What ends following, and what must not wait. Only `is_closed` may be set by any thread."""

    pulse: float | None
    """Seconds after which to wake up although nothing came."""
    idle_exit: float | None
    """Seconds without an event after which following ends."""
    until: datetime | None
    """The time at which it ends."""
    window: MergeWindow | None
    """Holds events back that will be due."""
    is_closed: bool = False

    def is_over(self, idle: float) -> bool:
        """Say whether following ends after so many seconds without an event."""
        if self.idle_exit is not None and idle >= self.idle_exit:
            return True
        return self.until is not None and datetime.now(UTC) > self.until

    def patience(self, idle: float, look: float | None = None) -> float:
        """Return the seconds to wait at most.

        Args:
            idle: seconds since the last event.
            look: seconds until the next look at names, if there is to be one.
        """
        limits = [
            self.pulse,
            None if self.idle_exit is None else self.idle_exit - idle,
            None if self.window is None else self.window.wait(),
            None if self.until is None else (self.until - datetime.now(UTC)).total_seconds(),
            look,
        ]
        return max(0.0, min((limit for limit in limits if limit is not None), default=_LONGEST))
