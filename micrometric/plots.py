"""Pictures of metrics: which kind, asked of the logs by the query engine.

What comes back from a query is no more than what is drawn, so that a million events are
aggregated where they are read and never reach what draws them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any

from micrometric.absence import why_empty
from micrometric.draft import Asked, Draft
from micrometric.errors import SettingError
from micrometric.event import LogEvent
from micrometric.given import Paths, listed
from micrometric.keys import names_of
from micrometric.pictures import Picture
from micrometric.query import Query
from micrometric.reader import iter_events
from micrometric.spec import did_you_mean

KINDS = ("line", "hist", "ecdf", "heatmap", "scatter", "box")
_PEEKED = 200
"""Events that are looked at for what a line may run along."""
_OPTIONS = {
    "line": {"x", "by", "stat", "smooth", "log-x", "log-y"},
    "hist": {"by", "log-x"},
    "ecdf": {"by", "log-x"},
    "heatmap": {"rows", "cols", "stat"},
    "scatter": {"x", "y", "by", "stat", "pair-by", "minimize", "maximize", "log-x", "log-y"},
    "box": {"by", "log-x"},
}
"""The options that each kind knows."""


def plot(
    paths: Paths,
    kind: str | None = None,
    *,
    x: str | None = None,
    y: str | None = None,
    by: str | Sequence[str] = (),
    rows: str | None = None,
    cols: str | None = None,
    stat: str = "mean",
    pair_by: str | Sequence[str] | None = None,
    minimize: str | Sequence[str] = (),
    maximize: str | Sequence[str] = (),
    smooth: float = 0.0,
    log_x: bool = False,
    log_y: bool = False,
    top: int | None = None,
    explode: str | Iterable[str] = (),
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    memory_limit: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Picture:
    """Return a picture of metrics; `Picture.save` writes it to a file.

    Args:
        paths: files, directories (recursive), globs or `-`; one or several.
        kind: one of `KINDS`; by default `heatmap` where rows and columns are named, `scatter`
            where `y` is, else `line`.
        x: for a line, the key along which it runs: a metadata key such as `step`, `time`, or
            `occurrence`, the n-th event of a group; by default the key of steps that the events
            have, else `time`. For scatter, the metric across.
        y: for scatter, the metric upwards.
        by: keys to group by: a line, a box, a colour, or for `hist` a panel each.
        rows: for heatmap, the key that goes down.
        cols: for heatmap, the key that goes across.
        stat: the figure that a line or a cell shows.
        pair_by: for scatter, the keys of which each combination is a point.
        minimize: for scatter, which of `x` and `y` are the better the smaller they are.
        maximize: for scatter, which are the better the greater.
        smooth: from 0 to below 1, how much a point of a line keeps of those before.
        log_x: whether the x axis is logarithmic.
        log_y: whether the y axis is.
        top: groups to show in a panel, those with the most events: at most 8, 24 boxes, or 64
            rows and columns.
        explode: see `summarize`.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        memory_limit: see `summarize`.
        progress: see `summarize`.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter or key cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such kind or figure, or arguments do not go together.
        NoDataError: there is nothing to plot.
    """
    chosen = _kind(kind, x=x, y=y, rows=rows, cols=cols)
    asked = Asked(
        x=x,
        y=y,
        by=tuple(names_of(by)) if by else (),
        rows=rows,
        cols=cols,
        stat=stat,
        pair_by=None if pair_by is None else tuple(names_of(pair_by)),
        minimize=tuple(names_of(minimize)) if minimize else (),
        maximize=tuple(names_of(maximize)) if maximize else (),
        smooth=smooth,
        log_x=log_x,
        log_y=log_y,
        top=top,
    )
    _refuse_stray(chosen, asked)
    if chosen == "scatter" and metrics is None and x is not None and y is not None:
        metrics = f"{x},{y}"
    filters: dict[str, Any] = {
        "metrics": metrics,
        "location": location,
        "where": where,
        "since": since,
        "until": until,
        "launch": launch,
        "assume_tz": assume_tz,
    }
    files = listed(paths)
    query = Query.open(
        files, explode=explode, memory_limit=memory_limit, progress=progress, **filters
    )

    def peek() -> Iterable[LogEvent]:
        return itertools.islice(iter_events(files, **filters), _PEEKED)

    return _drawn(chosen, Draft(query, asked, peek, lambda: why_empty(files, **filters)))


def _kind(asked: str | None, **options: str | None) -> str:
    """Return the kind that is asked for, by name or by what only one kind has."""
    if asked is not None:
        if asked not in KINDS:
            raise SettingError(
                f"no picture is called {asked!r}; expected one of {', '.join(KINDS)}"
                f"{did_you_mean(asked, KINDS)}"
            )
        return asked
    if options["rows"] is not None or options["cols"] is not None:
        return "heatmap"
    return "scatter" if options["y"] is not None else "line"


def _refuse_stray(kind: str, asked: Asked) -> None:
    """Refuse options that a kind would ignore."""
    given = {
        "x": asked.x, "y": asked.y, "rows": asked.rows, "cols": asked.cols, "by": asked.by,
        "pair-by": asked.pair_by, "minimize": asked.minimize, "maximize": asked.maximize,
        "smooth": asked.smooth, "log-x": asked.log_x, "log-y": asked.log_y,
        "stat": asked.stat != "mean",
    }  # fmt: skip
    for name, value in given.items():
        if value and name not in _OPTIONS[kind]:
            kinds = [kind for kind, options in _OPTIONS.items() if name in options]
            raise SettingError(f"{name} is an option of {' and '.join(kinds)}, not of {kind}")


def _drawn(kind: str, draft: Draft) -> Picture:
    from micrometric.kinds.distributions import boxes, ecdf, histogram
    from micrometric.kinds.heatmaps import heatmap
    from micrometric.kinds.lines import lines
    from micrometric.kinds.scatters import scatter

    draw = {
        "line": lines,
        "hist": histogram,
        "ecdf": ecdf,
        "heatmap": heatmap,
        "scatter": scatter,
        "box": boxes,
    }[kind]
    return draw(draft)
