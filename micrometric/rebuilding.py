"""The manifest of a session whose segments were written anew: what it says is what is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, datetime

import msgspec

from micrometric.event import LogEvent, format_timestamp
from micrometric.manifest import (
    Accounting,
    Counts,
    DeletedFacts,
    Manifest,
    SegmentFacts,
    SessionFacts,
)
from micrometric.registry import Metric
from micrometric.segment import PLAIN_NAME, rank_in

_JSON_TYPES = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(MINYEAR + 1, 1, 1, tzinfo=UTC)
_LAST = datetime(MAXYEAR, 1, 1, tzinfo=UTC) - datetime.resolution
"""The first and the last time that a manifest may tell: those that are one in every zone."""


@dataclass(slots=True)
class Kept:
    """What is in a new segment."""

    name: str
    index: int
    size: int
    """Bytes on disk."""
    events: int = 0
    metrics: Counter[str] = field(default_factory=Counter)
    """Events by metric."""
    types: dict[str, set[type]] = field(default_factory=dict)
    """Types of the values by metric, but for null."""
    begin: datetime | None = None
    end: datetime | None = None

    def take(self, event: LogEvent) -> None:
        """Count an event."""
        self.events += 1
        self.metrics[event.metric] += 1
        if event.value is not None:
            self.types.setdefault(event.metric, set()).add(type(event.value))
        self.begin = event.timestamp if self.begin is None else min(self.begin, event.timestamp)
        self.end = event.timestamp if self.end is None else max(self.end, event.timestamp)


def rebuilt_manifest(
    session: str, told: Manifest | None, kept: list[Kept], metrics: dict[str, Metric]
) -> Manifest:
    """Return the manifest of a session.

    Args:
        session: its id.
        told: the manifest that it had, None where there was none that could be read.
        kept: its segments as they are now; there is at least one.
        metrics: all metrics that are registered in the manifests beside it.
    """
    segments = tuple(
        SegmentFacts(one.name, one.index, one.events, one.size)
        for one in sorted(kept, key=lambda one: one.index)
    )
    if told is None or told.session is None:
        facts = _facts_from(session, kept)
        registered = _registered(kept, metrics)
    else:
        facts, registered = told.session, told.metrics
    # As far as its segments are not here, their events failed; those it deleted are no loss.
    facts = msgspec.structs.replace(
        facts,
        end=facts.end or facts.heartbeat,
        segments=segments,
        deleted=DeletedFacts(),
        plain=any(one.name == PLAIN_NAME for one in segments),
        claims_plain=False,
    )
    account = _account(told, kept)
    return Manifest(registered, facts, account)


def _account(told: Manifest | None, kept: list[Kept]) -> Accounting:
    """Return the account: what was written is what is there, and what is missing has failed."""
    found = sum((one.metrics for one in kept), Counter())
    before = Accounting() if told is None or told.accounting is None else told.accounting
    deleted = 0 if told is None or told.session is None else told.session.deleted.events
    names = sorted({*before.metrics, *found})
    metrics = {name: _counts(before.metrics.get(name, Counts()), found[name], 0) for name in names}
    return Accounting(_counts(before.total, found.total(), deleted), metrics)


def _counts(before: Counts, found: int, deleted: int) -> Counts:
    written = before.written + before.pending - deleted
    missing = max(0, written - found)
    logged = found + missing + before.failed + before.sampled_out + before.capped
    return msgspec.structs.replace(
        before, logged=logged, written=found, pending=0, failed=before.failed + missing
    )


def _facts_from(session: str, kept: list[Kept]) -> SessionFacts:
    """Return what the id of a session and its events tell of it."""
    stamp, _, pid = session.split("-")
    begun = min((one.begin for one in kept if one.begin is not None), default=_EPOCH)
    start = _start_in(stamp) or begun
    last = max((one.end for one in kept if one.end is not None), default=start)
    return SessionFacts(
        id=session,
        start=_told(start),
        heartbeat=_told(last),
        host="",
        boot="",
        pid=int(pid),
        end=_told(last),
        rank=rank_in(session),
    )


def _start_in(stamp: str) -> datetime | None:
    """Return the time in a session id, None where its digits are no time."""
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%S%f%z")
    except ValueError:
        return None


def _told(moment: datetime) -> str:
    return format_timestamp(min(max(moment, _FIRST), _LAST))


def _registered(kept: list[Kept], metrics: dict[str, Metric]) -> dict[str, Metric]:
    """Return the metrics of some segments, as other manifests register them or as they look."""
    types: dict[str, set[type]] = {}
    for one in kept:
        for name in one.metrics:
            types.setdefault(name, set()).update(one.types.get(name, ()))
    return {name: metrics.get(name) or Metric(_dtype(types[name])) for name in sorted(types)}


def _dtype(types: set[type]) -> str:
    """Return the dtype that values of some types have in common."""
    if types == {int, float}:
        return "float"
    if len(types) != 1:
        return "object"
    (only,) = types
    return _JSON_TYPES.get(only, "object")
