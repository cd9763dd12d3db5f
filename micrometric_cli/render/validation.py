"""How a spec fits the registered metrics: as a table, and what is wrong with it in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from micrometric.registry import RESERVED, Metric
from micrometric.spec import Spec, hint, nearest, parse_spec
from micrometric_cli.render.table import Column, Table


def validation_table(spec: Spec, registered: Mapping[str, Metric]) -> Table:
    """Return what each term of a spec stands for."""
    rows = [_row(term, spec, registered) for term in spec.terms]
    return Table(
        [
            Column("term"),
            Column("matches", "count"),
            Column("metrics", "name"),
            Column("nearest", keep=1),
        ],
        rows,
        dull=frozenset() if any(row["nearest"] for row in rows) else frozenset({"nearest"}),
    )


def _row(term: str, spec: Spec, registered: Mapping[str, Metric]) -> dict[str, Any]:
    name = term.removeprefix("!")
    matched = sorted(parse_spec(name).select(registered))
    missing = term in spec.unmatched(registered)
    return {
        "term": term,
        "matches": len(matched),
        "metrics": matched,
        "nearest": nearest(name, registered) if missing else [],
    }


def findings(spec: Spec, registered: Mapping[str, Metric]) -> list[str]:
    """Return what is wrong with a spec, a sentence each."""
    if not spec.terms:
        return [f"the spec is empty and enables nothing; {RESERVED!r} enables every metric"]
    problems = [
        f"{term!r} matches no registered metric{hint(term.removeprefix('!'), registered)}"
        for term in spec.unmatched(registered)
    ]
    if not problems and not spec.select(registered):
        problems.append(f"the spec {str(spec)!r} enables no metric")
    return problems
