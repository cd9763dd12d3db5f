"""Lines along a key or the time: a figure in each bin, with a band where a bin has many events."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from micrometric.bins import Along
from micrometric.draft import Draft, Row, counted, group_name, ordered, value_text
from micrometric.errors import SettingError
from micrometric.event import moment_at
from micrometric.figures import Figures
from micrometric.keys import STEP_KEYS, Key
from micrometric.pictures import Axis, Line, Number, Panel, Picture, is_drawable
from micrometric.printable import printable
from micrometric.unknown_keys import refuse_unknown

_BINS = 200
_GROUPS = 8
_MOST_NAMES = 64
_MANY = 5
"""Events in a bin from which its spread is told."""
_BANDED = ("mean", "median", "p50")
_FEW = 3
"""Lines whose bands can be told apart."""
_GAP = 3
"""Usual distances of even points from which there is a gap."""
_PAUSE = 10
"""The same of uneven ones: times the distance that nine in ten are below."""

Source = Key | Literal["value", "time", "occurrence"]


def lines(draft: Draft) -> Picture:
    """Return a line for each group, in a panel for each metric."""
    asked = draft.asked
    if not 0 <= asked.smooth < 1:
        raise SettingError(f"smooth is {asked.smooth:g}, expected from 0 to below 1, such as 0.6")
    source, name = _source(draft)
    names = asked.by or _usual_groups(draft, source)
    keys = draft.keys(names)
    names = tuple(key.name for key in keys)
    along = Along(source, _BINS, draft.top(_GROUPS), log=asked.log_x)
    rows = draft.query.binned(keys, _figures(asked.stat), along)
    refuse_unknown(draft.query, keys, rows)
    if isinstance(source, Key) and rows and all(row["bin"] is None for row in rows):
        return _over_names(draft, keys, source)
    _tell_unplaced(draft, rows, name, log=asked.log_x)
    scale: Literal["linear", "log", "time"] = (
        "time" if source == "time" else "log" if asked.log_x else "linear"
    )
    panels = []
    for metric, found in draft.by_metric(rows):
        placed = [row for row in found if row["bin"] is not None]
        if placed:
            groups = placed[0]["groups"]
            draft.tell_shown(along.groups, groups, f"groups of {printable(metric)}")
            _tell_bins(draft, metric, placed, name)
            axis = Axis(
                _days(placed) if source == "time" else printable(name),
                scale,
                whole=all(float(row["at_low"]).is_integer() for row in placed),
            )
            series = _series(draft, placed, names, 1e-6 if source == "time" else 1.0)
            if len(series) == 1 and not asked.by:
                series = [replace(series[0], name="")]  # A single run needs no name.
            panels.append(_panel(draft, metric, axis, series))
    return draft.picture("line", f"{asked.stat} over {printable(name)}", panels)


def _source(draft: Draft) -> tuple[Source, str]:
    """Return what lines run along, and its name."""
    name = draft.asked.x
    if name is None:
        found = {key for event in draft.peek() for key in event.metadata}
        name = next((key for key in STEP_KEYS if key in found), "time")
    if name in ("time", "timestamp"):
        if draft.asked.log_x:
            raise SettingError("time has no logarithmic axis; name a key for x, such as step")
        return "time", "time"
    if name in ("occurrence", "value"):
        if name == "value":
            raise SettingError("a line over the values themselves is no line; see kind ecdf")
        return "occurrence", name
    keys = draft.keys(name)
    if len(keys) != 1 or keys[0].kind == "bucket":
        raise SettingError(f"x is {name!r}, expected one key, time or occurrence")
    return keys[0], name


def _usual_groups(draft: Draft, source: Source) -> tuple[str, ...]:
    """Return the run where there are several, so that they are never averaged unsaid."""
    runs = {segment.run for segment in draft.query.found.segments}
    along_runs = isinstance(source, Key) and source.kind in ("directory", "origin")
    return ("run",) if len(runs) > 1 and not along_runs else ()


def _figures(stat: str) -> Figures:
    return Figures.read([stat, "count", "p5", "p95", "non_finite", "non_numeric"])


def _over_names(draft: Draft, keys: Sequence[Key], source: Key) -> Picture:
    """Return lines along a key whose values are no numbers."""
    if draft.asked.log_x:
        raise SettingError(f"key {source.name!r} holds no numbers, so x has no logarithmic axis")
    names = tuple(key.name for key in keys if key.name != source.name)
    kept = [key for key in keys if key.name in names]
    rows = draft.query.rows([source, *kept], _figures(draft.asked.stat))
    refuse_unknown(draft.query, [source], rows)
    unnamed = sum(row["count"] for row in rows if row[source.name] is None)
    if unnamed:
        draft.say(f"without {printable(source.name)}, left out: {counted(unnamed, 'event')}")
    panels = []
    named = [row for row in rows if row[source.name] is not None]
    for metric, found in draft.by_metric(named):
        values = ordered(row[source.name] for row in found)
        if len(values) > _MOST_NAMES:
            draft.say(f"{_MOST_NAMES} of {len(values):,} values of {source.name} shown, the first")
        places = {value: float(i) for i, value in enumerate(values[:_MOST_NAMES])}
        sizes: dict[tuple[Any, ...], int] = {}
        for row in found:
            group = tuple(row[name] for name in names)
            sizes[group] = sizes.get(group, 0) + row["count"]
        most = draft.top(_GROUPS)
        chosen = sorted(sizes, key=lambda group: -sizes[group])[:most]
        draft.tell_shown(most, len(sizes), f"groups of {printable(metric)}")
        placed = [
            row | {"at": places[row[source.name]], "events": row["count"]}
            for row in sorted(found, key=lambda row: [str(row[name]) for name in names])
            if row[source.name] in places and tuple(row[name] for name in names) in chosen
        ]
        axis = Axis(printable(source.name), names=tuple(map(value_text, places)))
        series = _series(draft, placed, names, 1.0, even=False)
        panels.append(_panel(draft, metric, axis, series))
    return draft.picture("line", f"{draft.asked.stat} by {printable(source.name)}", panels)


def _series(
    draft: Draft, rows: list[Row], names: Sequence[str], factor: float, *, even: bool = True
) -> list[Line]:
    """Return a line for each group."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(group_name(row, names), []).append(row)
    few = len(groups) <= _FEW
    return [_line(draft, name, group, factor, even=even, few=few) for name, group in groups.items()]


def _line(
    draft: Draft, name: str, rows: list[Row], factor: float, *, even: bool, few: bool
) -> Line:
    stat, log_y = draft.asked.stat, draft.asked.log_y
    rows = sorted(rows, key=lambda row: float(row["at"]))
    banded = few and stat in _BANDED and statistics.median(row["count"] for row in rows) >= _MANY
    if banded:
        draft.say("band: the 5th to the 95th percentile of the events there")
    filled: list[Row | None] = [*rows]
    if even and draft.asked.x != "occurrence":
        filled = _with_gaps(rows, log=draft.asked.log_x)
    x, y, low, high = [], [], [], []
    before = 0.0
    for row in filled:
        x.append((row["at"] if row else before) * factor)
        before = row["at"] if row else before
        y.append(_shown(draft, row and row[stat], log_y=log_y))
        low.append(_above(row and row["p5"], log_y=log_y))
        high.append(_above(row and row["p95"], log_y=log_y))
    if draft.asked.smooth:
        y = _smoothed(y, draft.asked.smooth)
        draft.say(f"smoothed: a point keeps {draft.asked.smooth:g} of those before it")
    band = (tuple(low), tuple(high)) if banded else ((), ())
    return Line(name, tuple(x), tuple(y), *band)


def _with_gaps(rows: list[Row], *, log: bool) -> list[Row | None]:
    """Put None where points are missing between others."""
    gaps = _gaps([row["at"] for row in rows])
    if log:  # Even steps are uneven there, and the other way round.
        gaps &= _gaps([math.log(row["at"]) for row in rows])
    filled: list[Row | None] = []
    for index, row in enumerate(rows):
        filled += [None, row] if index in gaps else [row]
    return filled


def _gaps(places: list[float]) -> set[int]:
    """Return which places have a gap before them."""
    distances = [after - before for before, after in itertools.pairwise(places)]
    if len(distances) < 3:
        return set()
    quarter, usual, three = statistics.quantiles(distances, n=4, method="inclusive")
    if 0 < three <= 1.5 * quarter:
        least = _GAP * usual
    elif len(distances) >= _PAUSE:
        least = _PAUSE * statistics.quantiles(distances, n=10, method="inclusive")[-1]
    else:
        return set()
    return {index for index, distance in enumerate(distances, 1) if distance > least > 0}


def _shown(draft: Draft, figure: Any, *, log_y: bool) -> Number:
    if not is_drawable(figure):
        return None
    if log_y and figure <= 0:
        draft.say("points that are not above 0 have no place on a logarithmic axis: gaps there")
        return None
    return float(figure)


def _above(figure: Any, *, log_y: bool) -> Number:
    return float(figure) if is_drawable(figure) and (figure > 0 or not log_y) else None


def _smoothed(values: Iterable[Number], weight: float) -> list[Number]:
    """Return an exponential moving mean, without the pull to 0 at its start, anew after gaps."""
    smooth: list[Number] = []
    total = share = 0.0
    for value in values:
        if value is None:
            total = share = 0.0
            smooth.append(None)
        else:
            total = weight * total + (1 - weight) * value
            share = weight * share + (1 - weight)
            smooth.append(total / share)
    return smooth


def _panel(draft: Draft, metric: str, x: Axis, series: list[Line]) -> Panel:
    scale: Literal["linear", "log"] = "log" if draft.asked.log_y else "linear"
    stat = draft.asked.stat
    counted = stat in ("count", "non_finite", "non_numeric")
    label = f"{stat} of {printable(metric)}" if counted else draft.label(metric)
    y = Axis(label, scale, zero=counted and scale == "linear", whole=counted)
    return Panel(printable(metric), x, y, tuple(series))


def _days(rows: list[Row]) -> str:
    """Return what a time axis is called, with the day that its ticks may leave out."""
    first, last = (moment_at(rows[0][end] / 1e6) for end in ("low", "high"))
    days = f"{first:%Y-%m-%d}" + (f" to {last:%Y-%m-%d}" if first.date() != last.date() else "")
    return f"time (UTC), {days}"


def _tell_unplaced(draft: Draft, rows: list[Row], name: str, *, log: bool) -> None:
    unplaced = sum(row["events"] for row in rows if row["bin"] is None)
    if unplaced:
        above = " above 0" if log else ""
        draft.say(
            f"without a number{above} as {printable(name)}, left out: {counted(unplaced, 'event')}"
        )


def _tell_bins(draft: Draft, metric: str, rows: list[Row], name: str) -> None:
    events = sum(row["events"] for row in rows)
    told = f"{draft.asked.stat} of {events:,} events of {printable(metric)}"
    if any(row["at_low"] < row["at_high"] for row in rows):
        scale = " of the logarithm" if draft.asked.log_x else ""
        draft.say(
            f"{told} in up to {_BINS} bins{scale} of {printable(name)}, each at the mean of its bin"
        )
    elif events > len(rows):
        draft.say(f"{told}, at each {printable(name)}")
