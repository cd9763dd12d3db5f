"""Sampling and `max_records`: which events are kept, and how many of those left out are counted.

Asked in the hot path, so it takes no lock: a draw, a ticket from a counter and an append are each
one step for the interpreter, and what was appended is counted later.
"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from micrometric.settings import Settings

Ask = Callable[[str, Any], Any]

_TALLY = 4096
"""Names that are kept before they are counted; bounds the memory of what is left out."""


class Tally:
    """Counts names. Safe from any thread; adding one takes no lock until many are to be summed."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.RLock()
        """Held where names are summed up; reentrant for the sake of signals."""

    def add(self, name: str) -> None:
        """Count a name."""
        self._names.append(name)
        if len(self._names) >= _TALLY:
            self.counts()

    def counts(self) -> Counter[str]:
        """Sum up and return the counts so far; the caller changes nothing."""
        with self._lock:
            before, names = self._counts, self._names[:]
            counts, summed = before + Counter(names), len(names)
            # No call from here on: a signal handler cannot come between. One that came before
            # has left other counts if it summed up these names.
            if self._counts is before:
                self._counts = counts
                del self._names[:summed]
            return self._counts


class Gate:
    """Decides event by event, in the way the settings ask for.

    Args:
        settings: sampling share, its seed, and the limit.
    """

    def __init__(self, settings: Settings) -> None:
        self.sampled_out = Tally()
        self.capped = Tally()
        self.is_closed = False
        """Whether the limit was reached."""
        self.ask: Ask | None = None
        """Gives back the metadata of an event of a metric that is kept, None for one that is
        not; it is None itself where every one is kept."""
        if settings.max_records is not None:
            self.ask = self._limited(settings.max_records)
        if settings.sampling_factor < 1.0:
            self.ask = self._sampled(settings, self.ask)

    # Functions over local names: they run in the hot path.

    def _limited(self, limit: int) -> Ask:
        take_ticket = itertools.count().__next__

        def ask(metric: str, frozen: Any) -> Any:
            if take_ticket() < limit:
                return frozen
            self.is_closed = True
            self.capped.add(metric)
            return None

        return ask

    def _sampled(self, settings: Settings, limited: Ask | None) -> Ask:
        # Its own generator: that of the training run is never touched.
        draw, share = random.Random(settings.sampling_seed).random, settings.sampling_factor

        def ask(metric: str, frozen: Any) -> Any:
            if draw() < share:
                return frozen if limited is None else limited(metric, frozen)
            self.sampled_out.add(metric)
            return None

        return ask
