"""What is wrong with some logs: a table by kind, a table of each defect, and the sum of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from micrometric.checking import Check
from micrometric.defects import KINDS, Defect
from micrometric_cli.render.table import Column, Table


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


def verdict(check: Check, *, limit: int | None) -> Iterator[str]:
    """Yield what it amounts to, a sentence each."""
    shown = len(check.defects) if limit is None else min(limit, len(check.defects))
    total = sum(check.counts.values())
    if 0 < shown < total:
        more = "--limit shows more, " if limit is not None else ""
        yield f"{total - shown} more are not shown; {more}--format json shows the first 100,000"
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


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
