"""A picture in the making: what is asked, the logs it is asked of, and what must be said below."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from micrometric.bins import PLACES
from micrometric.errors import NoDataError
from micrometric.event import LogEvent
from micrometric.keys import Key, order_of
from micrometric.pictures import Panel, Picture, quantity
from micrometric.printable import printable
from micrometric.query import Query
from micrometric.registry import Metric

MOST_PANELS = 12
"""Panels in a picture."""
_LONGEST_NAME = 48

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a picture; see `micrometric.plots.plot`."""

    x: str | None
    y: str | None
    by: tuple[str, ...]
    rows: str | None
    cols: str | None
    stat: str
    pair_by: tuple[str, ...] | None
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]
    smooth: float
    log_x: bool
    log_y: bool
    top: int | None


@dataclass(slots=True)
class Draft:
    """What a kind of picture is made from."""

    query: Query
    asked: Asked
    peek: Callable[[], Iterable[LogEvent]]
    """Returns the first events that are wanted."""
    why_empty: Callable[[], str]
    """Returns why there are none."""
    caption: list[str] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        """Add a sentence to the caption, once."""
        if sentence not in self.caption:
            self.caption.append(sentence)

    def tell_shown(self, shown: int, there: int, what: str) -> None:
        """Say how many are shown of what there is, where not all are."""
        if shown < there:
            self.say(f"{shown} of {there:,} {what} shown, those with the most events")

    def top(self, usual: int) -> int:
        """Return how many groups are shown in a panel."""
        return usual if self.asked.top is None else min(usual, self.asked.top)

    def keys(self, names: str | Iterable[str]) -> list[Key]:
        """Return what names of keys mean, called so that they can stand in any row."""
        return self.query.keys(names, (*PLACES, "whole"))

    def metric(self, name: str) -> Metric | None:
        """Return what is registered under a name."""
        return self.query.found.metrics().get(name)

    def label(self, metric: str) -> str:
        """Return the label of an axis of a metric."""
        registered = self.metric(metric)
        unit = None if registered is None else registered.unit
        return quantity(printable(metric), unit and printable(unit))

    def by_metric(self, rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of each metric that has finite numbers, and tell of what is none.

        Raises:
            NoDataError: no metric has a finite number.
        """
        found = False
        kept = list(rows)
        if not kept:
            raise NoDataError(self.why_empty())
        for metric, group in itertools.groupby(kept, key=lambda row: row["metric"]):
            of_metric = list(group)
            self._tell_left_out(metric, of_metric)
            if any(row["count"] for row in of_metric):
                found = True
                yield metric, of_metric
        if not found:
            raise NoDataError(f"there is no finite number to plot: {'; '.join(self.caption)}")

    def picture(self, kind: str, title: str, panels: Sequence[Panel], **further: Any) -> Picture:
        """Return the picture, of as many panels as can be looked at."""
        if len(panels) > MOST_PANELS:
            self.say(f"{MOST_PANELS} of {len(panels):,} panels shown; choose with metrics or where")
        return Picture(
            kind,
            title,
            tuple(panels[:MOST_PANELS]),
            tuple(self.caption),
            report=self.query.report,
            **further,
        )

    def _tell_left_out(self, metric: str, rows: list[Row]) -> None:
        odd = [
            f"{count:,} {text}"
            for count, text in (
                (sum(row["non_finite"] for row in rows), "NaN or infinite"),
                (sum(row["non_numeric"] for row in rows), "no numbers"),
            )
            if count
        ]
        if odd:
            self.say(f"of {printable(metric)}, not drawn: {' and '.join(odd)}")


def largest(rows: Sequence[Row], most: int) -> list[Row]:
    """Return the rows that have the most numbers, in the order they have."""
    chosen = sorted(range(len(rows)), key=lambda index: -rows[index]["count"])[:most]
    return [rows[index] for index in sorted(chosen)]


def group_name(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return what a group is called: its keys and their values, safe to show."""
    return ", ".join(f"{printable(name)}={value_text(row[name])}" for name in names)


def value_text(value: object) -> str:
    """Return the value of a key, safe to show; the middle of a long one gives way."""
    if value is None:
        return "-"
    text = printable(
        f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime)
        else str(value).lower() if isinstance(value, bool)
        else f"{value:g}" if isinstance(value, float) else str(value)
    )  # fmt: skip
    half = _LONGEST_NAME // 2
    return text if len(text) <= _LONGEST_NAME else f"{text[:half]}…{text[-half:]}"


def counted(number: int, word: str) -> str:
    """Return how many there are, such as `2 events`."""
    return f"{number:,} {word}{'s' * (number != 1)}"


def ordered(values: Iterable[Any]) -> list[Any]:
    """Return values of a key, each once, in their order."""
    return sorted(dict.fromkeys(values), key=order_of)
