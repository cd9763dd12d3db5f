"""The thread that writes: it does its turn when it is woken, and else every now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

_QUICK = 0.0005
"""Seconds within which a thread that is woken runs where the loop leaves the interpreter free."""
_SURE = 3
"""Wakes in a row that must have been quick."""


class WriterThread:
    """A thread that a process does not wait for when it ends.

    Args:
        turn: what it does when it wakes up; says whether there is more to do at once, and never
            raises.
        wait: longest time in seconds between two turns.
    """

    def __init__(self, turn: Callable[[], bool], wait: float) -> None:
        self.is_quick = False
        """Whether the loop waits elsewhere most of the time, in numpy, torch or for a device: then
        the thread encodes meanwhile. In a loop of Python it would only come to take turns."""
        self._turn = turn
        self._wait = wait
        self._thread: threading.Thread | None = None
        self._stops = False
        self._bell: SimpleQueue[None] = SimpleQueue()
        """Wakes the thread; unlike an Event, a signal handler may ring it in the midst of that."""
        self._has_rung = False
        self._rung_at = 0.0

    @property
    def runs(self) -> bool:
        """Whether it was started and not stopped."""
        return self._thread is not None

    def start(self) -> None:
        """Start it, unless it runs; the caller holds a lock."""
        if self._thread is not None:
            return
        thread = threading.Thread(target=self._run, name="micrometric-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # None is to be had while the interpreter shuts down: the caller writes.
        self._thread = thread

    def wake(self) -> None:
        """Make it do its turn now, where it runs."""
        if not self._has_rung and self._thread is not None:
            self._has_rung = True
            self._rung_at = time.perf_counter()
            self._bell.put(None)

    def stop(self) -> None:
        """End it for good, after the turn it is at."""
        self._stops = True
        self._bell.put(None)
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=10.0)

    def _run(self) -> None:
        has_more = False
        quick_wakes = 0
        while not self._stops:
            try:
                self._bell.get(timeout=0.0 if has_more else self._wait)
                is_quick = time.perf_counter() - self._rung_at < _QUICK
                quick_wakes = quick_wakes + 1 if is_quick else 0
                self.is_quick = quick_wakes > _SURE
            except Empty:
                pass
            self._has_rung = False
            has_more = self._turn()
