"""For tests, of micrometric and of code that logs: a clean start, and events without files."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from micrometric.event import LogEvent, decode_line
from micrometric.lifecycle import forget
from micrometric.logger import MicroMetricLogger, _registry
from micrometric.settings import Settings
from micrometric.spec import parse_spec
from micrometric.state import State
from micrometric.writer import Writer


def reset() -> None:
    """Drop configuration, registrations and pending events, as in a new process.

    The singleton stays the same object. Events that are not written yet are never written.
    """
    logger = MicroMetricLogger._object
    MicroMetricLogger._instance = None
    _registry.clear()
    if logger is not None:
        old, logger._state = logger._state, State(_registry)
        forget(old)


@contextmanager
def capture(metrics_to_log: str | Iterable[str] = "all") -> Iterator[list[LogEvent]]:
    """Collect the events logged inside instead of writing them, then restore what was.

    Args:
        metrics_to_log: which of the registered metrics are logged inside.

    Yields:
        The events so far, the oldest first; the list grows as they are logged.

    Example:
        >>> from micrometric import MicroMetricLogger
        >>> MicroMetricLogger.register_metric("density", float)
        >>> with capture() as events:
        ...     MicroMetricLogger().log("density", 0.25)
        >>> events[0].value
        0.25
    """
    logger = MicroMetricLogger()
    before, metrics, dtypes = logger._state, _registry.metrics, _registry.dtypes
    events: list[LogEvent] = []
    logger._state = _capturing(events, metrics_to_log)
    try:
        yield events
    finally:
        _registry.restore(metrics, dtypes)
        logger._state = before
        before.refresh()


def _capturing(events: list[LogEvent], metrics_to_log: str | Iterable[str]) -> State:
    state = State(_registry)
    state.settings = Settings(flush_every=1)
    state.writer = Writer(lambda: _Memory(events), state.settings, state.registry, state.notices)
    state.enable(parse_spec(metrics_to_log))
    return state


class _Memory:
    """A destination that keeps events in a list instead of files."""

    position = 0
    room = sys.maxsize

    def __init__(self, events: list[LogEvent]) -> None:
        self._events = events

    def begin(self, *_: object) -> None:
        """Need no names."""

    def write(self, data: list[memoryview], begun: int) -> None:
        """Take everything, always."""
        del begun
        lines = b"".join(data)
        self._events.extend(map(decode_line, lines.splitlines()))
        self.position += len(lines)

    def rotate_if_due(self, *_: object) -> None:
        """Have one segment."""

    def tend(self, at_once: bool) -> bool:
        """Have no closed ones."""
        del at_once
        return False

    def write_manifest(self, *_: object) -> None:
        """Keep none."""

    def end(self, now: datetime) -> None:
        """Have no end."""

    def change_spec(self, *_: object) -> None:
        """Note nothing."""

    def abandon(self) -> None:
        """Have no files."""
