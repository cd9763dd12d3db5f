"""`micrometric export`: events as files of other formats."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from micrometric_cli.completion import complete_key
from micrometric_cli.exits import say
from micrometric_cli.options import (
    Filters,
    LaunchOption,
    LocationOption,
    MetricsOption,
    PathsArgument,
    SinceOption,
    StrictOption,
    UntilOption,
    WhereOption,
    ZoneOption,
)


class FileFormat(enum.StrEnum):
    """What is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    ARROW = "arrow"
    TENSORBOARD = "tensorboard"


OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write: a name that ends with .csv, .jsonl, .parquet or .arrow, a directory "
        "for tensorboard, or - for standard output.",
        show_default=False,
    ),
]
FileFormatOption = Annotated[
    FileFormat | None,
    typer.Option(
        "--format", "-f", help="The format, where the name does not tell it.", show_default=False
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over what is there.")]
StepOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="For tensorboard: the metadata key that holds the step; by default step, "
        "global_step, iteration or epoch, else events are counted.",
        autocompletion=complete_key,
        show_default=False,
    ),
]


def export(
    output: OutputOption,
    paths: PathsArgument = None,
    format_: FileFormatOption = None,
    force: ForceOption = False,
    step: StepOption = None,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
) -> None:
    """Write events as csv, jsonl, parquet, arrow or tensorboard.

    A row an event: timestamp, metric, value, location, run, session, rank and launch, then a
    column for each name=value key of the path and each metadata key, called dir.x or metadata.x
    where the name is taken. In parquet and arrow what is no number stands as JSON in a column
    `text`. An arrow file needs the extra micrometric[arrow], tensorboard micrometric[tensorboard].
    """
    from micrometric.absence import why_empty
    from micrometric.exports import STDOUT
    from micrometric.exports import export as export_events
    from micrometric.spool import held
    from micrometric_cli.output import tell_report
    from micrometric_cli.paths import paths_or_default

    chosen = paths_or_default(paths)
    filters = Filters(
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    with held(chosen):
        done = export_events(
            chosen, output, format=format_ and format_.value, force=force, step=step, **filters
        )
        tell_report(done.report, strict=strict)
        if not done.events:
            # Not an error: an empty file is what was asked for, and has its columns.
            say(why_empty(chosen, **filters))
    if output != str(STDOUT):
        say(f"wrote {done.events} event{'s' * (done.events != 1)} to {output}")
