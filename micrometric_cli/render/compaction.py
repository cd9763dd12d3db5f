"""What was compacted, as a table, and what was left alone, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from micrometric.compaction import Compaction
from micrometric_cli.render.table import Column, Table

_COLUMNS = [
    Column("segment", "name"),
    Column("became", "name", keep=1),
    Column("events", "count", keep=2),
    Column("bytes_before", "count"),
    Column("bytes_after", "count"),
    Column("ratio", "figure", keep=3),
]


def compaction_table(compaction: Compaction) -> Table:
    """Return a row for each segment that was compacted, or that would be."""
    rows = [
        {
            "segment": str(one.path),
            "became": str(one.target),
            "events": one.events,
            "bytes_before": one.bytes_before,
            "bytes_after": one.bytes_after,
            "ratio": one.ratio,
        }
        for one in compaction.compacted
    ]
    unknown = {"events", "bytes_after", "ratio"}
    dull = unknown if all(row["events"] is None for row in rows) else set()
    return Table(_COLUMNS, rows, digits=3, dull=frozenset(dull))


def refusals(compaction: Compaction) -> Iterator[str]:
    """Yield what was left alone or refused, and why; one sentence for many that share a reason."""
    reasons: dict[str, list[str]] = {}
    for path, reason in compaction.left.items():
        reasons.setdefault(reason, []).append(str(path))
    for reason, paths in reasons.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"left alone: {paths[0]}{more}: {reason}"
    for refused, reason in compaction.refused.items():
        yield f"not compacted: {refused}: {reason}"
