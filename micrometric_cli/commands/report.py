"""`micrometric report`: all that is to be known of some logs, on one page."""

from __future__ import annotations

from typing import Annotated

import typer

from micrometric_cli.completion import complete_key
from micrometric_cli.exits import say
from micrometric_cli.options import (
    Filters,
    GroupByOption,
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

OutputOption = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to write, such as report.html, or - for standard output.",
        show_default=False,
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over what is there.")]
CompareByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="KEY",
        help="Compare the values of this key; by default of the name=value part of the paths that "
        "differs, else the runs, where there are several and not many.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        metavar="VALUE",
        help="With --by: the value that the others are compared with; else the first.",
        show_default=False,
    ),
]
PairByOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY[,KEY]",
        help="Pair events by keys, or by 'occurrence', so that differences get intervals.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
TitleOption = Annotated[
    str | None, typer.Option(metavar="TEXT", help="By default the paths.", show_default=False)
]


def report(
    output: OutputOption,
    paths: PathsArgument = None,
    group_by: GroupByOption = "location",
    by: CompareByOption = None,
    base: BaseOption = None,
    pair_by: PairByOption = None,
    title: TitleOption = None,
    force: ForceOption = False,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
) -> None:
    """Write one page of HTML: facts, figures, pictures, defects.

    The page holds all it needs and asks the network for nothing: send it, or keep it beside the
    logs. Its tables sort and filter, its pictures zoom and tell what is under the pointer. Needs
    the extra micrometric[plot].
    """
    from micrometric.exports import STDOUT, refuse_existing
    from micrometric.log_report import make_report
    from micrometric_cli.output import judge, progress, say_all
    from micrometric_cli.paths import paths_or_default

    filters = Filters(
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    if output != str(STDOUT):
        from pathlib import Path

        refuse_existing(Path(output), force=force)  # Before minutes are spent on it.
    chosen = paths_or_default(paths)
    with progress("reporting") as told:
        made = make_report(
            chosen,
            by=group_by,
            compare_by=by,
            base=base,
            pair_by=pair_by,
            title=title,
            progress=told,
            **filters,
        )
    made.save(output, force=force)
    say_all(made.notes)
    judge(made.summary.report, strict=strict)
    if output != str(STDOUT):
        say(f"wrote {output}")
