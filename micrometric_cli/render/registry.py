"""Registered metrics, and how a spec fits them, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from micrometric.manifest import SessionFacts, SessionState
from micrometric.registry import RESERVED, Metric
from micrometric.spec import Spec, nearest, parse_spec
from micrometric.summary import Seen
from micrometric_cli.render.table import Column, Table


@dataclass(frozen=True, slots=True)
class Session:
    """A session and whether it still lives."""

    facts: SessionFacts
    state: SessionState


def validation_table(spec: Spec, registered: Mapping[str, Metric]) -> Table:
    """Return what each term of a spec stands for."""
    rows = [_term_row(term, spec, registered) for term in spec.terms]
    return Table(
        [
            Column("term"),
            Column("matches"),
            Column("metrics", "name"),
            Column("nearest", keep=1),
        ],
        rows,
        dull=set() if any(row["nearest"] for row in rows) else {"nearest"},
    )


def _term_row(term: str, spec: Spec, registered: Mapping[str, Metric]) -> dict[str, Any]:
    name = term.removeprefix("!")
    matched = sorted(parse_spec(name).select(registered))
    missing = term in spec.unmatched(registered)
    action = "excludes" if term.startswith("!") else "enables"
    return {
        "term": term,
        "matches": "nothing" if not matched else f"{action} {len(matched)}",
        "metrics": matched,
        "nearest": nearest(name, registered) if missing else [],
    }


def findings(spec: Spec, registered: Mapping[str, Metric]) -> list[str]:
    """Return what is wrong with a spec, a sentence each."""
    if not spec.terms:
        return [f"the spec is empty and enables nothing; {RESERVED!r} would enable every metric"]
    problems = []
    for term in spec.unmatched(registered):
        close = nearest(term.removeprefix("!"), registered)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
        problems.append(f"{term!r} matches no registered metric{hint}")
    if not problems and not spec.select(registered):
        problems.append("the spec enables no metric")
    return problems


def metrics_table(
    registered: Mapping[str, Metric], seen: Mapping[str, Seen], sessions: Sequence[Session]
) -> Table:
    """Return the registered metrics, and those that events name without registration."""
    rows = [_metric_row(name, metric, seen, sessions) for name, metric in registered.items()]
    rows += [
        _metric_row(name, None, seen, sessions) for name in sorted(seen) if name not in registered
    ]
    columns = [
        Column("metric", "name"),
        Column("dtype"),
        Column("unit", keep=3),
        Column("dims", keep=2),
        Column("enabled", keep=7),
        Column("events", "count", keep=6),
        Column("last seen", keep=4),
        Column("registered at", "name", keep=5),
        Column("description", "name", keep=1),
    ]
    empty = {c.name for c in columns if all(row[c.name] in (None, [], ()) for row in rows)}
    return Table(columns, rows, dull=empty)


def _metric_row(
    name: str,
    metric: Metric | None,
    seen: Mapping[str, Seen],
    sessions: Sequence[Session],
) -> dict[str, Any]:
    events = seen.get(name)
    return {
        "metric": name,
        "dtype": metric.dtype if metric else "unregistered",
        "unit": metric.unit if metric else None,
        "dims": list(metric.dims) if metric else [],
        "enabled": _enabled(name, sessions) if metric else None,
        "events": events.events if events else 0,
        "last seen": events.last if events else None,
        "registered at": metric.place if metric else None,
        "description": metric.description if metric else None,
    }


def _enabled(name: str, sessions: Sequence[Session]) -> str | None:
    """Return whether the sessions enabled a metric, and if not, why."""
    specs = {session.facts.spec for session in sessions}
    if not specs:
        return None
    enabling = [spec for spec in specs if parse_spec(spec).matches(name)]
    if len(enabling) == len(specs):
        return "yes"
    if enabling:
        return f"in {len(enabling)} of {len(specs)} configurations"
    excluded = any(_excludes(parse_spec(spec), name) for spec in specs)
    return "no: excluded" if excluded else "no: not in the spec"


def _excludes(spec: Spec, name: str) -> bool:
    return any(term.startswith("!") and parse_spec(term[1:]).matches(name) for term in spec.terms)


def sessions_sentence(sessions: Sequence[Session]) -> str | None:
    """Return how many sessions are live, ended, killed or unknown."""
    if not sessions:
        return None
    states = [session.state for session in sessions]
    counts = [
        f"{states.count(state)} {state}"
        for state in ("live", "ended", "killed", "unknown")
        if state in states
    ]
    return f"{len(states)} session{'s' if len(states) > 1 else ''}: {', '.join(counts)}"
