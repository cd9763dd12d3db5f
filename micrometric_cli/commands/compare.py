"""`micrometric compare`: the same groups of several logs side by side."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from micrometric_cli.completion import complete_condition, complete_key
from micrometric_cli.options import (
    ApproximateOption,
    Color,
    ColorOption,
    DigitsOption,
    EngineOption,
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
    SinceOption,
    StrictOption,
    UntilOption,
    WhereOption,
    ZoneOption,
)


class Method(enum.StrEnum):
    """How intervals are computed."""

    WELCH = "welch"
    BOOTSTRAP = "bootstrap"


PathsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="BASE [OTHER]...",
        help="Logs to compare with, or a summary saved with --format json; then the logs that are "
        "compared. With --by or conditions for each side, one path will do.",
        show_default=False,
    ),
]
StatOption = Annotated[
    str,
    typer.Option(
        "--stat",
        "--stats",
        metavar="NAME[,NAME]",
        help="Figures to compare, as for summarize; only the mean has intervals.",
    ),
]
ByOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="Compare the values of this key in all the logs, side by side.",
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
WhereBaseOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="A further condition for the base, such as 'step < 100'.",
        autocompletion=complete_condition,
        show_default=False,
    ),
]
WhereOtherOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="A further condition for the others, such as 'step >= 100'.",
        autocompletion=complete_condition,
        show_default=False,
    ),
]
UnitOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="The key whose values are independent of each other, such as seed: intervals rest on "
        "their means. Otherwise on runs or sessions, where each side has several.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
PairByOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY[,KEY]",
        help="Pair events by keys, or by 'occurrence', the n-th of a group by time: intervals "
        "rest on the differences of pairs.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
MethodOption = Annotated[Method, typer.Option(help="How intervals are computed.")]
LevelOption = Annotated[
    float, typer.Option(min=0, max=1, help="Confidence of all intervals together.")
]


def compare(
    paths: PathsArgument,
    group_by: GroupByOption = "location",
    stats: StatOption = "mean",
    by: ByOption = None,
    base: BaseOption = None,
    where_base: WhereBaseOption = None,
    where_other: WhereOtherOption = None,
    unit: UnitOption = None,
    pair_by: PairByOption = None,
    method: MethodOption = Method.WELCH,
    level: LevelOption = 0.95,
    fail_if: FailIfOption = None,
    explode: ExplodeOption = None,
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
    engine: EngineOption = "duckdb",
    master: MasterOption = None,
    memory_limit: MemoryOption = None,
    approximate: ApproximateOption = False,
    color: ColorOption = Color.AUTO,
) -> None:
    """Compare logs by group: figures, differences, intervals.

    An interval needs values that are independent of each other, and events of one run are not: so
    there is one where each side has several runs or sessions, or where --unit or --pair-by tells
    what to take. It is said to be higher or lower only where the interval leaves zero out.
    --fail-if makes it a gate: exit 1 if a limit is broken.
    """
    from micrometric.comparison import compare as compare_logs
    from micrometric_cli.output import print_table, progress, say_all, tell_report
    from micrometric_cli.render.captions import captioned
    from micrometric_cli.render.comparison import comparison_table, long_table, remarks

    filters = Filters(
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    with progress("comparing") as tell:
        comparison = compare_logs(
            *paths,
            by=group_by,
            stats=stats,
            key=by,
            base_value=base,
            where_base=where_base,
            where_other=where_other,
            unit=unit,
            pair_by=pair_by,
            method=method.value,
            level=level,
            fail_if=fail_if or (),
            explode=explode or (),
            engine=engine,
            master=master,
            memory_limit=memory_limit,
            approximate=approximate,
            progress=tell,
            **filters,
        )
    tell_report(comparison.report, strict=strict)
    is_data = format_ in (Format.JSON, Format.CSV)
    table = long_table(comparison) if is_data else comparison_table(comparison, digits)
    told = [*remarks(comparison)]
    table = captioned(table, comparison.report, comparison.units, told)
    print_table(table, format_, color)
    if format_ not in (Format.MD, Format.LATEX):
        say_all(told)
    if fail_if:
        from micrometric_cli.gating import settle

        settle(comparison.failures, comparison.checks)
