"""`micrometric summarize`: figures of each metric, by any keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.options import (
    Color,
    ColorOption,
    DigitsOption,
    EveryOption,
    Filters,
    Format,
    FormatOption,
    GroupByOption,
    LaunchOption,
    LocationOption,
    MetricsOption,
    PathsArgument,
    PollOption,
    SinceOption,
    UntilOption,
    WhereOption,
    ZoneOption,
    refuse_alone,
)

if TYPE_CHECKING:
    from micrometric.summary import Summary
    from micrometric_cli.watching import Look

WatchOption = Annotated[
    bool,
    typer.Option(
        "--watch",
        help="Keep the figures up to date as events come, with rate, last and recent values; "
        "without quantiles.",
        show_default=False,
    ),
]


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
    watch: WatchOption = False,
    every: EveryOption = None,
    poll: PollOption = False,
    color: ColorOption = Color.AUTO,
) -> None:
    """Show figures of each metric by group.

    Count, mean, standard deviation, minimum, quantiles and maximum are over the finite numbers;
    booleans count as 0 and 1, lists of registered dims element by element. What is not finite or
    no number is counted beside.
    """
    from micrometric.absence import why_empty
    from micrometric.errors import NoDataError
    from micrometric.summary import summarize as summarize_logs
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.summary import summary_table

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
    if watch:
        from micrometric_cli.watching import Look

        _watch(chosen, group_by, filters, Look(format_, digits, color, every), poll or None)
        return
    refuse_alone("--watch", every=every, poll=poll)
    summary = summarize_logs(chosen, group_by, **filters)
    say_all(summary.report.sentences())
    if not summary.rows:
        raise NoDataError(why_empty(chosen, **filters))
    print_table(summary_table(summary, digits), format_, color)
    say_all(_missing(summary, chosen, filters))


def _watch(
    paths: list[str], group_by: str, filters: Filters, look: Look, poll: bool | None
) -> None:
    """Show the figures of what is there and of what comes.

    Raises:
        SettingError: the format is none for a table that changes.
    """
    from micrometric.errors import SettingError
    from micrometric.follower import follow
    from micrometric.live import LiveSummary
    from micrometric_cli.watching import watch

    if look.format in (Format.MD, Format.LATEX):
        raise SettingError(
            f"--watch shows a table, json or csv; for {look.format} leave --watch out, or convert "
            "its csv"
        )
    summary = LiveSummary(group_by)
    with follow(paths, last=None, pulse=look.pulse, poll=poll, **filters) as follower:
        watch(follower, summary, look, follower.batches())


def _missing(summary: Summary, paths: list[str], filters: Filters) -> Iterator[str]:
    """Yield why there is nothing of a metric that was asked for beside others."""
    from micrometric.absence import why_empty
    from micrometric.spec import parse_spec

    for term in parse_spec(filters["metrics"]).unmatched({row["metric"] for row in summary.rows}):
        if not term.startswith("!"):
            yield why_empty(paths, **(filters | {"metrics": term}))
