"""`micrometric plot`: pictures of metrics, in the terminal or as a file."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from micrometric_cli.completion import complete_figure, complete_key
from micrometric_cli.exits import say
from micrometric_cli.options import (
    Color,
    ColorOption,
    ExplodeOption,
    Filters,
    LaunchOption,
    LocationOption,
    MemoryOption,
    MetricsOption,
    PathsArgument,
    SinceOption,
    StrictOption,
    UntilOption,
    WhereOption,
    ZoneOption,
    refuse_alone,
    refuse_beside,
)

if TYPE_CHECKING:
    from micrometric.pictures import Picture

_EVERY = 2.0


class Kind(enum.StrEnum):
    """What is drawn."""

    LINE = "line"
    HIST = "hist"
    ECDF = "ecdf"
    HEATMAP = "heatmap"
    SCATTER = "scatter"
    BOX = "box"


KindOption = Annotated[
    Kind | None,
    typer.Option(
        "--kind",
        "-k",
        help="What to draw; by default a heatmap with --rows and --cols, a scatter plot with "
        "--y, else lines.",
        show_default=False,
    ),
]
XOption = Annotated[
    str | None,
    typer.Option(
        "--x",
        "-x",
        metavar="NAME",
        help="For lines a key such as step, time or occurrence, the n-th event of a group; by "
        "default step, global_step, iteration or epoch where there is one, else time. For "
        "scatter a metric.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
YOption = Annotated[
    str | None,
    typer.Option("--y", "-y", metavar="METRIC", help="For scatter, the other metric."),
]
ByOption = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        "--by",
        "-g",
        metavar="KEY[,KEY]",
        help="A line, box or colour, or for hist a panel, for each value of these keys.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
RowsOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="For a heatmap, the key that goes down.",
        autocompletion=complete_key,
    ),
]
ColsOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        help="For a heatmap, the key that goes across.",
        autocompletion=complete_key,
    ),
]
StatOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The figure of a line, cell or point; see summarize --stats.",
        autocompletion=complete_figure,
    ),
]
PairOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY[,KEY]",
        help="For scatter, a point for each combination of these keys; run, unless told.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
MinimizeOption = Annotated[
    str | None,
    typer.Option(metavar="x,y", help="For the Pareto front, what is better the less; both."),
]
MaximizeOption = Annotated[
    str | None,
    typer.Option(metavar="x,y", help="For the Pareto front, what is better the more."),
]
SmoothOption = Annotated[
    float,
    typer.Option(metavar="SHARE", help="What a point of a line keeps of those before: 0 to 1."),
]
LogXOption = Annotated[bool, typer.Option("--log-x", help="A logarithmic x axis.")]
LogYOption = Annotated[bool, typer.Option("--log-y", help="A logarithmic y axis.")]
TopOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Groups in a panel, those with the most events: at most 8, 24 boxes, or 64 rows "
        "and columns.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write a file that ends with .png, .svg or .html, which needs nothing beside it.",
    ),
]
DarkOption = Annotated[
    bool,
    typer.Option("--dark", help="Draw a .png or .svg for dark pages; .html is for both."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Write over what is there.")]
FollowOption = Annotated[
    bool, typer.Option("--follow", help="Draw it again and again until Ctrl-C.")
]
EveryOption = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.1,
        help="Seconds between two drawings; 2 unless told.",
        show_default=False,
    ),
]


def plot(
    paths: PathsArgument = None,
    kind: KindOption = None,
    x: XOption = None,
    y: YOption = None,
    group_by: ByOption = None,
    rows: RowsOption = None,
    cols: ColsOption = None,
    stat: StatOption = "mean",
    pair_by: PairOption = None,
    minimize: MinimizeOption = None,
    maximize: MaximizeOption = None,
    smooth: SmoothOption = 0.0,
    log_x: LogXOption = False,
    log_y: LogYOption = False,
    top: TopOption = None,
    output: OutputOption = None,
    force: ForceOption = False,
    dark: DarkOption = False,
    follow: FollowOption = False,
    every: EveryOption = None,
    explode: ExplodeOption = None,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
    memory_limit: MemoryOption = None,
    color: ColorOption = Color.AUTO,
) -> None:
    """Draw lines, distributions, heatmaps and Pareto fronts.

    In the terminal, or with -o as a file, for which the extra micrometric[plot] is needed. The
    caption says what was aggregated, left out or cannot be shown.
    """
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.picturing import follow_picture, print_front, print_picture

    if output is None:
        refuse_alone("--output", force=force, dark=dark)
    else:
        refuse_beside("--output", follow=follow)
        _check(output, force=force)
    if follow:
        # Ctrl-C alone ends it, and has an exit code of its own.
        refuse_beside("--follow", strict=strict)
    else:
        refuse_alone("--follow", every=every)
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
    options: dict[str, Any] = {
        "kind": kind and kind.value,
        "x": x,
        "y": y,
        "by": group_by or (),
        "rows": rows,
        "cols": cols,
        "stat": stat,
        "pair_by": pair_by,
        "minimize": minimize or (),
        "maximize": maximize or (),
        "smooth": smooth,
        "log_x": log_x,
        "log_y": log_y,
        "top": top,
        "explode": explode or (),
        "memory_limit": memory_limit,
        **filters,
    }
    if follow:
        from micrometric.plots import plot as plot_logs

        follow_picture(lambda: plot_logs(chosen, **options), color, every or _EVERY)
        return
    picture = _picture(chosen, options, strict=strict)
    if output is None:
        print_picture(picture, color)
        return
    picture.save(output, force=force, dark=dark)
    print_front(picture, color)
    say(f"wrote {output}")


def _check(output: str, *, force: bool) -> None:
    """Refuse a file that cannot be written before the logs are read for it."""
    from pathlib import Path

    from micrometric.drawing import check_output
    from micrometric.exports import refuse_existing

    check_output(Path(output))
    refuse_existing(Path(output), force=force)


def _picture(paths: list[str], options: dict[str, Any], *, strict: bool) -> Picture:
    """Return the picture, telling how far it is where that takes long."""
    from micrometric.plots import plot as plot_logs
    from micrometric_cli.output import progress, tell_report

    with progress("plotting") as told:
        picture = plot_logs(paths, progress=told, **options)
    tell_report(picture.report, strict=strict)
    return picture
