"""What a comparison found: a figure of a group in two of the logs, and all of them as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from micrometric.intervals import Interval
from micrometric.limits import Failure
from micrometric.report import Report
from micrometric.tables import html_table, polars_frame, text_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def column_of(key: str) -> str:
    """Return what the column of a key is called: the event's own value is not that of a figure."""
    return "event.value" if key == "value" else key


Effect = Literal["higher", "lower", "unclear"]


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of a group in two of the logs."""

    metric: str
    keys: Mapping[str, Any]
    figure: str
    other: str
    """Name of what is compared with the base."""
    before: float | None
    """The figure in the base; None where there is no such group, or the group has none."""
    after: float | None
    count_before: int
    """Finite numbers in the group."""
    count_after: int
    interval: Interval | None = None
    """Of the difference of the means."""
    units: int = 0
    """Independent values of the smaller side, or pairs."""
    reason: str | None = None
    """Why there is no interval."""

    @property
    def difference(self) -> float | None:
        """After minus before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def ratio(self) -> float | None:
        """After by before, None where that is 0."""
        return self.after / self.before if self.before and self.after is not None else None

    @property
    def effect(self) -> Effect | None:
        """What the interval says, None without one."""
        if self.interval is None:
            return None
        if not self.interval.excludes_zero:
            return "unclear"
        return "higher" if self.interval.low > 0 else "lower"

    def row(self) -> dict[str, Any]:
        """Return all of it as a flat row: the metric, the keys, then the `COLUMNS`."""
        return {
            "metric": self.metric,
            **{column_of(name): held for name, held in self.keys.items()},
            "figure": self.figure,
            "other": self.other,
            "base": self.before,
            "value": self.after,
            "difference": self.difference,
            "ratio": self.ratio,
            "low": None if self.interval is None else self.interval.low,
            "high": None if self.interval is None else self.interval.high,
            "effect": self.effect,
            "units": self.units,
            "reason": self.reason,
            "count_base": self.count_before,
            "count": self.count_after,
        }


COLUMNS = (
    "figure", "other", "base", "value", "difference", "ratio", "low", "high", "effect", "units",
    "reason", "count_base", "count",
)  # fmt: skip
"""Columns of a comparison after the metric and the keys, none of which is called so."""
_SHOWN = ("figure", "other", "base", "value", "difference", "low", "high", "effect")
"""Columns at a prompt, after the metric and the keys; `Comparison.to_pandas` has them all."""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """Figures of several logs beside those of one.

    At a prompt it shows itself as a table, in a notebook as one of HTML.
    """

    by: tuple[str, ...]
    """The keys grouped by; one that is called like a figure or one of the `COLUMNS` is
    `metadata.x` or `dir.x`."""
    base: str
    others: tuple[str, ...]
    rows: list[Compared]
    """By metric, group, other and figure."""
    report: Report
    level: float
    """Confidence of all intervals together."""
    replication: str | None = None
    """What the intervals rest on, None where there are none."""
    intervals: int = 0
    """How many intervals there are."""
    failures: list[Failure] = field(default_factory=list)
    checks: int = 0
    """Groups that were held against a limit."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of the metrics, those that were registered with one."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Compared]:
        return iter(self.rows)

    def __repr__(self) -> str:
        rows = [row.row() for row in self.rows]
        columns = ["metric", *map(column_of, self.by), *_SHOWN]
        return text_table(columns, rows, self.report.sentences())

    def to_pandas(self) -> pd.DataFrame:
        """Return a row for each comparison."""
        import pandas as pd

        return pd.DataFrame([row.row() for row in self.rows])

    def to_polars(self) -> pl.DataFrame:
        """Return a row for each comparison, as a frame of Polars.

        Raises:
            SettingError: Polars is not installed.
        """
        rows = [row.row() for row in self.rows]
        return polars_frame(list(rows[0]) if rows else [], rows)

    def _repr_html_(self) -> str:
        return html_table(self.to_pandas(), self.report.sentences())
