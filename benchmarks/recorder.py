"""The one interface behind which every way of logging an event is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

METRIC = "accuracy"
VALUE = 0.8125

Log = Callable[[str, float, dict[str, int]], object]


@dataclass(frozen=True, slots=True)
class Recorder:
    """An open log: `log(identifier, value, metadata)` as often as wanted, then `close` once."""

    log: Log
    close: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to log events, to be opened as often as it is measured."""

    name: str
    open: Callable[[Path], Recorder]
    """Opens a log in an empty directory; what it writes ends in `.jsonl`, one event a line."""
    needs: tuple[str, ...] = field(default=())
    """Modules that it imports and that may not be installed."""
    slowness: int = 1
    """Divides the number of events, so that a slow peer does not fill the time of a round."""
    keeps: float = 1.0
    """Share of the events that it writes."""

    def missing(self) -> list[str]:
        """Return the modules that it needs and that are not installed."""
        return [module for module in self.needs if find_spec(module) is None]
