"""`micrometric tail`: the last events, and those that come."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.exits import say
from micrometric_cli.options import (
    Color,
    ColorOption,
    DigitsOption,
    Filters,
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

_LAST = 10

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
LineFormatOption = Annotated[
    LineFormat, typer.Option("--format", "-f", help="How to print an event; json is in full.")
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
    format_: LineFormatOption = LineFormat.TEXT,
    digits: DigitsOption = 6,
    color: ColorOption = Color.AUTO,
) -> None:
    """Show the last events, then follow.

    Follows files, directories with the files that come, or a pipe. Rotation, truncation and
    replacement are survived, and a path that is not there yet is waited for. Ctrl-C ends it.
    """
    from micrometric.absence import why_empty
    from micrometric.errors import NoDataError
    from micrometric.follower import follow as follow_logs
    from micrometric_cli.output import has_colour, terminal_width
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.lines import line_writer

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
    last = lines if lines is not None or since is not None else _LAST
    writer = line_writer(format_, digits=digits, width=terminal_width(), colour=has_colour(color))
    with follow_logs(chosen, last=last, **filters) as follower:
        shown = _show(follower.batches() if follow else [follower.past(), []], writer, follower)
    if not follow and not shown and last != 0:
        raise NoDataError(why_empty(chosen, **filters))


def _refuse_missing(paths: list[str]) -> None:
    """Refuse what only following can wait for.

    Raises:
        PathError: a path is missing or holds no logs.
    """
    from micrometric.finder import find

    find(paths)


def _show(batches: Iterable[list[LogEvent]], writer: LineWriter, follower: Follower) -> int:
    """Write events as they come, and return how many; an empty batch means to catch breath."""
    told: set[str] = set()
    shown = 0
    for batch in batches:
        if batch:
            sys.stdout.write(writer(batch))
            shown += len(batch)
        else:
            _settle(_news(follower.report, writer), told)
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
