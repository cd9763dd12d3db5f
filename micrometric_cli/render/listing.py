"""The metrics there are, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from micrometric.listing import Listed, Listing
from micrometric.registry import Metric
from micrometric_cli.render.table import Column, Table

_COLUMNS = [
    Column("metric", "name"),
    Column("dtype"),
    Column("unit", keep=4),
    Column("dims", keep=3),
    Column("enabled", "name", keep=8),
    Column("events", "count", keep=7),
    Column("last_seen", keep=5),
    Column("sessions", keep=2),
    Column("registered_at", "name", keep=6),
    Column("description", keep=1),
]
_ONLY_LOGGED = frozenset({"enabled", "events", "last_seen", "sessions"})
_STYLES = {"unregistered": "italic", "live": "green", "killed": "red"}


def listing_table(listing: Listing) -> Table:
    """Return the metrics that logs name, registered or not."""
    return _table([_row(listed) for listed in listing.metrics], frozenset())


def registry_table(metrics: Mapping[str, Metric]) -> Table:
    """Return registered metrics of which no logs are known."""
    rows = [{"metric": name, **_registered(metric)} for name, metric in metrics.items()]
    return _table(rows, _ONLY_LOGGED)


def _table(rows: list[dict[str, Any]], unknown: frozenset[str]) -> Table:
    columns = [column for column in _COLUMNS if column.name not in unknown]
    dull = {c.name for c in columns if all(row[c.name] in (None, []) for row in rows)}
    return Table(columns, rows, dull=frozenset(dull), styles=_STYLES)


def _row(listed: Listed) -> dict[str, Any]:
    return {
        "metric": listed.identifier,
        **_registered(listed.metric),
        "enabled": _enabled(listed),
        "events": listed.seen.events if listed.seen else 0,
        "last_seen": listed.seen.last if listed.seen else None,
        "sessions": _sessions(listed),
    }


def _registered(metric: Metric | None) -> dict[str, Any]:
    if metric is None:
        nothing = dict.fromkeys(("unit", "registered_at", "description"))
        return {"dtype": "unregistered", "dims": [], **nothing}
    return {
        "dtype": metric.dtype,
        "unit": metric.unit,
        "dims": list(metric.dims),
        "registered_at": metric.place,
        "description": metric.description,
    }


def _enabled(listed: Listed) -> str | None:
    if listed.enabled is None:
        return None
    answer = "yes" if listed.enabled else "no"
    if listed.why is None:
        return answer
    return listed.why if listed.enabled else f"{answer}: {listed.why}"


def _sessions(listed: Listed) -> str | None:
    """Return how many sessions are live, ended or killed; of one, just that."""
    if sum(listed.sessions.values()) == 1:
        return next(iter(listed.sessions))
    return ", ".join(f"{count} {state}" for state, count in listed.sessions.items()) or None
