"""What the interval of a difference may rest on: values that are independent of each other.

Events that follow each other in a run are not. Runs are, sessions may be, and so may the values of
a key that the user names; of pairs it is the differences.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from micrometric import intervals
from micrometric.figures import Figures
from micrometric.intervals import Interval, Method
from micrometric.query import OCCURRENCE
from micrometric.sides import Side
from micrometric.spelling import identity

_UNITS = ("run", "session")


@dataclass(frozen=True, slots=True)
class Group:
    """A metric and the values of the keys."""

    metric: str
    values: tuple[Any, ...] = field(compare=False)
    _identity: tuple[Hashable, ...] = field(repr=False)

    @classmethod
    def of(cls, row: dict[str, Any], names: Sequence[str]) -> Group:
        """Return the group of a row."""
        values = tuple(row[name] for name in names)
        return cls(row["metric"], values, tuple(map(identity, values)))


@dataclass(frozen=True, slots=True)
class Samples:
    """What an interval is computed from."""

    base: list[float]
    other: list[float]
    """Of pairs these are the differences, and the base has none."""
    are_pairs: bool

    @property
    def size(self) -> int:
        """Independent values of the smaller side, or pairs."""
        return len(self.other) if self.are_pairs else min(len(self.base), len(self.other))

    def interval(self, level: float, method: Method) -> Interval | None:
        """Return the interval of the difference."""
        if self.are_pairs:
            return intervals.of_pairs(self.other, level, method)
        return intervals.between(self.base, self.other, level, method)


@dataclass(slots=True)
class Rests:
    """The intervals of a comparison, and what they rest on."""

    level: float
    """Confidence of all of them together."""
    on: str | None = None
    """Such as `runs`; None where there are none."""
    samples: dict[tuple[str, Group], Samples] = field(default_factory=dict)
    """By name of the other side and group."""
    intervals: dict[tuple[str, Group], Interval | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    """Why a side has none at all."""

    def reason(self, place: tuple[str, Group]) -> str | None:
        """Return why there is no interval, None where there is one."""
        if self.intervals.get(place) is not None:
            return None
        if place[0] in self.reasons:
            return self.reasons[place[0]]
        size = self.samples[place].size if place in self.samples else 0
        return f"fewer than two {self.on} on a side ({size})"


@dataclass(frozen=True, slots=True)
class Replication:
    """What intervals are to rest on."""

    unit: str | None
    pair_by: Sequence[str] | None
    method: Method
    level: float

    def of(self, base: Side, others: Sequence[Side], names: Sequence[str]) -> Rests:
        """Return the intervals of the differences of means, as far as there are any."""
        rests = Rests(self.level)
        for side in others:
            try:
                found, rests.on = self._samples(base, side, names)
            except NoIntervals as reason:
                rests.reasons[side.name] = str(reason)
                continue
            rests.samples |= {(side.name, group): sample for group, sample in found.items()}
        known = {place: sample for place, sample in rests.samples.items() if sample.size > 1}
        level = intervals.simultaneous(self.level, len(known))
        rests.intervals = {
            place: sample.interval(level, self.method) for place, sample in known.items()
        }
        return rests

    def _samples(
        self, base: Side, other: Side, names: Sequence[str]
    ) -> tuple[dict[Group, Samples], str]:
        """Return what the intervals of two sides rest on, by group, and what that is.

        Raises:
            NoIntervals: there is nothing that they could honestly rest on.
        """
        if base.is_saved:
            raise NoIntervals("the base is a saved summary, without events")
        if not intervals.has_scipy():
            raise NoIntervals(
                "intervals are computed by scipy, which is not installed; "
                "pip install 'micrometric[stats]'"
            )
        if self.pair_by is not None:
            return _pairs(base, other, names, self.pair_by)
        if self.unit is not None:
            sides = [_means_by(side, names, (self.unit,))[self.unit] for side in (base, other)]
            return _unpaired(*sides), f"values of {self.unit}"
        sides_by = [_means_by(side, names, _UNITS) for side in (base, other)]
        for unit in _UNITS:
            if all(_units(side[unit]) > 1 for side in sides_by):
                return _unpaired(*(side[unit] for side in sides_by)), f"{unit}s"
        raise NoIntervals(
            "a side has one run, whose events are not independent of each other; --unit names a "
            "key whose values are, --pair-by pairs events"
        )


class NoIntervals(Exception):  # noqa: N818 - it is a reason, told beside the figures
    """There is nothing that intervals could honestly rest on."""


_Means = dict[Group, dict[Any, float]]
"""Means by group and unit."""


def _means_by(side: Side, names: Sequence[str], units: Sequence[str]) -> dict[str, _Means]:
    """Return the means of a side by each of some units, weighted by their events."""
    extra = [unit for unit in units if unit not in names]
    rows = side.ask([*names, *extra], Figures(("count", "mean")), False)
    found: dict[str, _Means] = {}
    for unit in units:
        sums: dict[Group, dict[Any, tuple[float, int]]] = {}
        for row in rows:
            if row["mean"] is None or row[unit] is None:
                continue
            of_group = sums.setdefault(Group.of(row, names), {})
            total, count = of_group.get(row[unit], (0.0, 0))
            of_group[row[unit]] = total + row["mean"] * row["count"], count + row["count"]
        found[unit] = {
            group: {value: total / count for value, (total, count) in of_group.items()}
            for group, of_group in sums.items()
        }
    return found


def _units(means: _Means) -> int:
    return len({unit for of_group in means.values() for unit in of_group})


def _unpaired(base: _Means, other: _Means) -> dict[Group, Samples]:
    return {
        group: Samples([*base[group].values()], [*other[group].values()], are_pairs=False)
        for group in base.keys() & other.keys()
    }


def _pairs(
    base: Side, other: Side, names: Sequence[str], pair_by: Sequence[str]
) -> tuple[dict[Group, Samples], str]:
    occurrence = list(pair_by) == [OCCURRENCE]
    extra = [] if occurrence else [name for name in pair_by if name not in names]
    figures = Figures(("mean",))

    def of(side: Side) -> _Means:
        means: _Means = {}
        for row in side.ask([*names, *extra], figures, occurrence):
            pair = tuple(row[name] for name in ([OCCURRENCE] if occurrence else extra))
            if row["mean"] is not None and None not in pair:
                means.setdefault(Group.of(row, names), {})[pair] = row["mean"]
        return means

    before, after = of(base), of(other)
    found: dict[Group, Samples] = {}
    alone = 0
    for group in before.keys() & after.keys():
        first, second = before[group], after[group]
        alone += len(first.keys() ^ second.keys())
        both = [pair for pair in first if pair in second]
        found[group] = Samples([], [second[pair] - first[pair] for pair in both], are_pairs=True)
    if alone:
        values = "1 value has" if alone == 1 else f"{alone} values have"
        other.report.note(
            f"{values} no pair in {base.name} and {other.name}, and no part in the intervals"
        )
    return found, f"pairs by {', '.join(pair_by)}"
