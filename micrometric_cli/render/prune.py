"""What goes, as a table; what stays although it is old, and what is freed, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from micrometric.retention import Pruning
from micrometric_cli.render.inventory import size_text
from micrometric_cli.render.table import Column, Table


def prune_table(pruning: Pruning, *, exact: bool, deleted: bool) -> Table:
    """Return a row for each file that goes, the oldest first, then for each manifest.

    Args:
        pruning: what goes.
        exact: whether sizes are bytes, as programs want them.
        deleted: whether it is gone; else it would.
    """
    files = pruning.deleted if deleted else pruning.doomed
    rows: list[dict[str, object]] = [
        {
            "run": one.run,
            "file": str(one.path),
            "written": one.written,
            "size": one.size if exact else size_text(one.size),
            "reason": one.reason,
        }
        for one in files
    ]
    rows += [
        {
            "run": None,
            "file": str(path),
            "written": None,
            "size": None,
            "reason": "no segment of its session is left",
        }
        for path in pruning.manifests
        if not deleted or not path.exists()
    ]
    columns = [
        Column("run", "name", keep=2),
        Column("file", "name"),
        Column("written", keep=3),
        Column("size", "count" if exact else "text", keep=4),
        Column("reason", keep=1),
    ]
    return Table(columns, rows)


def untouched(pruning: Pruning) -> Iterator[str]:
    """Yield what is not touched and why, one sentence for many that share a reason."""
    reasons: dict[str, list[str]] = {}
    for path, reason in pruning.left.items():
        reasons.setdefault(reason, []).append(str(path))
    for reason, paths in reasons.items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        yield f"left alone: {paths[0]}{more}: {reason}"


def sum_of(pruning: Pruning, *, deleted: bool) -> str:
    """Return what was freed, or would be."""
    files = pruning.deleted if deleted else pruning.doomed
    if not files:
        return "nothing to prune"
    segments = len({one.segment for one in files})
    count = "1 segment" if segments == 1 else f"{segments:,} segments"
    freed = size_text(sum(one.size for one in files))
    if deleted:
        return f"deleted {count}, {freed}"
    return f"a dry run: nothing was deleted; --yes deletes {count}, {freed}"
