"""Figures of metrics by group: one definition, computed by a query engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from micrometric.engines import SKETCHES
from micrometric.errors import SettingError
from micrometric.figures import DEFAULT_FIGURES, Figures
from micrometric.given import Paths
from micrometric.limits import Failure, Limit, check, figures_for, read_limits
from micrometric.query import Query
from micrometric.report import Report
from micrometric.tables import html_table, polars_frame, text_table
from micrometric.unknown_keys import refuse_unknown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


TOTAL = "total"
"""Column of a summary that was printed: tells whether a row is over all groups."""


@dataclass(frozen=True, slots=True, repr=False)
class Summary:
    """Figures by metric and group.

    At a prompt it shows itself as a table, in a notebook as one of HTML.
    """

    by: tuple[str, ...]
    """The keys grouped by, as they are called in the rows: one that is called like a figure is
    `metadata.x` or `dir.x` there."""
    rows: list[dict[str, Any]]
    """`metric`, the keys, then the figures; see `micrometric.figures`. A figure that there is none
    of is None. Sorted by metric and keys; numbers sort as numbers, and before texts."""
    report: Report
    """What was skipped, assumed and noticed."""
    figures: tuple[str, ...] = DEFAULT_FIGURES
    """Names of the figures."""
    failures: list[Failure] = field(default_factory=list)
    """What broke a limit."""
    checks: int = 0
    """Groups that were held against a limit."""
    totals: list[dict[str, Any]] = field(default_factory=list)
    """Where asked for, a row for each metric over all its events, with None for the keys."""
    approximate: bool = False
    """Whether quantiles are by a sketch of the values."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of the metrics, those that were registered with one."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __repr__(self) -> str:
        columns = ["metric", *self.by, *self.figures]
        return text_table(columns, self.rows, self.report.sentences())

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["metric", *self.by, *self.figures])

    def to_polars(self) -> pl.DataFrame:
        """Return the rows as a frame of Polars; a key of several kinds as texts.

        Raises:
            SettingError: Polars is not installed.
        """
        return polars_frame(["metric", *self.by, *self.figures], self.rows)

    def _repr_html_(self) -> str:
        return html_table(self.to_pandas(), self.report.sentences())


def summarize(
    paths: Paths,
    by: str | Sequence[str] = "location",
    *,
    stats: str | Iterable[str] | None = None,
    explode: str | Iterable[str] = (),
    totals: bool = False,
    fail_if: str | Sequence[str] = (),
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    engine: str = "duckdb",
    master: str | None = None,
    memory_limit: str | None = None,
    approximate: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Summary:
    """Return the figures of each metric in each group.

    Args:
        paths: files, directories (recursive), globs, URLs of these or `-`; one or several.
        by: keys to group by, as a sequence or separated by commas: fields, origin, directory and
            metadata keys, time buckets such as `1m`, or `value` to count values.
        stats: names of figures, as a sequence or separated by commas; see `micrometric.figures`.
        explode: names for the axes of lists in metrics without `dims`, whose elements then count
            as values one by one; each name is a key that holds the index.
        totals: whether to add a row for each metric over all its events.
        fail_if: limits that no group may break, see `micrometric.limits`.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        engine: the query engine: `duckdb`, `pandas`, `polars` or `spark`.
        master: the URL of the cluster for `spark`; by default all cores of this machine.
        memory_limit: what the engine may use, such as `500MB`; beyond that it uses the disk.
        approximate: whether quantiles are by a sketch of the values, in less memory, where the
            engine has one: `duckdb` and `spark`.
        progress: called now and then with the share that is done, from 0 to 1.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter, key or limit cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such engine here, no such figure, time zone or amount of memory.
        NoDataError: there is no such launch, or no event has one of the keys.
    """
    figures = Figures.read(stats)
    limits = _limits(fail_if)
    query = Query.open(
        paths,
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
        explode=explode,
        memory_limit=memory_limit,
        approximate=approximate,
        progress=progress,
        engine=engine,
        master=master,
    )
    keys = query.keys(by, (TOTAL,))
    names = tuple(key.name for key in keys)
    rows = query.rows(keys, Figures(tuple(dict.fromkeys([*figures.names, *figures_for(limits)]))))
    refuse_unknown(query, keys, rows)
    groups = [({name: row[name] for name in names}, row["metric"], row, None) for row in rows]
    checked = check(limits, groups)
    told = ("metric", *names, *figures.names)
    return Summary(
        names,
        [{name: row[name] for name in told} for row in rows] if limits else rows,
        query.report,
        figures.names,
        checked.failures,
        checked.groups,
        query.rows([], figures) if totals else [],
        approximate and engine in SKETCHES,
        query.units(),
    )


def _limits(texts: str | Sequence[str]) -> list[Limit]:
    limits = read_limits(texts)
    for limit in limits:
        if limit.uses_base:
            raise SettingError(f"limit {limit.text!r} asks for a base, which only compare has")
    return limits
