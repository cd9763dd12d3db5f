"""Events as frames: of pandas, of Polars, or as a relation of DuckDB."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

from micrometric.engines import check_engine
from micrometric.errors import SettingError
from micrometric.event import LogEvent
from micrometric.flat import FIXED, Flat, as_double, under
from micrometric.given import Paths
from micrometric.reader import iter_events
from micrometric.report import Report
from micrometric.spec import hint
from micrometric.temporary import temporary_directory

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl

FRAMES = ("pandas", "polars", "duckdb")
"""Whose frames `read` makes."""


class Wanted(TypedDict, total=False):
    """Which events are read, and how; see `read`."""

    metrics: str | Iterable[str] | None
    location: str | None
    where: str | None
    since: str | datetime | None
    until: str | datetime | None
    launch: str | None
    assume_tz: str | tzinfo | None
    report: Report | None


@overload
def read(
    paths: Paths,
    *,
    metadata_column: bool = False,
    engine: Literal["pandas"] = "pandas",
    **wanted: Unpack[Wanted],
) -> pd.DataFrame: ...
@overload
def read(paths: Paths, *, engine: Literal["polars"], **wanted: Unpack[Wanted]) -> pl.DataFrame: ...
@overload
def read(
    paths: Paths, *, engine: Literal["duckdb"], **wanted: Unpack[Wanted]
) -> duckdb.DuckDBPyRelation: ...
def read(
    paths: Paths,
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    metadata_column: bool = False,
    engine: str = "pandas",
    report: Report | None = None,
) -> Any:
    """Return the events of some logs as a frame, a row each, in the order they were logged.

    Args:
        paths: files, directories (recursive), globs, URLs of these or `-`; one or several.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        metadata_column: keep metadata as one column of dicts instead of a column for each key;
            for pandas alone.
        engine: whose frame it is: `pandas`, `polars`, or `duckdb` for a relation.
        report: receives what was skipped, assumed, sampled and capped.

    Returns:
        Columns `timestamp` (UTC, microseconds), `metric`, `value` (float64 where all values are
        numbers), `location`, `run`, `session`, `rank`, `launch`, then a column for each
        `name=value` key of the paths and each metadata key, called `dir.x` or `metadata.x` where
        `x` is taken. In pandas, `.attrs` holds `skipped`, the number of lines that are no events,
        and `notes`, sentences about what was assumed, sampled or capped. In the others a column
        has one type: `value` is a double, what is no number stands as JSON in a further column
        `text`, and keys of several kinds are texts of JSON.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there are no such frames, or their package is not installed.
        NoDataError: there is no such launch.
    """
    _check_frames(engine, metadata_column=metadata_column)
    report = Report() if report is None else report
    events = list(
        iter_events(
            paths,
            metrics=metrics,
            location=location,
            where=where,
            since=since,
            until=until,
            launch=launch,
            assume_tz=assume_tz,
            report=report,
        )
    )
    if engine == "pandas":
        return _pandas_frame(events, report, metadata_column=metadata_column)
    return _typed_frame(events, engine)


def _typed_frame(events: list[LogEvent], engine: str) -> Any:
    """Return a frame whose columns have a type each: what an export to Parquet is."""
    from micrometric.exports import Events
    from micrometric.sinks import write_parquet

    with temporary_directory() as folder:
        path = folder / "events.parquet"
        write_parquet(path, Events(lambda: iter(events)))
        if engine == "polars":
            import polars as pl

            return pl.read_parquet(path, memory_map=False)
        import duckdb

        from micrometric.parquet import CONFIG

        connection = duckdb.connect(config=CONFIG)
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        connection.execute("CREATE TABLE events AS SELECT * FROM read_parquet(?)", [str(path)])
        return connection.table("events")


def _check_frames(engine: str, *, metadata_column: bool) -> None:
    if engine == "spark":
        raise SettingError(
            "read makes no frames of Spark; summarize(engine='spark') computes there, and "
            "spark.read.parquet reads what `micrometric compact` writes"
        )
    if engine not in FRAMES:
        raise SettingError(f"no frames are called {engine!r}{hint(engine, FRAMES)}")
    if metadata_column and engine != "pandas":
        raise SettingError("metadata as a column of dicts is for pandas alone")
    check_engine(engine)


def _pandas_frame(events: list[LogEvent], report: Report, *, metadata_column: bool) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {name: [getattr(event, name) for event in events] for name in FIXED}
    columns["timestamp"] = pd.Series(columns["timestamp"], dtype="datetime64[us, UTC]")
    columns["value"] = _values(columns["value"])
    columns["rank"] = pd.array(columns["rank"], dtype="Int64")
    flat = Flat()
    flat.learn(events)
    for name, source in flat.names().items():
        if not (metadata_column and source[0] == "metadata"):
            columns[name] = [under(event, *source) for event in events]
    if metadata_column:
        columns["metadata"] = [event.metadata for event in events]
    frame = pd.DataFrame(columns)
    frame.attrs["skipped"] = report.skipped
    frame.attrs["notes"] = report.sentences()
    return frame


def _values(values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    numeric = all(isinstance(value, bool | int | float) for value in values)
    kind = "float64" if numeric else "object"
    return pd.Series([as_double(value) for value in values] if numeric else values, dtype=kind)
