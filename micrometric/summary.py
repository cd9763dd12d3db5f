"""Figures of metrics by group: one definition, computed by a query engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request, filter_expression, request_for
from micrometric.errors import NoDataError, SettingError
from micrometric.figures import DEFAULT_FIGURES, Figures, suspects
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


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures by metric and group."""

    by: tuple[str, ...]
    """The keys grouped by."""
    rows: list[dict[str, Any]]
    """`metric`, the keys, then the figures; see `micrometric.figures`. A figure that there is none
    of is None. Sorted by metric and keys; numbers sort as numbers, and before texts."""
    report: Report
    """What was skipped, assumed and noticed."""
    figures: tuple[str, ...] = DEFAULT_FIGURES
    """Names of the figures."""
    totals: list[dict[str, Any]] = field(default_factory=list)
    """Where asked for, a row for each metric over all its events, with None for the keys."""

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        import pandas as pd

        return pd.DataFrame(self.rows, columns=["metric", *self.by, *self.figures])

    def _repr_html_(self) -> str:
        return self.to_pandas().to_html(index=False, na_rep="")


def summarize(
    paths: Paths,
    by: str | Sequence[str] = "location",
    *,
    stats: str | Iterable[str] | None = None,
    explode: str | Iterable[str] = (),
    totals: bool = False,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    engine: str = "duckdb",
    memory_limit: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Summary:
    """Return the figures of each metric in each group.

    Args:
        paths: files, directories (recursive), globs or `-`; one or several.
        by: keys to group by, as a sequence or separated by commas: fields, origin, directory and
            metadata keys, time buckets such as `1m`, or `value` to count values.
        stats: names of figures, as a sequence or separated by commas; see `micrometric.figures`.
        explode: names for the axes of lists in metrics without `dims`, whose elements then count
            as values one by one; each name is a key that holds the index.
        totals: whether to add a row for each metric over all its events.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        engine: the query engine; `duckdb` is the one there is.
        memory_limit: what the engine may use, such as `500MB`; beyond that it uses the disk.
        progress: called now and then with the share that is done, from 0 to 1.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter or key cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such engine, figure, time zone or amount of memory.
        NoDataError: there is no such launch, or no event has one of the keys.
    """
    if engine != "duckdb":
        raise SettingError(f"no query engine is called {engine!r}; expected 'duckdb'")
    zone = read_zone(assume_tz)
    figures = Figures.read(stats)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    report = Report()
    found = choose_launch(find(paths), launch, report)
    directories = found.directory_keys()
    keys = [read_key(name, directories) for name in names_of(by) if name != "metric"]
    wanted = wanted.bound_to(directories)
    axes = tuple(names_of(explode))
    how = _How(zone, axes, memory_limit, progress)
    rows = _rows(found, keys, wanted, figures, how, report)
    total = _rows(found, [], wanted, figures, how, Report()) if totals else []
    note_partial(found, report)
    _note_mixed_keys(keys, rows, report)
    summary = Summary(tuple(key.name for key in keys), rows, report, figures.names, total)
    # A condition on a key that no event has leaves nothing over.
    _refuse_unknown(summary, [*keys, *(() if rows else wanted.keys.values())], found)
    return summary


def names_of(names: str | Iterable[str]) -> list[str]:
    """Return names as a sequence, each once, from one or from a text with commas."""
    split = names.split(",") if isinstance(names, str) else names
    return list(dict.fromkeys(name.strip() for name in split))


@dataclass(frozen=True, slots=True)
class _How:
    """How an engine works."""

    zone: tzinfo | None
    explode: tuple[str, ...] = ()
    memory_limit: str | None = None
    progress: Callable[[float], None] | None = None


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
            nw.len().alias("events"), nw.col("timestamp").max().alias("last"), suspects()
        )

    rows = _computed(found, request, counts, {}, _How(zone), report)
    return {row["metric"]: Seen(row["events"], row["last"].replace(tzinfo=UTC)) for row in rows}


def _rows(
    found: Found, keys: list[Key], wanted: Filter, figures: Figures, how: _How, report: Report
) -> list[dict[str, Any]]:
    request = request_for(keys, wanted)
    request = replace(request, uses_time=request.uses_time or figures.uses_time)
    dims = {name: metric.dims for name, metric in found.metrics().items() if metric.dims}
    columns = list(dict.fromkeys(("metric", *(request.text_column(key) for key in keys))))

    def build(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        import narwhals as nw

        condition = filter_expression(wanted, request)
        if condition is not None:
            frame = frame.filter(condition | nw.col("suspect"))
        return figures.of(frame, columns)

    computed = _computed(found, request, build, dims, how, report)
    rows = [
        {"metric": row["metric"]}
        | {key.name: _decoded(row[request.text_column(key)], key) for key in keys}
        | figures.finish(row)
        for row in computed
    ]
    return sorted(rows, key=lambda row: [order_of(row[name]) for name in _names(keys)])


def _computed(
    found: Found,
    request: Request,
    build: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
    dims: dict[str, tuple[str, ...]],
    how: _How,
    report: Report,
) -> list[dict[str, Any]]:
    """Return the rows of a frame once no line in it is in doubt any more."""
    from micrometric.engines.duckdb_engine import DuckDBEngine

    if not found.segments:
        return []
    with DuckDBEngine(
        found.segments,
        dims=dims,
        explode=how.explode,
        text_metrics=text_metrics_of(found),
        zone=how.zone,
        report=report,
        memory_limit=how.memory_limit,
        progress=how.progress,
    ) as engine:
        rows = engine.collect(build(engine.load(request)))
        while rows is None or any(row["suspects"] for row in rows):
            if rows is not None:
                engine.mend_suspects(request)
            rows = engine.collect(build(engine.load(request)))
    return rows


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


def _note_mixed_keys(keys: list[Key], rows: list[dict[str, Any]], report: Report) -> None:
    for key in keys:
        if key.kind != "metadata":
            continue
        held = {_KINDS.get(type(row[key.name]), "lists or objects") for row in rows} - {""}
        if len(held) > 1:
            report.note(
                f"key {key.name!r} holds {' and '.join(sorted(held))}; values are grouped by "
                "their JSON text"
            )


_KINDS = {
    type(None): "",
    bool: "booleans",
    int: "numbers",
    float: "numbers",
    str: "texts",
}


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
