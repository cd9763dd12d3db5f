"""`micrometric tail`: the last events, and those that come."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from micrometric_cli.exits import say
from micrometric_cli.options import (
    Color,
    ColorOption,
    LineFormat,
    LocationOption,
    MetricsOption,
    PathsArgument,
    SinceOption,
    UntilOption,
    WhereOption,
    ZoneOption,
)


def tail(
    paths: PathsArgument = None,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="Events to show first, the last by time.")
    ] = 10,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on with the events that come.")
    ] = True,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    assume_tz: ZoneOption = None,
    format_: Annotated[
        LineFormat, typer.Option("--format", "-f", help="How to print an event.")
    ] = LineFormat.TEXT,
    color: ColorOption = Color.AUTO,
) -> None:
    """Show the last events, then follow: a file, a directory with files that come, or a pipe.

    Rotation, truncation and replacement are survived, and a path that is not there yet is waited
    for. Ctrl-C ends it.
    """
    from micrometric.filters import Filter
    from micrometric.follower import Follower
    from micrometric.reader import read_zone
    from micrometric_cli.output import has_colour
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.lines import line_writer

    zone = read_zone(assume_tz)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    chosen = paths_or_default(paths)
    follower = Follower(
        chosen,
        wanted,
        last=lines,
        zone=zone,
        on_wait=lambda path: say(f"waiting for {path}") if follow else None,
    )
    if not follow:
        _refuse_missing(chosen)
    write = line_writer(format_, colour=has_colour(color))
    batches = follower.batches() if follow or chosen == ["-"] else [follower.look()]
    told = 0
    for batch in batches:
        sys.stdout.write(write(batch))
        sys.stdout.flush()
        told = _tell(follower.report.sentences(), told)
    _tell(follower.report.sentences(), told)


def _tell(sentences: list[str], told: int) -> int:
    """Say what was not said yet; what only counts further is said once."""
    for sentence in sentences[told:]:
        say(sentence)
    return max(told, len(sentences))


def _refuse_missing(paths: list[str]) -> None:
    """Without following there is nothing to wait for.

    Raises:
        PathError: a path is missing or holds no logs.
    """
    from micrometric.finder import find

    find(paths)
