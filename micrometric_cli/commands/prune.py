"""`micrometric prune`: delete what is old, too much, or of a run that nobody needs."""

from __future__ import annotations

from typing import Annotated

import typer

from micrometric_cli.exits import say
from micrometric_cli.options import Color, ColorOption, Format, FormatOption

PrunePathsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, directories (searched recursively) or globs.",
        show_default=False,
    ),
]
OlderOption = Annotated[
    str | None,
    typer.Option(
        metavar="AGE",
        help="Segments last written longer ago, such as 30d, or before a time (ISO 8601).",
        show_default=False,
    ),
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="The oldest segments, until all are no more than this together, such as 10GB.",
        show_default=False,
    ),
]
KeepRunsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="All runs but the N that were written last; live ones do not count.",
        show_default=False,
    ),
]
KeepSegmentsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="Of each run, all segments but the N newest.",
        show_default=False,
    ),
]
RunOption = Annotated[
    str | None,
    typer.Option(
        metavar="GLOB",
        help="Only runs of this name; without another condition, all of them.",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Delete; else it is only told what would.")]


def prune(
    paths: PrunePathsArgument,
    older_than: OlderOption = None,
    max_size: SizeOption = None,
    keep_runs: KeepRunsOption = None,
    keep_segments: KeepSegmentsOption = None,
    run: RunOption = None,
    yes: YesOption = False,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Delete segments by age, size, number or run; needs --yes.

    Without it, it is only told what would go and what that would free. A segment goes if any
    condition says so; --run restricts them all. Never touched are sessions that live, files whose
    name is not that of a segment, and whatever is reached by a link. The manifest goes with the
    last segment of its session.
    """
    from micrometric.pruning import prune as prune_logs
    from micrometric.retention import Pruning
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.render.prune import prune_table, sum_of, untouched

    done = Pruning()
    try:
        prune_logs(
            paths,
            older_than=older_than,
            max_size=max_size,
            keep_runs=keep_runs,
            keep_segments=keep_segments,
            run=run,
            yes=yes,
            pruning=done,
        )
    finally:
        # Told also where it was ended in the midst of it: this much is gone.
        say_all([*done.notes, *untouched(done)])
        if done.doomed:
            exact = format_ in (Format.JSON, Format.CSV)
            print_table(prune_table(done, exact=exact, deleted=yes), format_, color)
    say(sum_of(done, deleted=yes))
