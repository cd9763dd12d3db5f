"""`micrometric tail`: the last events, and those that come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.completion import complete_key
from micrometric_cli.options import (
    Color,
    ColorOption,
    EveryOption,
    Filters,
    Format,
    LaunchOption,
    LineFormat,
    LocationOption,
    MetricsOption,
    PathsArgument,
    PollOption,
    SinceOption,
    StrictOption,
    UntilOption,
    WhereOption,
    ZoneOption,
    refuse_alone,
    refuse_beside,
)

if TYPE_CHECKING:
    from micrometric_cli.render.lines import LineWriter
    from micrometric_cli.tailing import Tailed
    from micrometric_cli.watching import Look

_LAST = 10
_DIGITS = 6
_SUMMARY_DIGITS = 4

_PULSE = 0.25
"""Seconds after which to look whether anybody reads the output still."""

LinesOption = Annotated[
    int | None,
    typer.Option(
        "--lines",
        "-n",
        min=0,
        metavar="N",
        help=f"Show the last N events first, by time: {_LAST}, or with --since all, unless told.",
        show_default=False,
    ),
]
FollowOption = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Go on with the events that come.")
]
FromStartOption = Annotated[
    bool, typer.Option("--from-start", help="Show all events first, file by file.")
]
CountOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="End after N events.", show_default=False)
]
IdleExitOption = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="SECONDS", help="End when no event came for so long.", show_default=False
    ),
]
MergeWindowOption = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="SECONDS",
        help="Hold events back for so long to show them in order of time; processes that flush "
        "once a second need more than 1.",
    ),
]
FieldsOption = Annotated[
    str | None,
    typer.Option(
        metavar="KEY[,KEY]",
        help="Print these keys alone, such as timestamp,value,layer_idx.",
        autocompletion=complete_key,
        show_default=False,
    ),
]
LineFormatOption = Annotated[
    LineFormat, typer.Option("--format", "-f", help="How to print an event; json is in full.")
]

TailDigitsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=17,
        help=f"Digits of a number for people: {_DIGITS}, or with --summary {_SUMMARY_DIGITS}, "
        "unless told; json and csv have all.",
        show_default=False,
    ),
]
SummaryOption = Annotated[
    bool,
    typer.Option(
        "--summary",
        help="Show figures that are kept up to date instead of events: of those that come, and "
        "of the last N where -n or --since asks for them.",
        show_default=False,
    ),
]
KeysOption = Annotated[
    str | None,
    typer.Option(
        "--group-by",
        "-g",
        metavar="KEY[,KEY]",
        help="With --summary: keys to group by beside the metric, as for summarize.",
        autocompletion=complete_key,
        show_default=False,
    ),
]


def tail(
    paths: PathsArgument = None,
    lines: LinesOption = None,
    follow: FollowOption = True,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
    from_start: FromStartOption = False,
    count: CountOption = None,
    idle_exit: IdleExitOption = None,
    merge_window: MergeWindowOption = 0.0,
    poll: PollOption = False,
    format_: LineFormatOption = LineFormat.TEXT,
    fields: FieldsOption = None,
    digits: TailDigitsOption = None,
    summary: SummaryOption = False,
    group_by: KeysOption = None,
    every: EveryOption = None,
    color: ColorOption = Color.AUTO,
) -> None:
    """Show the last events, then follow.

    Follows files, directories with the files that come, or a pipe. Rotation, truncation and
    replacement are survived, and a path that is not there yet is waited for. Ctrl-C ends it.
    """
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.tailing import Tailed, allow_many_files

    chosen = paths_or_default(paths)
    if not follow:
        _refuse_missing(chosen)
    if summary:
        refuse_beside("--summary", fields=fields)
    else:
        refuse_alone("--summary", group_by=group_by, every=every)
    if from_start:
        refuse_beside("--from-start", lines=lines)
    allow_many_files()
    filters = Filters(
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    # Who looks at figures and does not follow wants those of all that is there.
    usual = _LAST if not summary else 0 if follow else None
    everything = from_start or (lines is None and since is not None)
    what = Tailed(
        chosen,
        filters,
        last=None if everything else usual if lines is None else lines,
        # All is not sorted by time: it may be more than fits into memory.
        streams=follow or from_start,
        count=count,
        merge_window=merge_window,
        idle_exit=idle_exit if follow else 0.0,
        poll=poll or None,
        strict=strict,
    )
    if summary:
        from micrometric_cli.watching import Look

        table = Format.TABLE if format_ is LineFormat.TEXT else Format(format_.value)
        _show_figures(what, group_by, Look(table, digits or _SUMMARY_DIGITS, color, every))
    else:
        _show_events(what, format_, fields, digits or _DIGITS, color, ends=not follow)


def _show_events(
    what: Tailed, format_: LineFormat, fields: str | None, digits: int, color: Color, *, ends: bool
) -> None:
    """Show events, a line each.

    Raises:
        NoDataError: there is none, and none is waited for.
    """
    from micrometric_cli.output import has_colour, terminal_width
    from micrometric_cli.render.lines import line_writer
    from micrometric_cli.streaming import stream
    from micrometric_cli.telling import tell_end

    width = terminal_width()
    writer: LineWriter
    if fields is None:
        writer = line_writer(format_, digits=digits, width=width, colour=has_colour(color))
    else:
        from micrometric.keys import names_of
        from micrometric_cli.render.fields import FieldLines

        writer = FieldLines(names_of(fields), format_, digits=digits, safe=width is not None)
    with what.follower(pulse=_PULSE) as follower:
        raw = format_ is LineFormat.JSON and fields is None
        batches = what.raw_batches(follower) if raw else what.batches(follower)
        shown = stream(follower, writer, batches)
    tell_end(follower.report, strict=what.strict)
    if ends and not shown and what.last != 0:
        from micrometric.absence import why_empty
        from micrometric.errors import NoDataError

        raise NoDataError(why_empty(what.paths, **what.filters))


def _show_figures(what: Tailed, group_by: str | None, look: Look) -> None:
    from micrometric.live import LiveSummary
    from micrometric_cli.telling import tell_end
    from micrometric_cli.watching import watch

    with what.follower(pulse=look.pulse) as follower:
        watch(follower, LiveSummary(group_by or ()), look, what.batches(follower))
    tell_end(follower.report, strict=what.strict)


def _refuse_missing(paths: list[str]) -> None:
    """Refuse what only following can wait for.

    Raises:
        PathError: a path is missing or holds no logs.
    """
    from micrometric.finder import find

    find(paths)
