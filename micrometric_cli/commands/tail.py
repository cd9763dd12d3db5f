"""`micrometric tail`: the last events, and those that come."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.completion import complete_key
from micrometric_cli.exits import say
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
    SinceOption,
    UntilOption,
    WhereOption,
    ZoneOption,
)

if TYPE_CHECKING:
    from micrometric.event import LogEvent
    from micrometric.follower import Follower
    from micrometric.report import Report
    from micrometric_cli.render.lines import LineWriter
    from micrometric_cli.watching import Look

_LAST = 10
_DIGITS = 6
_SUMMARY_DIGITS = 4

_HURRY = 5.0
"""Seconds without catching up after which it is told how much there is to read."""

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
PollOption = Annotated[
    bool,
    typer.Option(
        "--poll",
        help="Look at the files ten times a second rather than wait for events of the kernel; on "
        "network file systems that is done anyway.",
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
    from micrometric.absence import why_empty
    from micrometric.errors import NoDataError
    from micrometric.follower import follow as follow_logs
    from micrometric.live import LiveSummary
    from micrometric_cli.output import has_colour, terminal_width
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.fields import FieldLines
    from micrometric_cli.render.lines import line_writer
    from micrometric_cli.watching import refuse_alone, watch

    filters = Filters(
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    chosen = paths_or_default(paths)
    if not follow:
        _refuse_missing(chosen)
    if not summary:
        refuse_alone("--summary", group_by=group_by, every=every)
    # Who looks at figures and does not follow wants those of all that is there.
    usual = _LAST if not summary else 0 if follow else None
    _allow_many_files()
    last = _first_shown(lines, usual, since=since, from_start=from_start)
    look = _look(format_, digits, color, every)
    digits = _DIGITS if digits is None else digits
    width, colour = terminal_width(), has_colour(color)
    writer: LineWriter
    if fields is None:
        writer = line_writer(format_, digits=digits, width=width, colour=colour)
    else:
        keys = [name.strip() for name in fields.split(",")]
        writer = FieldLines(keys, format_, digits=digits, safe=width is not None)
    with follow_logs(
        chosen,
        last=last,
        merge_window=merge_window,
        idle_exit=idle_exit if follow else 0.0,
        pulse=look.pulse,
        poll=poll or None,
        **filters,
    ) as follower:
        # All is not sorted by time: it may be more than fits into memory.
        streams = follow or from_start
        if summary:
            batches = follower.batches() if streams else [follower.past()]
            batches = batches if count is None else _first(count, batches)
            watch(follower, LiveSummary(group_by or ()), look, batches)
            return
        raw = format_ is LineFormat.JSON and fields is None
        shown = _show(_batches(follower, streams, count, raw=raw), writer, follower)
    if not follow and not shown and last != 0:
        raise NoDataError(why_empty(chosen, **filters))


def _batches(
    follower: Follower, streams: bool, count: int | None, *, raw: bool
) -> Iterable[list[LogEvent] | bytes]:
    """Return what to show, as lines of JSON if raw and nothing needs to look into them."""
    if count is not None:
        return _first(count, follower.batches() if streams else [follower.past()])
    if not streams:
        return [follower.past(), []]
    return follower.raw_batches() if raw else follower.batches()


def _first_shown(
    lines: int | None, usual: int | None, *, since: str | None, from_start: bool
) -> int | None:
    """Return how many of the events that are there to show, None for all."""
    if from_start:
        if lines is not None:
            raise typer.BadParameter("'--lines' and '--from-start' exclude each other")
        return None
    return lines if lines is not None or since is not None else usual


def _first(count: int, batches: Iterable[list[LogEvent]]) -> Iterator[list[LogEvent]]:
    """Yield the batches until there were so many events."""
    for batch in batches:
        yield batch[:count]
        count -= len(batch)
        if count <= 0:
            yield []
            return


def _look(format_: LineFormat, digits: int | None, color: Color, every: float | None) -> Look:
    from micrometric_cli.watching import Look

    table = Format.TABLE if format_ is LineFormat.TEXT else Format(format_.value)
    return Look(table, digits or _SUMMARY_DIGITS, color, every)


def _allow_many_files() -> None:
    """Let this process open as many files as it may: each that is followed is open."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _refuse_missing(paths: list[str]) -> None:
    """Refuse what only following can wait for.

    Raises:
        PathError: a path is missing or holds no logs.
    """
    from micrometric.finder import find

    find(paths)


def _show(batches: Iterable[list[LogEvent] | bytes], writer: LineWriter, follower: Follower) -> int:
    """Write events as they come, and return how many; an empty batch means to catch breath."""
    told: set[str] = set()
    shown = 0
    calm = time.monotonic()
    for batch in batches:
        if isinstance(batch, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(batch)
            shown += batch.count(b"\n")
        elif batch:
            sys.stdout.write(writer(batch))
            shown += len(batch)
        else:
            calm = time.monotonic()
            _settle(_news(follower.report, writer), told)
        if time.monotonic() - calm > _HURRY and follower.unread:
            calm = time.monotonic()
            say(f"still {follower.unread / 1e6:.1f} MB behind what is written")
    return shown


def _settle(news: Iterable[str], told: set[str]) -> None:
    """Once there is nothing more to read, show what was read, and tell what is new about it.

    Raises:
        BrokenPipeError: nobody reads the output any more, so nobody needs what may come.
    """
    from micrometric_cli.output import reader_is_gone

    sys.stdout.flush()
    for sentence in news:
        if sentence not in told:
            told.add(sentence)
            say(sentence)
    if reader_is_gone():
        raise BrokenPipeError


def _news(report: Report, writer: LineWriter) -> Iterator[str]:
    """Yield what there is to say; of skipped lines, each file and reason rather than a count."""
    for skipped in report.examples:
        yield f"skipped a line that is no event: {skipped}"
    yield from replace(report, skipped=0, examples=[]).sentences()
    if writer.left_out:
        yield f"left out where the terminal is too narrow: {writer.left_out}"
