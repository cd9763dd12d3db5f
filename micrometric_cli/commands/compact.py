"""`micrometric compact`: closed segments to Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from micrometric_cli.exits import ExitCode, finish, say
from micrometric_cli.options import Color, ColorOption, Format, FormatOption

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
    """Turn closed segments into Parquet, a fifteenth of their size.

    Every command reads Parquet as it reads lines, and summarize reads it many times faster. Each
    segment is read back and compared event by event before the original goes. Sessions that live
    are left alone. Exits with 1 when a segment holds lines that are no events: it stays as it is.
    """
    from micrometric.compaction import Compaction
    from micrometric.compaction import compact as compact_logs
    from micrometric_cli.output import ProgressLine, print_table, say_all
    from micrometric_cli.render.compaction import compaction_table, refusals
    from micrometric_cli.render.text import printable

    done = Compaction()
    # At once, as the first segment may take a minute.
    line = ProgressLine(patience=0.0)

    def tell(path: Path, number: int, count: int) -> None:
        line.show(f"compacting {number} of {count}: {printable(path.name)}")

    try:
        compact_logs(paths, to=to, dry_run=dry_run, progress=tell, compaction=done)
    finally:
        # Told also where the disk was full in the midst of it: this much is done.
        line.clear()
        say_all([*done.notes, *refusals(done)])
        if done.compacted:
            print_table(compaction_table(done), format_, color)
    if not done.compacted and not done.refused:
        say("nothing to compact")
    if dry_run and done.compacted:
        say("a dry run: nothing was written")
    if done.refused:
        finish(ExitCode.FINDINGS)
