"""Comparisons: the same groups of several logs side by side, with what can be said of differences.

An interval of a difference needs values that are independent of each other. Events that follow
each other in a run are not, so there is none unless there are several runs or sessions a side,
`unit` names a key whose values are independent, or events are paired. Several intervals at once
hold together at the level that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from micrometric.compared import Compared, Comparison
from micrometric.engines import DEFAULT_ENGINE
from micrometric.errors import NoDataError, SettingError
from micrometric.figures import Figures
from micrometric.intervals import Method
from micrometric.keys import names_of, order_of
from micrometric.limits import Checked, Limit, check, figures_for, read_limits
from micrometric.query import OCCURRENCE, Query
from micrometric.replication import Group, Replication, Rests
from micrometric.report import Report
from micrometric.sides import Side, sides_of_key, sides_of_paths


def compare(
    base: str | Path,
    *others: str | Path,
    by: str | Sequence[str] = "location",
    stats: str | Iterable[str] = "mean",
    key: str | None = None,
    base_value: object = None,
    where_base: str | None = None,
    where_other: str | None = None,
    unit: str | None = None,
    pair_by: str | Sequence[str] | None = None,
    method: Method = "welch",
    level: float = 0.95,
    fail_if: str | Sequence[str] = (),
    explode: str | Iterable[str] = (),
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    engine: str = DEFAULT_ENGINE,
    master: str | None = None,
    memory_limit: str | None = None,
    approximate: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Compare the figures of logs with those of one of them.

    Args:
        base: what is compared with: logs, or a summary saved as json.
        others: logs; none where `key` or `where_other` tells them apart.
        by: keys to group by, as for `summarize`.
        stats: figures to compare.
        key: compare the values of this key in all the logs instead.
        base_value: which of its values is the base; by default the first.
        where_base: a further condition for the base.
        where_other: a further condition for the others.
        unit: the key whose values are independent of each other, such as `seed`.
        pair_by: keys that pair the events of two logs, or `occurrence` for the n-th event.
        method: how intervals are computed, `welch` or `bootstrap`.
        level: confidence of all intervals together.
        fail_if: limits, see `micrometric.limits`.
        explode: see `summarize`.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        engine: see `summarize`.
        master: see `summarize`.
        memory_limit: see `summarize`.
        approximate: see `summarize`.
        progress: see `summarize`.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter, key or limit cannot be read.
        SpecError: the spec cannot be read.
        SettingError: arguments do not go together, or there is no such figure.
        NoDataError: there is no such launch, key or base.
    """
    if unit is not None and pair_by is not None:
        raise SettingError("a unit and pairs exclude each other")
    if not 0 < level < 1:
        raise SettingError(f"level is {level}, expected between 0 and 1, such as 0.95")
    limits = read_limits(fail_if)
    shown = Figures.read(stats)
    asked = Figures(tuple(dict.fromkeys([*shown.names, *figures_for(limits), "count"])))

    def query(paths: object, condition: str | None) -> Query:
        return Query.open(
            paths,  # type: ignore[arg-type] # one path or several
            metrics=metrics,
            location=location,
            where=_both(where, condition),
            since=since,
            until=until,
            launch=launch,
            assume_tz=assume_tz,
            explode=explode,
            engine=engine,
            master=master,
            memory_limit=memory_limit,
            approximate=approximate,
            progress=progress,
        )

    if key is not None:
        if where_base is not None or where_other is not None:
            raise SettingError("a key and conditions for each side exclude each other")
        sides = sides_of_key(query([base, *others], None), key, base_value)
    else:
        if base_value is not None:
            raise SettingError("a value to compare with needs the key that it is of")
        sides = sides_of_paths(base, others, where_base, where_other, query)
    called = sides[-1].called  # The first may be a saved summary.
    compared = [] if key is None else called([key])
    names = [name for name in called(names_of(by)) if name not in compared]
    tables = [_Table.of(side, names, asked) for side in sides]
    if not tables[0].rows:
        raise NoDataError(f"the base {sides[0].name} has no such events")
    groups = {group for table in tables for group in table.rows}
    ordered = sorted(
        groups, key=lambda group: [order_of(value) for value in (group.metric, *group.values)]
    )
    replication = _replication(called, unit, pair_by, method, level)
    rests = replication.of(sides[0], sides[1:], names) if "mean" in shown.names else Rests(level)
    rows = [
        _compared(group, names, figure, tables[0], table, rests)
        for group in ordered
        for table in tables[1:]
        for figure in shown.names
    ]
    checked = _checked(limits, ordered, names, tables)
    report = Report()
    for side in sides:
        report.take(side.report)
    return Comparison(
        by=tuple(names),
        base=sides[0].name,
        others=tuple(side.name for side in sides[1:]),
        rows=rows,
        report=report,
        level=level,
        replication=rests.on if rests.intervals else None,
        intervals=len(rests.intervals),
        failures=checked.failures,
        checks=checked.groups,
        units={name: unit for side in sides for name, unit in side.units.items()},
    )


def _replication(
    called: Callable[[Sequence[str]], list[str]],
    unit: str | None,
    pair_by: str | Sequence[str] | None,
    method: Method,
    level: float,
) -> Replication:
    """Return what intervals are to rest on, its keys by what they are called in rows."""
    units = None if unit is None else called([unit])
    pairs = None if pair_by is None else names_of(pair_by)
    if pairs is not None and pairs != [OCCURRENCE]:
        pairs = called(pairs)
    return Replication(units[0] if units else unit, pairs, method, level)


def _both(first: str | None, second: str | None) -> str | None:
    return f"({first}) and ({second})" if first and second else first or second


@dataclass(frozen=True, slots=True)
class _Table:
    """The figures of a side by group."""

    name: str
    rows: dict[Group, dict[str, Any]]

    @classmethod
    def of(cls, side: Side, names: Sequence[str], figures: Figures) -> _Table:
        rows = side.ask(names, figures, False)
        return cls(side.name, {Group.of(row, names): row for row in rows})

    def figure(self, group: Group, figure: str) -> Any:
        """Return a figure of a group, None where there is no such group."""
        return self.rows[group][figure] if group in self.rows else None


def _compared(
    group: Group, names: Sequence[str], figure: str, base: _Table, other: _Table, rests: Rests
) -> Compared:
    place = (other.name, group)
    both = group in base.rows and group in other.rows
    rests_on_mean = figure == "mean" and both
    counts = [table.figure(group, "count") or 0 for table in (base, other)]
    reason: str | None = None
    if not both:
        reason = f"no such group in {base.name if group in other.rows else other.name}"
    elif not all(counts):
        reason = f"no finite number in {other.name if counts[0] else base.name}"
    elif rests_on_mean:
        reason = rests.reason(place)
    return Compared(
        metric=group.metric,
        keys=dict(zip(names, group.values, strict=True)),
        figure=figure,
        other=other.name,
        before=base.figure(group, figure),
        after=other.figure(group, figure),
        count_before=counts[0],
        count_after=counts[1],
        interval=rests.intervals.get(place) if rests_on_mean else None,
        units=rests.samples[place].size if rests_on_mean and place in rests.samples else 0,
        reason=reason,
    )


def _checked(
    limits: list[Limit], groups: list[Group], names: Sequence[str], tables: list[_Table]
) -> Checked:
    """Hold every group of every side but the base against the limits."""
    base, *others = tables
    checked = Checked()
    for table in others:
        told = {"in": table.name} if len(others) > 1 else {}
        one = check(
            limits,
            [
                (
                    dict(zip(names, group.values, strict=True)) | told,
                    group.metric,
                    table.rows.get(group),
                    base.rows.get(group),
                )
                for group in groups
            ],
        )
        checked.groups += one.groups
        checked.failures += one.failures
    return checked
