"""`micrometric summarize`: figures by metric and group."""

from __future__ import annotations

from micrometric_cli.exits import ExitCode, finish
from micrometric_cli.options import (
    Color,
    ColorOption,
    DigitsOption,
    Format,
    FormatOption,
    GroupByOption,
    LaunchOption,
    LocationOption,
    MetricsOption,
    PathsArgument,
    SinceOption,
    UntilOption,
    WhereOption,
    ZoneOption,
)


def summarize(
    paths: PathsArgument = None,
    group_by: GroupByOption = "location",
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    format_: FormatOption = Format.TABLE,
    digits: DigitsOption = 4,
    color: ColorOption = Color.AUTO,
) -> None:
    """Show count, mean, deviation and quantiles of each metric by location or any other key.

    Figures are over finite numbers; booleans count as 0 and 1, lists of registered dims element
    by element. What is not finite or no number is counted beside.
    """
    from micrometric.summary import summarize as summarize_logs
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.summary import summary_table, why_empty

    summary = summarize_logs(
        paths_or_default(paths),
        by=group_by,
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    if summary.rows:
        print_table(summary_table(summary, digits), format_, color)
    say_all(summary.report.sentences())
    if not summary.rows:
        filters = (metrics, location, where, since, until, launch)
        say_all([why_empty(filtered=any(item is not None for item in filters))])
        finish(ExitCode.FINDINGS)
