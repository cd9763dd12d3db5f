"""Figures of metrics by group while events come, in constant memory for each group.

What is a number, an observation and a group is the same as in `summary`. Quantiles and the
deviation are left to it; the rate, the last value and recent ones are here instead.
"""

from __future__ import annotations

import bisect
import heapq
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from micrometric.event import LogEvent, finite
from micrometric.figures import key_beside_figures
from micrometric.flat import as_double, observations
from micrometric.keys import Key, names_of, order_of, value_of
from micrometric.spelling import identity, one_number, spelled

RECENT = 16
"""Numbers of a group that are kept."""
GROUPS = 10_000
"""Groups that are kept; the events of further ones are counted together."""
WINDOW = 10.0
"""Seconds over which a rate is taken."""
_LAG = 2.0
"""Seconds after which what a logger held back has arrived, so that silence means no events."""
_BIN = 0.5
_BINS = int(WINDOW / _BIN)
_BESIDE = ("recent", "time")
"""Columns beside those that `summarize` has, too; a snapshot that is printed has its time."""
_LEAST_SPAN = 1.0
"""Seconds that a rate is over at least: two events at once are not millions a second."""


class LiveSummary:
    """Figures by metric and group, brought up to date by `add`. Not safe from several threads.

    Args:
        by: keys to group by, as for `summarize`.
        groups: groups to keep.
        clock: returns the time in seconds since the epoch.

    Raises:
        FilterError: a key is empty.

    Example:
        >>> from datetime import UTC, datetime
        >>> live = LiveSummary()
        >>> live.add(LogEvent(datetime.now(UTC), "density", n / 4, {}, "f") for n in range(3))
        >>> [(row["metric"], row["count"], row["mean"]) for row in live.rows()]
        [('density', 3, 0.25)]
    """

    def __init__(
        self,
        by: str | Sequence[str] = (),
        *,
        groups: int = GROUPS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._names = [name for name in names_of(by) if name != "metric"]
        self.left_out = 0
        """Observations of groups beyond those that are kept."""
        self._limit = groups
        self._clock = clock
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._latest = -math.inf
        self.learn((), {})

    def learn(self, directories: Iterable[str], dims: Mapping[str, tuple[str, ...]]) -> None:
        """Take up what keys mean, for the events that follow.

        Args:
            directories: names of the directory keys there are.
            dims: names of the axes of each metric whose lists hold an observation an element.
        """
        known = set(directories)
        self._keys = [key_beside_figures(name, known, _BESIDE) for name in self._names]
        self.by = tuple(key.name for key in self._keys)
        """The keys grouped by, as they are called in the rows; see `Summary.by`."""
        self._dims = dict(dims)
        axes = {name for names in dims.values() for name in names}
        self._axes: Set[Key] = {k for k in self._keys if k.kind == "metadata" and k.path in axes}

    def add(self, events: Iterable[LogEvent]) -> None:
        """Count events in."""
        now = self._clock()
        for event in events:
            # A clock that is ahead must not count for ever.
            moment = min(event.timestamp.timestamp(), now)
            self._latest = max(self._latest, moment)
            touched: dict[int, _Group] = {}
            axes = self._dims.get(event.metric, ())
            for index, value in observations(event.value, len(axes)):
                at = dict(zip(axes, index, strict=False))
                group = self._group(event, at, value)
                if group is None:
                    self.left_out += 1
                else:
                    group.observe(moment, value)
                    touched[id(group)] = group
            for group in touched.values():
                group.tick(moment, now)

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return `metric`, the keys and the figures of each group, sorted by metric and keys.

        The figures are `count`, `rate`, `last`, `mean`, `min`, `max`, `recent`, `non_finite` and
        `non_numeric`.
        `rate` is events a second: those of the last `WINDOW` seconds by their timestamps, or
        since the first one where that is later. `last` and `recent`, the oldest first, are
        numbers in order of time, finite or not. The others are those of `summarize`.

        Args:
            limit: rows at most: of the groups that are logged now, then of all, those with the
                most events.
        """
        now = self._clock()
        # Loggers hold events back for a moment: that is not silence yet.
        end = min(now, max(self._latest, now - _LAG))
        groups: Iterable[_Group] = self._groups.values()
        if limit is not None and limit < len(self._groups):
            groups = heapq.nlargest(limit, groups, key=lambda group: group.standing(end))
        rows = [self._row(group, end) for group in groups]
        names = ("metric", *self.by)
        return sorted(rows, key=lambda row: [order_of(row[name]) for name in names])

    def __len__(self) -> int:
        return len(self._groups)

    def _group(self, event: LogEvent, at: Mapping[str, int], value: Any) -> _Group | None:
        """Return the group of an observation, None where there are too many."""
        keys = [self._key_value(key, event, at, value) for key in self._keys]
        place = (event.metric, *map(identity, keys))
        group = self._groups.get(place)
        if group is None and len(self._groups) < self._limit:
            group = self._groups[place] = _Group((event.metric, *keys))
        return group

    def _key_value(self, key: Key, event: LogEvent, at: Mapping[str, int], value: Any) -> Any:
        if key in self._axes and key.path in at:
            return at[key.path]
        is_value = key.kind == "field" and key.path == "value"
        found = finite(value if is_value else value_of(key, event, event.directories or {}))
        # Lists and objects cannot be told apart as groups but by their text.
        return spelled(found) if isinstance(found, list | dict) else one_number(found)

    def _row(self, group: _Group, end: float) -> dict[str, Any]:
        row = dict(zip(("metric", *self.by), group.keys, strict=True))
        return row | group.figures(end)


@dataclass(slots=True)
class _Group:
    """What is remembered of one group."""

    keys: tuple[Any, ...]
    """The metric, then the values of the keys."""
    events: int = 0
    first: float = math.inf
    """Time of the first event, in seconds since the epoch."""
    latest: float = -math.inf
    count: int = 0
    non_finite: int = 0
    non_numeric: int = 0
    least: float = math.inf
    most: float = -math.inf
    total: float = 0.0
    lost: float = 0.0
    """What `total` lost by rounding."""
    recent: list[tuple[float, float]] = field(default_factory=list)
    """Time and number of the last observations, by time."""
    bins: dict[int, int] = field(default_factory=dict)
    """Events in each `_BIN` seconds of late, by number since the epoch."""

    def observe(self, moment: float, value: Any) -> None:
        """Count a value in."""
        if not isinstance(value, int | float):
            self.non_numeric += 1
            return
        number = as_double(value)
        bisect.insort(self.recent, (moment, number), key=_moment)
        del self.recent[:-RECENT]
        if not math.isfinite(number):
            self.non_finite += 1
            return
        self.count += 1
        self.least = min(self.least, number)
        self.most = max(self.most, number)
        self._sum(number)

    def _sum(self, number: float) -> None:
        """Add a number without loss, after Neumaier, doi:10.1002/zamm.19740540106."""
        total = self.total + number
        if abs(self.total) >= abs(number):
            self.lost += (self.total - total) + number
        else:
            self.lost += (number - total) + self.total
        self.total = total

    def tick(self, moment: float, now: float) -> None:
        """Count an event at a moment."""
        self.events += 1
        self.first = min(self.first, moment)
        self.latest = max(self.latest, moment)
        oldest = (now - WINDOW - _LAG) // _BIN
        index = int(moment // _BIN)
        if index >= oldest:
            self.bins[index] = self.bins.get(index, 0) + 1
        if len(self.bins) > 2 * _BINS:
            self.bins = {i: events for i, events in self.bins.items() if i >= oldest}

    def standing(self, end: float) -> tuple[bool, int]:
        """Return what sorts groups by how much is logged of them, now and in all."""
        return end - self.latest < WINDOW, self.events

    def figures(self, end: float) -> dict[str, Any]:
        """Return the figures, the rate up to a time."""
        there = self.count > 0
        numbers = [number for _, number in self.recent]
        return {
            "count": self.count,
            "rate": self._rate(end),
            "last": numbers[-1] if numbers else None,
            "mean": self._mean() if there else None,
            "min": self.least if there else None,
            "max": self.most if there else None,
            "recent": numbers,
            "non_finite": self.non_finite,
            "non_numeric": self.non_numeric,
        }

    def _mean(self) -> float:
        total = self.total if math.isinf(self.total) else self.total + self.lost
        return total / self.count

    def _rate(self, end: float) -> float:
        first = int(end // _BIN) - _BINS + 1
        events = sum(count for index, count in self.bins.items() if index >= first)
        if not events:
            return 0.0
        return events / max(end - max(first * _BIN, self.first), _LEAST_SPAN)


def _moment(observed: tuple[float, float]) -> float:
    return observed[0]
