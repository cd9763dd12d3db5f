"""Questions to logs: which events are wanted, by which keys, and what an engine answers.

A question may be put to the same logs again with other keys; what reading met is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from micrometric.bins import PLACES, Along
from micrometric.columns import Request, filter_expression, request_for
from micrometric.engines import DEFAULT_ENGINE, Source, check_engine, open_engine
from micrometric.errors import NoDataError
from micrometric.figures import Figures, suspects
from micrometric.filters import Filter
from micrometric.finder import Found, Paths, find
from micrometric.keys import Key, names_of, order_of, read_key
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

OCCURRENCE = "occurrence"
"""Key of a row that holds the n-th event of its group."""
_KINDS = {
    type(None): "",
    bool: "booleans",
    int: "numbers",
    float: "numbers",
    str: "texts",
}


@dataclass(frozen=True, slots=True)
class How:
    """How an engine works."""

    zone: tzinfo | None = None
    """Of timestamps that name none; None is this machine's."""
    explode: tuple[str, ...] = ()
    """Names for the axes of lists in metrics without dims."""
    memory_limit: str | None = None
    progress: Callable[[float], None] | None = None
    engine: str = DEFAULT_ENGINE
    master: str | None = None
    approximate: bool = False
    """Whether quantiles are by a sketch of the values."""


@dataclass(slots=True)
class Query:
    """Logs, which of their events are wanted, and how they are read."""

    found: Found
    wanted: Filter
    how: How
    report: Report = field(default_factory=Report)

    @classmethod
    def open(
        cls,
        paths: Paths,
        *,
        metrics: str | Iterable[str] | None = None,
        location: str | None = None,
        where: str | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        launch: str | None = None,
        assume_tz: str | tzinfo | None = None,
        explode: str | Iterable[str] = (),
        memory_limit: str | None = None,
        progress: Callable[[float], None] | None = None,
        engine: str = DEFAULT_ENGINE,
        master: str | None = None,
        approximate: bool = False,
    ) -> Query:
        """Find logs; see `summarize` for the arguments and what is raised."""
        check_engine(engine, memory_limit, master, approximate=approximate)
        zone = read_zone(assume_tz)
        wanted = Filter.read(metrics, location, where, since, until, zone=zone)
        report = Report()
        found = choose_launch(find(paths), launch, report)
        wanted = wanted.bound_to(found.directory_keys())
        note_partial(found, report)
        axes = tuple(names_of(explode))
        how = How(zone, axes, memory_limit, progress, engine, master, approximate)
        if approximate:
            report.note("quantiles are approximate, by a t-digest of the values")
        return cls(found, wanted, how, report)

    def keys(self, names: str | Iterable[str]) -> list[Key]:
        """Return what names of keys mean here; the metric is always one and never named.

        Raises:
            FilterError: a name cannot be read.
        """
        directories = self.found.directory_keys()
        return [read_key(name, directories) for name in names_of(names) if name != "metric"]

    def rows(
        self, keys: list[Key], figures: Figures, *, occurrence: bool = False
    ) -> list[dict[str, Any]]:
        """Return a row for each metric and group: `metric`, the keys, and the figures.

        Args:
            keys: to group by.
            figures: what to tell of each group.
            occurrence: whether each event is a group of its own, the n-th of the others' by time.

        Returns:
            Rows sorted by metric and keys.
        """
        request = request_for(keys, self.wanted)
        timed = request.uses_time or figures.uses_time or occurrence
        request = replace(request, uses_time=timed)
        columns = list(dict.fromkeys(("metric", *(request.text_column(key) for key in keys))))

        def build(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
            frame = _wanted(frame, self.wanted, request)
            if not occurrence:
                return figures.of(frame, columns)
            return figures.of(_counted(frame, columns), [*columns, OCCURRENCE])

        rows = [
            {"metric": row["metric"]}
            | {key.name: _decoded(row[request.text_column(key)], key) for key in keys}
            | ({OCCURRENCE: row[OCCURRENCE]} if occurrence else {})
            | figures.finish(row)
            for row in self._computed(request, build)
        ]
        _note_mixed_keys(keys, rows, self.report)
        names = ["metric", *(key.name for key in keys)]
        return sorted(rows, key=lambda row: [order_of(row[name]) for name in names])

    def binned(self, keys: list[Key], figures: Figures, along: Along) -> list[dict[str, Any]]:
        """Return a row for each bin of each of the largest groups: as `rows`, and the `PLACES`.

        Args:
            keys: to group by.
            figures: what to tell of each bin.
            along: the bins.
        """
        request = request_for(keys, self.wanted)
        needed = [along.of] if isinstance(along.of, Key) else []
        conditions = dict.fromkeys((*request.conditions, *needed))
        timed = request.uses_time or figures.uses_time or along.of in ("time", "occurrence")
        request = replace(request, conditions=tuple(conditions), uses_time=timed)
        columns = list(dict.fromkeys(("metric", *(request.text_column(key) for key in keys))))
        column = "".join(f"{request.text_column(key)}_number" for key in needed)

        def build(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
            frame = _wanted(frame, self.wanted, request)
            if along.of == "occurrence":
                frame = _counted(frame, columns)
            frame = along.placed(frame, along.number(column))
            return along.largest(figures.of(frame, [*columns, "bin"], along.aggregates()), columns)

        rows = [
            {"metric": row["metric"]}
            | {key.name: _decoded(row[request.text_column(key)], key) for key in keys}
            | {name: row[name] for name in PLACES}
            | figures.finish(row)
            for row in self._computed(request, build)
        ]
        _note_mixed_keys(keys, rows, self.report)
        names = ["metric", *(key.name for key in keys), "bin"]
        return sorted(rows, key=lambda row: [order_of(row[name]) for name in names])

    def refuse_unknown(self, keys: Iterable[Key], rows: list[dict[str, Any]]) -> None:
        """Tell a key that no event has from one that is merely missing here and there.

        Raises:
            NoDataError: no event has one of the keys.
        """
        # A condition on a key that no event has leaves nothing over.
        asked = [*keys, *(() if rows else self.wanted.keys.values())]
        doubted = [
            key
            for key in asked
            if key.kind in ("metadata", "directory")
            and all(row.get(key.name) is None for row in rows)
        ]
        known = known_keys(self.found) if doubted else set()
        for key in doubted:
            if key.path.split(".")[0] not in known and key.path not in known:
                raise NoDataError(f"no event has the key {key.name!r}{hint(key.path, known)}")

    def survey(self) -> dict[str, Seen]:
        """Return how many wanted events of each metric there are, and when the last one was."""
        import narwhals as nw

        request = replace(request_for((), self.wanted), uses_time=True)

        def counts(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
            return (
                _wanted(frame, self.wanted, request)
                .group_by("metric")
                .agg(nw.len().alias("events"), nw.col("timestamp").max().alias("last"), suspects())
            )

        rows = self._computed(request, counts, dims=False)
        return {row["metric"]: Seen(row["events"], row["last"].replace(tzinfo=UTC)) for row in rows}

    def _computed(
        self,
        request: Request,
        build: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]],
        *,
        dims: bool = True,
    ) -> list[dict[str, Any]]:
        """Return the rows of a frame once no line in it is in doubt any more."""
        if not self.found.segments:
            return []
        metrics = self.found.metrics() if dims else {}
        report = Report()
        source = Source(
            self.found.segments,
            dims={name: metric.dims for name, metric in metrics.items() if metric.dims},
            text_metrics=text_metrics_of(self.found),
            zone=self.how.zone,
            report=report,
            explode=self.how.explode,
            memory_limit=self.how.memory_limit,
            approximate=self.how.approximate,
            progress=self.how.progress,
            master=self.how.master,
        )
        with open_engine(self.how.engine, source) as engine:
            rows = engine.collect(build(engine.load(request)))
            while rows is None or any(row["suspects"] for row in rows):
                if rows is not None:
                    engine.mend_suspects(request)
                rows = engine.collect(build(engine.load(request)))
        # Another question to the same logs meets the same lines, or more of them.
        self.report.take(report)
        return rows


@dataclass(frozen=True, slots=True)
class Seen:
    """What the events tell of a metric."""

    events: int
    last: datetime
    """Time of the last event, in UTC."""


def _wanted(frame: nw.LazyFrame[Any], wanted: Filter, request: Request) -> nw.LazyFrame[Any]:
    import narwhals as nw

    condition = filter_expression(wanted, request)
    return frame if condition is None else frame.filter(condition | nw.col("suspect"))


def _counted(frame: nw.LazyFrame[Any], columns: list[str]) -> nw.LazyFrame[Any]:
    """Add which event of its group each one is, by time."""
    import narwhals as nw

    return frame.with_columns(nw.col("timestamp").rank("ordinal").over(*columns).alias(OCCURRENCE))


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


def known_keys(found: Found) -> set[str]:
    """Return the directory keys, dims and metadata keys that occur."""
    keys = found.directory_keys()
    for metric in found.metrics().values():
        keys.update(metric.dims)
    for event in iter_events([segment.path for segment in found.segments]):
        keys.update(event.metadata)
    return keys
