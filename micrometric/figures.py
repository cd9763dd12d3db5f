"""The figures of a summary: their names, and one definition of each that every engine runs.

All but the counts are over the finite numbers of a group. Definitions are narwhals expressions
over the columns that `micrometric.columns` describes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from micrometric.errors import SettingError
from micrometric.keys import Key, read_key
from micrometric.spec import hint

if TYPE_CHECKING:
    import narwhals as nw

DEFAULT_FIGURES = (
    "count", "mean", "std", "min", "p50", "p95", "p99", "max", "non_finite", "non_numeric",
)  # fmt: skip
"""Columns of a summary after its keys, unless told."""
MEANINGS = {
    "count": "how many finite numbers there are",
    "mean": "their mean",
    "std": "their sample standard deviation",
    "min": "the least",
    "max": "the greatest",
    "sum": "their sum",
    "median": "half of them are not above it; the same as p50",
    "p95": "a percentile, by linear interpolation; any from p0 to p100, such as p99.9",
    "first": "the first by time; of several at one time the greatest",
    "last": "the last by time; of several at one time the greatest",
    "rate": "events a second, from the first event of the group to the last",
    "non_finite": "how many values are NaN or infinite",
    "non_numeric": "how many values are no number",
}
COUNTS = frozenset({"count", "non_finite", "non_numeric"})
"""Figures that are whole numbers and there for every group."""
_PERCENTILE = re.compile(r"p(100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]{1,9})?)")
_PREFIXES = {"metadata": "metadata", "directory": "dir"}
_TIMED = frozenset({"first", "last", "rate"})


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that are asked for, in order."""

    names: tuple[str, ...] = DEFAULT_FIGURES

    @classmethod
    def read(cls, names: str | Iterable[str] | None) -> Figures:
        """Read names of figures, as a sequence or separated by commas; None is the usual ones.

        Raises:
            SettingError: there is no such figure.
        """
        if names is None:
            return cls()
        split = names.split(",") if isinstance(names, str) else names
        wanted = [name.strip() for name in split]
        for name in wanted:
            if not is_figure(name):
                known = hint(name, MEANINGS)
                raise SettingError(
                    f"no figure is called {name!r} (percentiles are p0 to p100){known}"
                )
        return cls(tuple(dict.fromkeys(wanted)))

    @property
    def uses_time(self) -> bool:
        """Whether one depends on when events were logged."""
        return not _TIMED.isdisjoint(self.names)

    def of(
        self, frame: nw.LazyFrame[Any], keys: Sequence[str], further: Sequence[nw.Expr] = ()
    ) -> nw.LazyFrame[Any]:
        """Return the figures of a frame by some of its columns, before `finish`.

        Args:
            frame: columns `value`, a double or null, `timestamp`, and `suspect`.
            keys: columns to group by.
            further: what else to compute of each group.
        """
        import narwhals as nw

        value = nw.col("value")
        frame = frame.with_columns(finite=nw.when(value.is_finite()).then(value))
        if "first" in self.names or "last" in self.names:
            frame = _with_ends(frame, keys)
        aggregates = [
            nw.col("finite").count().alias("count"),
            value.count().alias("numeric"),
            nw.len().alias("all"),
            suspects(),
            *(expression for name in self.names if (expression := _expression(name)) is not None),
            *further,
        ]
        if "rate" in self.names:
            aggregates += [
                nw.col("timestamp").min().alias("begin"),
                nw.col("timestamp").max().alias("end"),
            ]
        return frame.group_by(*keys).agg(*aggregates)

    def finish(self, computed: dict[str, Any]) -> dict[str, Any]:
        """Return the figures of a computed row by name; None is one that there is none of."""
        return {name: _finished(name, computed) for name in self.names}


def _finished(name: str, computed: dict[str, Any]) -> Any:
    match name:
        case "non_finite":
            return computed["numeric"] - computed["count"]
        case "non_numeric":
            return computed["all"] - computed["numeric"]
        case "rate":
            return _rate(computed["all"], computed["begin"], computed["end"])
        case "sum" if not computed["count"]:
            return None  # An empty sum is 0 to some engines and nothing to others.
    return computed[_column(name)]


def _column(name: str) -> str:
    """Return what a figure is called while it is computed: to Spark a dot reaches inside."""
    return name.replace(".", "_")


def is_figure(name: str) -> bool:
    """Say whether a figure is called so."""
    return name in MEANINGS or _PERCENTILE.fullmatch(name) is not None


def key_beside_figures(
    name: str, directories: Collection[str], beside: Collection[str] = ()
) -> Key:
    """Return what a name means, called so that it can stand in a row beside figures.

    A metadata key or one of directories that is called like a figure, whichever are asked for, is
    called `metadata.x` or `dir.x`, and so is one that is called like another column.

    Args:
        name: see `read_key`.
        directories: see `read_key`.
        beside: names of further columns.

    Raises:
        FilterError: the name is empty.
    """
    key = read_key(name, directories)
    if key.kind in _PREFIXES and (is_figure(key.name) or key.name in beside):
        return replace(key, name=f"{_PREFIXES[key.kind]}.{key.path}")
    return key


def is_quantile(name: str) -> bool:
    """Say whether a figure is a quantile, which a sketch may approximate."""
    return name == "median" or _PERCENTILE.fullmatch(name) is not None


def suspects() -> nw.Expr:
    """Return whether a row may be no event."""
    import narwhals as nw

    return nw.col("suspect").any().alias("suspects")


def _expression(name: str) -> nw.Expr | None:
    """Return the definition of a figure, None where it follows from counts and times."""
    import narwhals as nw

    finite = nw.col("finite")
    if percentile := _PERCENTILE.fullmatch("p50" if name == "median" else name):
        share = float(percentile[1]) / 100
        return finite.quantile(share, interpolation="linear").alias(_column(name))
    match name:
        case "mean":
            return finite.mean().alias(name)
        case "std":
            return finite.std().alias(name)
        case "min":
            return finite.min().alias(name)
        case "max":
            return finite.max().alias(name)
        case "sum":
            return finite.sum().alias(name)
        case "first" | "last":
            return nw.col(f"at_{name}").max().alias(name)
    return None


def _with_ends(frame: nw.LazyFrame[Any], keys: Sequence[str]) -> nw.LazyFrame[Any]:
    """Add the finite numbers at the first and the last moment of each group that has any."""
    import narwhals as nw

    moment, finite = nw.col("moment"), nw.col("finite")
    frame = frame.with_columns(moment=nw.when(~finite.is_null()).then(nw.col("timestamp")))
    frame = frame.with_columns(
        first_moment=moment.min().over(*keys), last_moment=moment.max().over(*keys)
    )
    # Columns of their own: pandas is fast and sure only where an aggregate is of a mere column.
    return frame.with_columns(
        at_first=nw.when(moment == nw.col("first_moment")).then(finite),
        at_last=nw.when(moment == nw.col("last_moment")).then(finite),
    )


def _rate(events: int, begin: datetime, end: datetime) -> float | None:
    seconds = (end - begin).total_seconds()
    return (events - 1) / seconds if seconds else None
