"""Shell completion of metric names, keys and launches, from the logs that are to be read.

Shells put what they are offered on the command line as it is, and the next Enter runs it. So what
stands in files is offered only where no shell takes it for anything but a word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from micrometric.event import LogEvent
    from micrometric.found import Found

_EVENTS = 2000
"""Events of each segment that are looked at: completion must not make anybody wait."""
_WORD = re.compile(r"[\w./:-]+")
"""The letters of identifiers, of which none is special to a shell."""


def complete_metric(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the metric names that continue the last term of a spec."""
    return _continued(ctx, incomplete, r".*,!?|!|", _metrics)


def complete_key(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the keys that continue the last of a comma-separated list."""
    return _continued(ctx, incomplete, r".*,|", _keys)


def complete_condition(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the keys that continue the last word of a condition."""
    return _continued(ctx, incomplete, r".*[\s(]|", _keys)


def complete_figure(incomplete: str) -> list[str]:
    """Return the figures that continue the last of a comma-separated list."""
    from micrometric.figures import MEANINGS

    head, comma, name = incomplete.rpartition(",")
    return [f"{head}{comma}{known}" for known in MEANINGS if known.startswith(name)]


def complete_launch(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the launches that continue what was typed."""
    return _continued(ctx, incomplete, "", _launches)


def _continued(
    ctx: typer.Context,
    incomplete: str,
    before: str,
    names: Callable[[list[str]], Iterable[str]],
) -> list[str]:
    """Return what was typed with each name that continues its end, and is a plain word.

    Args:
        ctx: the command line so far.
        incomplete: what was typed.
        before: expression for what stands before the name.
        names: returns the names that there are under some paths.
    """
    from micrometric.errors import MicrometricError

    start = re.match(before, incomplete, re.DOTALL)
    head = start[0] if start else ""
    try:
        known = sorted(filter(_is_plain_word, set(names(_paths(ctx)))))
    except (MicrometricError, OSError):
        return []  # Completion has no place to tell an error.
    return [f"{head}{name}" for name in known if name.startswith(incomplete[len(head) :])]


def _is_plain_word(name: str) -> bool:
    """Say whether shells take a name literally, and terminals show all of it."""
    from micrometric.printable import is_printable

    return _WORD.fullmatch(name) is not None and is_printable(name)


def _metrics(paths: list[str]) -> Iterable[str]:
    from micrometric.finder import find

    found = find(paths)
    return found.metrics().keys() | {event.metric for event in _events(found)}


def _keys(paths: list[str]) -> Iterable[str]:
    from micrometric.event import ORIGIN_FIELDS
    from micrometric.finder import find

    found = find(paths)
    keys = {"location", "value", *ORIGIN_FIELDS, *found.directory_keys()}
    return keys.union(*(event.metadata for event in _events(found)))


def _launches(paths: list[str]) -> Iterable[str]:
    from micrometric.finder import find

    return {"last"}.union(*find(paths).launches().values())


def _events(found: Found) -> Iterable[LogEvent]:
    from micrometric.reader import read_segment
    from micrometric.report import Report

    for segment in found.segments:
        yield from itertools.islice(read_segment(segment, Report()), _EVENTS)


def _paths(ctx: typer.Context) -> list[str]:
    from micrometric.fetched import is_url
    from micrometric_cli.paths import default_path

    # Behind an option without its value the paths are not parsed yet, and stand in `args`.
    paths = ctx.params.get("paths") or ctx.args or [default_path().path]
    return [path for path in paths if not is_url(path)]  # A network would make anybody wait.
