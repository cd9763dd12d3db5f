"""Bins along a number that events have, computed where the events are read.

Where the bins lie depends on all events, and so does what is in them. So the number of each event
is kept by the engine: a picture of a million events costs one reading of them, and no more rows
come back than are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from micrometric.keys import Key

if TYPE_CHECKING:
    import narwhals as nw

PLACES = ("bin", "at", "at_low", "at_high", "low", "high", "events", "groups")
"""What a row has beside its figures.

`bin` counts from 0 and is None for events that have no such number; `at` is the mean of the
numbers in the bin, `at_low` and `at_high` are the least and the greatest; `low` and `high` those
of the metric; `events` how many are in the bin, and `groups` how many groups the metric has.
"""


@dataclass(frozen=True, slots=True)
class Along:
    """Bins of equal width, from the least number of a metric to the greatest."""

    of: Key | Literal["value", "time", "occurrence"]
    """The number; times are microseconds since 1970 UTC."""
    bins: int
    groups: int
    """Groups of a metric to return: those with the most events."""
    log: bool = False
    """Whether bins are of equal width in the logarithm; numbers up to 0 have none then."""

    def number(self, column: str) -> nw.Expr:
        """Return the number as an expression.

        Args:
            column: with the number of a key.
        """
        import narwhals as nw

        if self.of == "time":
            elapsed = nw.col("timestamp") - nw.lit(datetime(1970, 1, 1))
            return elapsed.dt.total_microseconds().cast(nw.Float64)
        name = {"value": "value", "occurrence": "occurrence"}.get(str(self.of), column)
        return nw.col(name).cast(nw.Float64)

    def numbered(self, frame: nw.LazyFrame[Any], number: nw.Expr) -> nw.LazyFrame[Any]:
        """Add the number of each row, null where it has no place in a bin."""
        import narwhals as nw

        fits = number.is_finite() & (number > 0) if self.log else number.is_finite()
        return frame.with_columns(number=nw.when(fits).then(number))

    def placed(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Add the range of the numbers of its metric to each row, and its bin."""
        import narwhals as nw

        # Joined, not windowed: a window would sort all rows.
        bounds = frame.group_by("metric").agg(
            nw.col("number").min().alias("low"), nw.col("number").max().alias("high")
        )
        frame = frame.join(bounds, on="metric", how="left")
        place, low, high = (
            # Halves: the distance of the largest doubles is beyond a double.
            nw.col(name).log(10) if self.log else nw.col(name) / 2
            for name in ("number", "low", "high")
        )
        share = (
            nw.when(nw.col("high") > nw.col("low"))
            .then((place - low) / (high - low))
            .otherwise(nw.lit(0.0))
        )
        index = (share * self.bins).floor()
        last = float(self.bins - 1)
        index = nw.when(index > last).then(nw.lit(last)).otherwise(index).cast(nw.Int64)
        return frame.with_columns(bin=nw.when(~nw.col("number").is_null()).then(index))

    def aggregates(self) -> list[nw.Expr]:
        """Return what tells of the numbers in a bin."""
        import narwhals as nw

        number = nw.col("number")
        return [
            number.mean().alias("at"),
            number.min().alias("at_low"),
            number.max().alias("at_high"),
            nw.col("low").min().alias("low"),
            nw.col("high").max().alias("high"),
            nw.len().alias("events"),
        ]

    def largest(self, frame: nw.LazyFrame[Any], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """Keep the groups of each metric that have the most events.

        Args:
            frame: a row for each bin of each group.
            columns: the metric, then the keys.
        """
        import narwhals as nw

        weighed = frame.with_columns(
            weight=-nw.col("events").cast(nw.Int64).sum().over(*columns),
            # Lines that are in doubt are to be seen in groups that are left out, too.
            suspects=nw.col("suspects").sum().over("metric"),
            entry=nw.col("bin").fill_null(-1),
        )
        weighed = weighed.with_columns(entry_of_group=nw.col("entry").min().over(*columns))
        is_first = nw.when(nw.col("entry") == nw.col("entry_of_group")).then(1).otherwise(0)
        order = ["weight", *columns[1:], "entry"]
        placed = weighed.with_columns(starts=is_first).with_columns(
            place=nw.col("starts").cum_sum().over("metric", order_by=order)
        )
        placed = placed.with_columns(groups=nw.col("place").max().over("metric"))
        return placed.filter(nw.col("place") <= self.groups)
