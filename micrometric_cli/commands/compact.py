"""`micrometric compact`: closed segments to Parquet."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from micrometric_cli.exits import ExitCode, finish, say
from micrometric_cli.options import Color, ColorOption, Format, FormatOption

_LONG = 1.0
"""Seconds after which progress is shown."""

CompactPathsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, directories (searched recursively) or globs.",
        show_default=False,
    ),
]
ToOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write to DIR, a directory a run, with the manifests, and leave the originals.",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be done; nothing is written.")
]


def compact(
    paths: CompactPathsArgument,
    to: ToOption = None,
    dry_run: DryRunOption = False,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Turn closed segments into Parquet, to a tenth of their size.

    Every command reads Parquet as it reads lines, and summarize reads it many times faster. Each
    segment is read back and compared event by event before the original goes. Sessions that live
    are left alone. Exits with 1 when a segment holds lines that are no events: it stays as it is.
    """
    from micrometric.compaction import Compaction
    from micrometric.compaction import compact as compact_logs
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.render.compaction import compaction_table, refusals

    done = Compaction()
    progress = _Progress()
    try:
        compact_logs(paths, to=to, dry_run=dry_run, progress=progress.show, compaction=done)
    finally:
        # Told also where the disk was full in the midst of it: this much is done.
        progress.clear()
        say_all([*done.notes, *refusals(done)])
        if done.compacted:
            print_table(compaction_table(done), format_, color)
    if not done.compacted and not done.refused:
        say("nothing to compact")
    if dry_run and done.compacted:
        say("a dry run: nothing was written")
    if done.refused:
        finish(ExitCode.FINDINGS)


class _Progress:
    """A line on standard error, on a terminal, that is written over and at last removed."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._shown = False

    def show(self, path: Path, number: int, count: int) -> None:
        """Say which segment it is."""
        if sys.stderr.isatty() and (count > 1 or path.stat().st_size > 1 << 24):
            from micrometric_cli.render.text import printable

            if number == 1 or time.monotonic() - self._begun > _LONG:
                text = f"compacting {number} of {count}: {printable(path.name)}"
                sys.stderr.write(f"\r\x1b[K{text}"[: _width()])
                sys.stderr.flush()
                self._shown = True

    def clear(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
