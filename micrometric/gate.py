"""Sampling and `max_records`: which events are kept, and how many of those left out are counted.

Asked in the hot path, so it takes no lock: a draw, a ticket from a counter and an append are each
one step for the interpreter, and what was appended is counted later.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable

from micrometric.settings import Settings

_TALLY = 4096
"""Names that are kept before they are counted; bounds the memory of what is left out."""


class Tally:
    """Counts names. Adding is safe from any thread; counting happens under the caller's lock."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> int:
        """Count a name, and return how many wait to be summed up."""
        self._names.append(name)
        return len(self._names)

    def counts(self) -> Counter[str]:
        """Sum up and return the counts so far; the caller holds a lock and changes nothing."""
        names = self._names[:]
        counts, summed = self._counts + Counter(names), len(names)
        # No call between these: a signal handler cannot come between, nor another thread.
        self._counts = counts
        del self._names[:summed]
        return counts


class Gate:
    """Decides event by event, in the way the settings ask for.

    Args:
        settings: sampling share, its seed, and the limit.
        settle: called when many events were left out, to have them counted.
    """

    def __init__(self, settings: Settings, settle: Callable[[], None]) -> None:
        self.sampled_out = Tally()
        self.capped = Tally()
        self.admits: Callable[[str], bool] | None = None
        """Says whether an event of a metric is kept; None where every one is."""
        self.is_closed = False
        """Whether the limit was reached."""
        # Its own generator: that of the training run is never touched.
        self._draw = random.Random(settings.sampling_seed).random
        self._share = settings.sampling_factor
        self._take_ticket = itertools.count().__next__
        self._limit = settings.max_records or 0
        self._settle = settle
        if settings.max_records is not None:
            self.admits = self._admit_both if self._share < 1.0 else self._admit_limited
        elif self._share < 1.0:
            self.admits = self._admit_sampled

    def _admit_sampled(self, metric: str) -> bool:
        if self._draw() < self._share:
            return True
        if self.sampled_out.add(metric) >= _TALLY:
            self._settle()
        return False

    def _admit_limited(self, metric: str) -> bool:
        if self._take_ticket() < self._limit:
            return True
        self.is_closed = True
        if self.capped.add(metric) >= _TALLY:
            self._settle()
        return False

    def _admit_both(self, metric: str) -> bool:
        return self._admit_sampled(metric) and self._admit_limited(metric)
