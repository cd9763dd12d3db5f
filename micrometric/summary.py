"""Figures of metrics by group: one definition, computed by a query engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request, filter_expression, request_for
from micrometric.errors import NoDataError, SettingError
from micrometric.filters import Filter
from micrometric.finder import Found, Paths, find
from micrometric.keys import Key, read_key
from micrometric.reader import (
    choose_launch,
    iter_events,
    note_partial,
    read_zone,
    text_metrics_of,
)
from micrometric.report import Report
from micrometric.spec import hint

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
FIGURES = ("count", "mean", "std", "min", *QUANTILES, "max", "non_finite", "non_numeric")
"""Columns of a summary after its keys; all but the counts are over the finite numbers."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures by metric and group."""

    by: tuple[str, ...]
    """The keys grouped by."""
    rows: list[dict[str, Any]]
    """`metric`, the keys, then `FIGURES`: count of finite numbers, mean, sample standard
    deviation, minimum, quantiles by linear interpolation, maximum, and the counts of values that
    are not finite or no numbers. A figure that there is none of is None. Sorted by metric and
    keys; numbers sort as numbers, and before texts."""
    report: Report
    """What was skipped, assumed and noticed."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["metric", *self.by, *FIGURES])


def summarize(
    paths: Paths,
    by: str | Sequence[str] = "location",
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    engine: str = "duckdb",
) -> Summary:
    """Return the figures of each metric in each group.

    Args:
        paths: files, directories (recursive), globs or `-`; one or several.
        by: keys to group by, as a sequence or separated by commas: fields, origin, directory and
            metadata keys, time buckets such as `1m`, or `value` to count values.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        engine: the query engine; `duckdb` is the one there is.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter or key cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such engine or time zone.
        NoDataError: there is no such launch, or no event has one of the keys.
    """
    if engine != "duckdb":
        raise SettingError(f"no query engine is called {engine!r}; expected 'duckdb'")
    zone = read_zone(assume_tz)
    names = [name.strip() for name in by.split(",")] if isinstance(by, str) else list(by)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    report = Report()
    found = choose_launch(find(paths), launch, report)
    directories = found.directory_keys()
    keys = [read_key(name, directories) for name in dict.fromkeys(names) if name != "metric"]
    wanted = wanted.bound_to(directories)
    rows = _rows(found, keys, wanted, zone, report)
    note_partial(found, report)
    summary = Summary(tuple(key.name for key in keys), rows, report)
    # A condition on a key that no event has leaves nothing over.
    _refuse_unknown(summary, [*keys, *(() if rows else wanted.keys.values())], found)
    return summary


@dataclass(frozen=True, slots=True)
class Seen:
    """What the events tell of a metric."""

    events: int
    last: datetime
    """Time of the last event, in UTC."""


def survey(found: Found, wanted: Filter, zone: tzinfo | None, report: Report) -> dict[str, Seen]:
    """Return how many wanted events of each metric there are, and when the last one was."""
    import narwhals as nw

    wanted = wanted.bound_to(found.directory_keys())
    request = replace(request_for((), wanted), uses_time=True)

    def counts(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        condition = filter_expression(wanted, request)
        if condition is not None:
            frame = frame.filter(condition | nw.col("suspect"))
        return frame.group_by("metric").agg(
            nw.len().alias("events"), nw.col("timestamp").max().alias("last"), _suspects()
        )

    rows = _computed(found, request, counts, {}, zone, report)
    return {row["metric"]: Seen(row["events"], row["last"].replace(tzinfo=UTC)) for row in rows}


def _rows(
    found: Found, keys: list[Key], wanted: Filter, zone: tzinfo | None, report: Report
) -> list[dict[str, Any]]:
    request = request_for(keys, wanted)
    dims = {name: metric.dims for name, metric in found.metrics().items() if metric.dims}

    def build(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        return figures(frame, request, wanted)

    computed = _computed(found, request, build, dims, zone, report)
    rows = [_row(row, keys, request) for row in computed]
    return sorted(rows, key=lambda row: [order_of(row[name]) for name in _names(keys)])


def _computed(
    found: Found,
    request: Request,
    build: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
    dims: dict[str, tuple[str, ...]],
    zone: tzinfo | None,
    report: Report,
) -> list[dict[str, Any]]:
    """Return the rows of a frame once no line in it is in doubt any more."""
    from micrometric.engines.duckdb_engine import DuckDBEngine

    if not found.segments:
        return []
    with DuckDBEngine(
        found.segments,
        dims=dims,
        text_metrics=text_metrics_of(found),
        zone=zone,
        report=report,
    ) as engine:
        rows = engine.collect(build(engine.load(request)))
        while rows is None or any(row["suspects"] for row in rows):
            if rows is not None:
                engine.mend_suspects(request)
            rows = engine.collect(build(engine.load(request)))
    return rows


def figures(frame: nw.LazyFrame[Any], request: Request, wanted: Filter) -> nw.LazyFrame[Any]:
    """Return the figures of the wanted events of a frame, by metric and the keys of a request."""
    import narwhals as nw

    condition = filter_expression(wanted, request)
    if condition is not None:
        frame = frame.filter(condition | nw.col("suspect"))
    value = nw.col("value")
    frame = frame.with_columns(finite=nw.when(value.is_finite()).then(value))
    finite = nw.col("finite")
    keys = dict.fromkeys(("metric", *(request.text_column(key) for key in request.groups)))
    return frame.group_by(*keys).agg(
        finite.count().alias("count"),
        finite.mean().alias("mean"),
        finite.std().alias("std"),
        finite.min().alias("min"),
        *(
            finite.quantile(share, interpolation="linear").alias(name)
            for name, share in QUANTILES.items()
        ),
        finite.max().alias("max"),
        value.count().alias("numeric"),
        nw.len().alias("all"),
        _suspects(),
    )


def _suspects() -> nw.Expr:
    import narwhals as nw

    return nw.col("suspect").cast(nw.Int64).sum().alias("suspects")


def _row(computed: dict[str, Any], keys: list[Key], request: Request) -> dict[str, Any]:
    row = {"metric": computed["metric"]}
    row.update((key.name, _decoded(computed[request.text_column(key)], key)) for key in keys)
    for name in FIGURES[:-2]:
        row[name] = computed[name]
    row["non_finite"] = computed["numeric"] - computed["count"]
    row["non_numeric"] = computed["all"] - computed["numeric"]
    return row


def _decoded(text: Any, key: Key) -> Any:
    if text is None:
        return None
    if key.kind == "bucket":
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=text)
    if key.path == "timestamp" and key.kind == "field":
        return text.replace(tzinfo=UTC)
    if key.kind in ("metadata", "directory") or (key.kind == "field" and key.path == "value"):
        import json  # lenient: other writers leave bare NaN in metadata

        decoded = json.loads(text)
        # Lists and objects cannot be told apart as groups but by their text.
        return text if isinstance(decoded, list | dict) else decoded
    return text


def _names(keys: list[Key]) -> list[str]:
    return ["metric", *(key.name for key in keys)]


def order_of(value: Any) -> tuple[int, float, str]:
    """Return what sorts values of a key: numbers as numbers, then texts, then what is missing."""
    if value is None:
        return 3, 0.0, ""
    if isinstance(value, datetime):
        return 1, value.timestamp(), ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0.0, str(value)


def _refuse_unknown(summary: Summary, keys: list[Key], found: Found) -> None:
    """Tell a key that no event has from one that is merely missing here and there."""
    suspects = [
        key
        for key in keys
        if key.kind in ("metadata", "directory")
        and all(row.get(key.name) is None for row in summary.rows)
    ]
    if not suspects:
        return
    known = known_keys(found)
    for key in suspects:
        if key.path.split(".")[0] not in known and key.path not in known:
            raise NoDataError(f"no event has the key {key.name!r}{hint(key.path, known)}")


def known_keys(found: Found) -> set[str]:
    """Return the directory keys, dims and metadata keys that occur."""
    keys = found.directory_keys()
    for metric in found.metrics().values():
        keys.update(metric.dims)
    for event in iter_events([segment.path for segment in found.segments]):
        keys.update(event.metadata)
    return keys
