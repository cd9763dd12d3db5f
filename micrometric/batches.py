"""Events many at a time, so that each step is worth its call, and few where they are huge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from micrometric.event import LogEvent

_MOST = 1000
_WEIGHT = 16 * 1024 * 1024


def batches_of(events: Iterable[LogEvent]) -> Iterator[list[LogEvent]]:
    """Yield events in their order, up to 1000 at a time, or so many as have 16 MiB of text."""
    batch: list[LogEvent] = []
    weight = 0
    for event in events:
        batch.append(event)
        weight += len(event.location) + _weight(event.value) + _weight(event.metadata)
        if len(batch) == _MOST or weight > _WEIGHT:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _weight(data: Any) -> int:
    """Return about how many bytes JSON data takes as text."""
    if data.__class__ is str:
        return len(data)
    if data.__class__ is dict:
        return sum(len(key) + _weight(item) for key, item in data.items())
    return sum(map(_weight, data)) if data.__class__ is list else 8
