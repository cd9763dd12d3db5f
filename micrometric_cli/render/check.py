"""What is wrong with some logs: tables by kind, of each defect and of sessions, and the sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from micrometric.accounts import SessionCheck
from micrometric.checking import Check
from micrometric.defects import KINDS, Defect
from micrometric.report import source_of
from micrometric_cli.render.table import Column, Table

MOST_SESSIONS = 20
"""Sessions that are listed below defects."""
_LEFT_OUT = ("sampled_out", "capped", "failed", "pending", "deleted")
_STYLES = {"live": "green", "killed": "red"}


def kind_table(check: Check) -> Table:
    """Return a row for each kind of defect there is, the most frequent first."""
    files = Counter(kind for kind, _ in {(one.kind, str(one.path)) for one in check.defects})
    rows = [
        {
            "kind": kind,
            "count": count,
            "files": files[kind],
            "meaning": KINDS[kind].meaning,
        }
        for kind, count in _by_frequency(check)
    ]
    columns = [
        Column("kind"),
        Column("count", "count"),
        Column("files", "count", keep=1),
        Column("meaning", keep=3),
    ]
    return Table(columns, rows)


def advice(check: Check) -> Iterator[str]:
    """Yield what to do about each kind of defect, one sentence for those that need the same."""
    kinds: dict[str, list[str]] = {}
    for kind, _ in _by_frequency(check):
        kinds.setdefault(KINDS[kind].advice, []).append(kind)
    for what, of in kinds.items():
        if what:
            yield f"{', '.join(of)}: {what}"


def defect_table(check: Check, *, limit: int | None) -> Table:
    """Return a row for each defect.

    Args:
        check: what was found.
        limit: rows at most, None for all that is known and for programs.
    """
    rows = [_row(defect, exact=limit is None) for defect in check.defects[:limit]]
    columns = [
        Column("kind"),
        Column("file", "name"),
        Column("line", "count", keep=5),
        Column("byte", "count", keep=2),
        Column("reason", keep=4),
        Column("excerpt", keep=1),
    ]
    if limit is None:
        columns += [Column("finding"), Column("what to do")]
    dull = {name for name in ("line", "byte") if all(row[name] is None for row in rows)}
    if not any(row["excerpt"] for row in rows):
        dull.add("excerpt")
    return Table(columns, rows, dull=frozenset(dull) if limit is not None else frozenset())


def session_table(check: Check, *, limit: int | None, exact: bool) -> Table:
    """Return a row for each session: whether it lives, and what became of its events.

    Args:
        check: what was found.
        limit: rows at most, those of sessions that were killed or miss events first; None for all.
        exact: whether it is for programs, which want every column.
    """
    sessions = check.sessions
    if limit is not None and len(sessions) > limit:
        sessions = sorted(sessions, key=lambda one: one.state != "killed" and not one.missing)
    rows = [_session_row(one) for one in sessions[:limit]]
    columns = [
        Column("run", "name", keep=6),
        Column("session", "name"),
        Column("rank", "count", keep=7),
        Column("launch", "name", keep=1),
        Column("state"),
        Column("logged", "count", keep=8),
        *(Column(name, "count", keep=4) for name in _LEFT_OUT),
        Column("in_files", "count", keep=9),
        Column("missing", "count", keep=10),
    ]
    if exact:
        further = ("written", "host", "pid", "start", "heartbeat", "end", "manifest")
        return Table([*columns, *map(Column, further)], rows)
    dull = {name for name in (*_LEFT_OUT, "missing") if not any(row[name] for row in rows)}
    dull |= {name for name in ("run", "launch") if len({row[name] for row in rows}) == 1}
    if all(row["rank"] is None for row in rows):
        dull.add("rank")
    return Table(columns, rows, dull=frozenset(dull), styles=_STYLES)


def verdict(check: Check, *, limit: int | None) -> Iterator[str]:
    """Yield what it amounts to, a sentence each."""
    shown = len(check.defects) if limit is None else min(limit, len(check.defects))
    total = sum(check.counts.values())
    if 0 < shown < total:
        more = "--limit shows more, " if limit is not None else ""
        yield f"{total - shown} more are not shown; {more}--format json shows the first 100,000"
    if (listed := len(check.sessions)) > MOST_SESSIONS and limit is not None:
        yield f"{MOST_SESSIONS} of {listed:,} sessions shown; --sessions shows all"
    states = Counter(session.state for session in check.sessions)
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    sessions = _many(len(check.sessions), "session") + (f" ({told})" if told else "")
    findings = sum(count for kind, count in check.counts.items() if KINDS[kind].is_finding)
    yield (
        f"{_many(findings, 'defect') if findings else 'no defects'} in {_many(check.files, 'file')}"
        f", {sessions}, {_many(check.events, 'event')}"
    )


def _by_frequency(check: Check) -> list[tuple[str, int]]:
    # What is no defect comes last.
    return sorted(
        check.counts.items(), key=lambda pair: (not KINDS[pair[0]].is_finding, -pair[1], pair[0])
    )


def _row(defect: Defect, *, exact: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "kind": defect.kind,
        "file": str(defect.path),
        "line": defect.line,
        "byte": defect.byte,
        "reason": defect.reason,
        "excerpt": defect.excerpt,
    }
    if exact:
        row |= {"finding": defect.is_finding, "what to do": defect.advice}
    return row


def _session_row(one: SessionCheck) -> dict[str, Any]:
    facts, account = one.facts, one.account
    counts = ("logged", "sampled_out", "capped", "failed", "pending", "written")
    return {
        "run": one.run,
        "session": facts.id,
        "rank": facts.rank,
        "launch": facts.launch,
        "state": one.state,
        **{name: None if account is None else getattr(account, name) for name in counts},
        "deleted": one.deleted,
        "in_files": one.found,
        "missing": one.missing,
        "host": facts.host,
        "pid": facts.pid,
        "start": facts.start,
        "heartbeat": facts.heartbeat,
        "end": facts.end,
        "manifest": str(source_of(one.path)),
    }


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
