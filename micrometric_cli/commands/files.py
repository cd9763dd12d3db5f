"""`micrometric files`: the segments there are, and what they hold."""

from __future__ import annotations

from typing import Annotated

import typer

from micrometric_cli.options import (
    Color,
    ColorOption,
    Filters,
    Format,
    FormatOption,
    LaunchOption,
    LocationOption,
    MetricsOption,
    PathsArgument,
    SinceOption,
    StrictOption,
    UntilOption,
    WhereOption,
    ZoneOption,
    refuse_beside,
)

RunsOption = Annotated[bool, typer.Option("--runs", help="A row for each run, not for each file.")]
TreeOption = Annotated[
    bool, typer.Option("--tree", help="Directories as a tree, each with all that is below it.")
]


def files(
    paths: PathsArgument = None,
    runs: RunsOption = False,
    tree: TreeOption = False,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """List segments with size, events, span and state.

    A session is live, ended or killed, as its manifest and the process table tell. Every segment
    is read once. Filters choose which events are counted; files without any are left out, and
    sizes are of whole files. Sizes are bytes in json and csv.
    """
    from micrometric.inventory import take_inventory
    from micrometric_cli.output import print_table, tell_report
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.inventory import files_table, tree_table

    if tree:
        refuse_beside("--tree", runs=runs)
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
    inventory = take_inventory(chosen, **filters)
    tell_report(inventory.report, strict=strict)
    if not inventory.files:
        from micrometric.absence import why_empty
        from micrometric.errors import NoDataError

        raise NoDataError(why_empty(chosen, **filters))
    exact = format_ in (Format.JSON, Format.CSV)
    if tree:
        table = tree_table(inventory, exact=exact)
    else:
        table = files_table(inventory, by_run=runs, exact=exact)
    print_table(table, format_, color)
