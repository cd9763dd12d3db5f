"""Two metrics against each other, paired by keys, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from micrometric.draft import Draft, Row, counted, group_name, value_text
from micrometric.errors import NoDataError, SettingError
from micrometric.figures import Figures
from micrometric.pictures import Axis, Line, Panel, Picture, Points, is_drawable
from micrometric.printable import printable
from micrometric.query import OCCURRENCE
from micrometric.spec import hint, parse_spec
from micrometric.unknown_keys import refuse_unknown

_MOST = 2000
"""Points that are drawn one by one."""
_GROUPS = 8
_NEEDED = ("x", "y")


@dataclass(frozen=True, slots=True)
class Pair:
    """What two metrics have in one group."""

    x: float
    y: float
    row: Row
    """The keys."""


def scatter(draft: Draft) -> Picture:
    """Return a point for each pair, and the front of those that no other pair beats."""
    asked = draft.asked
    if asked.x is None or asked.y is None:
        raise SettingError("a scatter plot needs two metrics, such as --x density --y recall")
    signs = _signs(draft)
    wanted = asked.pair_by if asked.pair_by is not None else (asked.by or ("run",))
    names = tuple(dict.fromkeys((*wanted, *asked.by)))
    by_occurrence = OCCURRENCE in names
    keys = draft.keys([name for name in names if name != OCCURRENCE])
    names = tuple(key.name for key in keys) + ((OCCURRENCE,) if by_occurrence else ())
    stat = "mean" if by_occurrence else asked.stat
    figures = Figures.read([stat, "count", "non_finite", "non_numeric"])
    rows = draft.query.rows(keys, figures, occurrence=by_occurrence)
    refuse_unknown(draft.query, keys, rows)
    found = {row["metric"] for row in rows}
    if not rows:
        raise NoDataError(draft.why_empty())
    known = {*found, *draft.query.found.metrics()}
    across, upwards = (_one(name, found, known) for name in (asked.x, asked.y))
    if across == upwards:
        raise SettingError(f"x and y are both {across!r}; a scatter plot needs two metrics")
    pairs = _pairs(draft, rows, names, (across, upwards), stat)
    front = _front(pairs, signs)
    drawn = _thinned(draft, pairs, front)
    scales: list[Literal["linear", "log"]] = [
        "log" if log else "linear" for log in (asked.log_x, asked.log_y)
    ]
    panel = Panel(
        f"{printable(upwards)} against {printable(across)}",
        Axis(draft.label(across), scales[0]),
        Axis(draft.label(upwards), scales[1]),
        (*_points(draft, drawn, names), _front_line(front)),
    )
    of_events = "event" if by_occurrence else f"{stat} of the events"
    draft.say(f"each point: {of_events} of one {', '.join(map(printable, names))}")
    better = " and ".join(
        f"{'less' if sign > 0 else 'more'} {axis}" for sign, axis in zip(signs, "xy", strict=True)
    )
    draft.say(f"Pareto front: {len(front)} of {len(pairs):,} pairs, taking {better} as better")
    listed = [
        {name: pair.row[name] for name in names} | {across: pair.x, upwards: pair.y}
        for pair in front
    ]
    return draft.picture("scatter", panel.title, [panel], front=tuple(listed))


def _signs(draft: Draft) -> tuple[int, int]:
    """Return 1 for an axis on which less is better, -1 where more is."""
    asked = draft.asked
    for name in (*asked.minimize, *asked.maximize):
        if name not in _NEEDED:
            raise SettingError(f"{name!r} is no axis to make small or great; expected x, y or x,y")
    both = set(asked.minimize) & set(asked.maximize)
    if both:
        raise SettingError(f"{min(both)} cannot be both the better the less and the more")
    return -1 if "x" in asked.maximize else 1, -1 if "y" in asked.maximize else 1


def _one(spec: str, found: Iterable[str], known: Iterable[str]) -> str:
    """Return the metric that a name or glob means.

    Raises:
        NoDataError: there is none.
        SettingError: there are several.
    """
    chosen = sorted(parse_spec(spec).select(found))
    if not chosen:
        raise NoDataError(f"no metric matches {spec!r}{hint(spec, known)}")
    if len(chosen) > 1:
        raise SettingError(f"{spec!r} matches {', '.join(chosen)}; name one of them")
    return chosen[0]


def _pairs(
    draft: Draft, rows: list[Row], names: Sequence[str], metrics: tuple[str, str], stat: str
) -> list[Pair]:
    """Return what both metrics have in the same group, in order of the groups."""
    sides: list[dict[tuple[Any, ...], Row]] = [
        {tuple(value_text(row[name]) for name in names): row for row in rows if row["metric"] == m}
        for m in metrics
    ]
    groups = [group for group in sides[0] if group in sides[1]]
    alone = len(sides[0].keys() ^ sides[1].keys())
    if not groups:
        raise NoDataError(
            f"{metrics[0]!r} and {metrics[1]!r} have no {', '.join(names)} in common; name what "
            "both have with --pair-by"
        )
    if alone:
        draft.say(f"with one of the two metrics only, left out: {counted(alone, 'group')}")
    both = [(sides[0][group][stat], sides[1][group][stat], sides[0][group]) for group in groups]
    pairs = [Pair(x, y, row) for x, y, row in both if is_drawable(x) and is_drawable(y)]
    if len(pairs) < len(both):
        draft.say(f"without finite numbers, left out: {counted(len(both) - len(pairs), 'pair')}")
    above = [
        pair
        for pair in pairs
        if (pair.x > 0 or not draft.asked.log_x) and (pair.y > 0 or not draft.asked.log_y)
    ]
    if len(above) < len(pairs):
        draft.say(
            "not above 0, without a place on a logarithmic axis: "
            f"{counted(len(pairs) - len(above), 'pair')}"
        )
    if not above:
        raise NoDataError(f"there is nothing to plot: {'; '.join(draft.caption)}")
    return above


def _front(pairs: list[Pair], signs: tuple[int, int]) -> list[Pair]:
    """Return the pairs that no other is better than on one axis and as good on the other."""
    across, upwards = signs
    front: list[Pair] = []
    best = math.inf
    for pair in sorted(pairs, key=lambda pair: (across * pair.x, upwards * pair.y)):
        equal = bool(front) and (pair.x, pair.y) == (front[-1].x, front[-1].y)
        if upwards * pair.y < best or equal:
            front.append(pair)
            best = upwards * pair.y
    return sorted(front, key=lambda pair: pair.x)


def _thinned(draft: Draft, pairs: list[Pair], front: list[Pair]) -> list[Pair]:
    """Return as many pairs as are drawn: the front, the extremes, and every so many-th other."""
    if len(pairs) <= _MOST:
        return pairs
    ends = [
        choose(pairs, key=place)
        for choose in (min, max)
        for place in (lambda pair: pair.x, lambda pair: pair.y)
    ]
    kept = {id(pair) for pair in (*front, *ends, *pairs[:: math.ceil(len(pairs) / _MOST)])}
    drawn = [pair for pair in pairs if id(pair) in kept]
    draft.say(
        f"{len(drawn):,} of {len(pairs):,} pairs drawn: one in {math.ceil(len(pairs) / _MOST)}, "
        "the extremes and the front; the front is that of all"
    )
    return drawn


def _points(draft: Draft, pairs: list[Pair], names: Sequence[str]) -> list[Points]:
    """Return the points of each group that has a colour of its own; others share the last."""
    by = [key.name for key in draft.keys(draft.asked.by)]
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(group_name(pair.row, by), []).append(pair)
    most = draft.top(_GROUPS)
    if len(groups) > most:
        chosen = sorted(groups, key=lambda name: -len(groups[name]))[: max(1, most - 1)]
        others = [pair for name, some in groups.items() if name not in chosen for pair in some]
        draft.say(f"{len(chosen)} of {len(groups):,} groups have a colour, the largest")
        groups = {name: some for name, some in groups.items() if name in chosen}
        groups["others"] = others
    return [
        Points(
            name,
            tuple(pair.x for pair in some),
            tuple(pair.y for pair in some),
            tuple(group_name(pair.row, names) for pair in some),
        )
        for name, some in groups.items()
    ]


def _front_line(front: list[Pair]) -> Line:
    places = tuple(pair.x for pair in front), tuple(pair.y for pair in front)
    return Line("Pareto front", *places, role="front")
