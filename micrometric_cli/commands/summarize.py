"""`micrometric summarize`: figures of each metric, by any keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from micrometric_cli.completion import complete_key
from micrometric_cli.exits import say
from micrometric_cli.options import (
    ApproximateOption,
    Color,
    ColorOption,
    DigitsOption,
    EngineOption,
    EveryOption,
    ExplodeOption,
    FailIfOption,
    Filters,
    Format,
    FormatOption,
    GroupByOption,
    LaunchOption,
    LocationOption,
    MasterOption,
    MemoryOption,
    MetricsOption,
    PathsArgument,
    PollOption,
    SinceOption,
    SortOption,
    StatsOption,
    StrictOption,
    TopOption,
    UntilOption,
    WhereOption,
    ZoneOption,
    refuse_alone,
    refuse_beside,
)

if TYPE_CHECKING:
    from micrometric.summary import Summary
    from micrometric_cli.watching import Look

_ENGINE = "duckdb"

PivotOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Spread a key over columns, such as --group-by layer_idx --pivot head; the mean, "
        "unless --stats tells others.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
TotalsOption = Annotated[
    bool,
    typer.Option("--totals", help="Add a row for each metric over all its events."),
]
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
    stats: StatsOption = None,
    pivot: PivotOption = None,
    explode: ExplodeOption = None,
    sort: SortOption = None,
    top: TopOption = None,
    totals: TotalsOption = False,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
    format_: FormatOption = Format.TABLE,
    digits: DigitsOption = 4,
    fail_if: FailIfOption = None,
    engine: EngineOption = _ENGINE,
    master: MasterOption = None,
    memory_limit: MemoryOption = None,
    approximate: ApproximateOption = False,
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
    if watch:
        from micrometric_cli.watching import Look

        refuse_beside(
            "--watch",
            stats=stats,
            pivot=pivot,
            explode=explode,
            sort=sort,
            top=top,
            totals=totals,
            fail_if=fail_if,
            engine=None if engine == _ENGINE else engine,
            master=master,
            memory_limit=memory_limit,
            approximate=approximate,
        )
        look = Look(format_, digits, color, every)
        _watch(chosen, group_by, filters, look, poll=poll or None, strict=strict)
        return
    refuse_alone("--watch", every=every, poll=poll)
    from micrometric_cli.output import print_table, say_all
    from micrometric_cli.render.captions import captioned
    from micrometric_cli.render.summary import Order, pivot_table, summary_table

    if pivot is not None:
        refuse_beside("--pivot", totals=totals)
        # Beside a key that is spread over columns there is no room for ten figures.
        group_by, stats = _with_key(group_by, pivot), stats or "mean"
    summary = _summary(
        strict,
        chosen,
        filters,
        by=group_by,
        stats=stats,
        explode=explode or (),
        totals=totals,
        fail_if=fail_if or (),
        engine=engine,
        master=master,
        memory_limit=memory_limit,
        approximate=approximate,
    )
    shown = Order(sort, top)
    if pivot is None:
        table, groups = summary_table(summary, digits, shown), len(summary)
    else:
        table = pivot_table(summary, pivot, digits, shown)
        groups = len(pivot_table(summary, pivot, digits).rows)
    print_table(captioned(table, summary.report, summary.units), format_, color)
    if top is not None and top < groups:
        say(f"{top} of {groups} groups shown")
    say_all(_missing(summary, chosen, filters, engine))
    if fail_if:
        from micrometric_cli.gating import settle

        settle(summary.failures, summary.checks)


def _summary(strict: bool, paths: list[str], filters: Filters, **how: Any) -> Summary:
    """Return a summary, telling how far it is where that takes long.

    Raises:
        NoDataError: there are no such events.
    """
    from micrometric.errors import NoDataError
    from micrometric.spool import held
    from micrometric.summary import summarize as summarize_logs
    from micrometric_cli.output import progress, tell_report

    with held(paths):
        with progress("summarizing") as told:
            summary = summarize_logs(paths, progress=told, **how, **filters)
        tell_report(summary.report, strict=strict)
        if not summary.rows:
            raise NoDataError(_why_empty(paths, filters, how["engine"]))
    return summary


def _with_key(group_by: str, key: str) -> str:
    from micrometric.keys import names_of

    return ",".join(dict.fromkeys([*names_of(group_by), key]))


def _watch(
    paths: list[str],
    group_by: str,
    filters: Filters,
    look: Look,
    *,
    poll: bool | None,
    strict: bool,
) -> None:
    """Show the figures of what is there and of what comes.

    Raises:
        SettingError: the format is none for a table that changes.
    """
    from micrometric.errors import SettingError
    from micrometric.follower import follow
    from micrometric.live import LiveSummary
    from micrometric_cli.telling import tell_end
    from micrometric_cli.watching import watch

    if look.format in (Format.MD, Format.LATEX):
        raise SettingError(
            f"--watch shows a table, json or csv; for {look.format} leave --watch out, or convert "
            "its csv"
        )
    summary = LiveSummary(group_by)
    with follow(paths, last=None, pulse=look.pulse, poll=poll, **filters) as follower:
        watch(follower, summary, look, follower.batches())
    tell_end(follower.report, strict=strict)


def _why_empty(paths: list[str], filters: Filters, engine: str) -> str:
    """Return a sentence on why no event passes some filters."""
    from micrometric.absence import why_empty

    if engine == "spark":
        # To find the reason, all events are read here, where there is no room for them.
        given = [f"--{name} {told!r}" for name, told in filters.items() if told is not None]
        passes = f" that passes {' and '.join(given)}" if given else ""
        return f"there is no event{passes}; another engine than spark tells more"
    return why_empty(paths, **filters)


def _missing(summary: Summary, paths: list[str], filters: Filters, engine: str) -> Iterator[str]:
    """Yield why there is nothing of a metric that was asked for beside others."""
    from micrometric.spec import parse_spec

    for term in parse_spec(filters["metrics"]).unmatched({row["metric"] for row in summary.rows}):
        if not term.startswith("!"):
            yield _why_empty(paths, filters | {"metrics": term}, engine)
