"""What was kept of each segment and what was set aside, as a table, and the rest in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from micrometric.repairing import Repair
from micrometric_cli.render.table import Column, Table

_COLUMNS = [
    Column("segment", "name"),
    Column("became", "name", keep=2),
    Column("events", "count"),
    Column("split", "count", keep=4),
    Column("rejected", "count", keep=6),
    Column("bytes", "count", keep=5),
    Column("kept", "count", keep=5),
    Column("set aside", "count", keep=5),
    Column("added", "count", keep=3),
    Column("damage", keep=1),
]


def repair_table(repair: Repair) -> Table:
    """Return a row for each segment: bytes (unpacked) = kept + set aside."""
    rows = [
        {
            "segment": str(one.path),
            "became": str(one.target),
            "events": one.mended.events,
            "split": one.mended.split,
            "rejected": one.mended.rejected,
            "bytes": one.mended.read,
            "kept": one.mended.kept,
            "set aside": one.mended.set_aside,
            "added": one.mended.added,
            "damage": one.mended.damage,
        }
        for one in repair.repaired
    ]
    dull = {
        name for name in ("split", "added", "damage") if not any(bool(row[name]) for row in rows)
    }
    return Table(_COLUMNS, rows, dull=frozenset(dull))


def outcome(repair: Repair, output: Path) -> Iterator[str]:
    """Yield what was left, and what it amounts to, a sentence each."""
    for path, reason in repair.left.items():
        yield f"left out: {path}: {reason}"
    aside = [one for one in repair.repaired if one.rejected is not None]
    if aside:
        parts = sum(one.mended.rejected for one in aside)
        what = "1 part of a line is" if parts == 1 else f"{parts:,} parts of lines are"
        yield f"{what} set aside, with the reasons, in {aside[0].rejected}" + (
            f" and {len(aside) - 1} more" if len(aside) > 1 else ""
        )
    events = sum(one.mended.events for one in repair.repaired)
    count = len(repair.repaired)
    files = "1 segment" if count == 1 else f"{count:,} segments"
    yield f"wrote {events:,} events in {files} to {output}"
