"""Questions to logs: which events are wanted, by which keys, and what an engine answers.

A question may be put to the same logs again with other keys; what reading met is reported once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

from micrometric.answers import Build, Rows, answered, group_of, note_mixed_keys
from micrometric.bins import PLACES, Along
from micrometric.bounds import AXES_LIMIT
from micrometric.columns import Request, filter_expression, request_for
from micrometric.engines import DEFAULT_ENGINE, SKETCHES, Source, check_engine, open_engine
from micrometric.errors import SettingError
from micrometric.figures import Figures, key_beside_figures, suspects
from micrometric.filters import Filter
from micrometric.finder import Found, find
from micrometric.given import Paths
from micrometric.keys import Key, names_of, order_of
from micrometric.reader import (
    choose_launch,
    note_partial,
    read_zone,
    text_metrics_of,
)
from micrometric.report import Report

if TYPE_CHECKING:
    import narwhals as nw

OCCURRENCE = "occurrence"
"""Key of a row that holds the n-th event of its group."""
_NONE = Figures(())


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
    """Whether quantiles are by a sketch of the values, where the engine has one."""


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
        check_engine(engine, memory_limit, master)
        zone = read_zone(assume_tz)
        wanted = Filter.read(metrics, location, where, since, until, zone=zone)
        report = Report()
        found = choose_launch(find(paths, in_place=engine == "spark"), launch, report)
        if engine == "spark" and any(segment.is_pipe for segment in found.segments):
            raise SettingError(
                "the engine 'spark' reads files and URLs, not standard input or pipes; others do"
            )
        wanted = wanted.bound_to(found.directory_keys())
        note_partial(found, report)
        axes = tuple(names_of(explode))
        if len(axes) > AXES_LIMIT:
            raise SettingError(f"{len(axes)} axes to explode, expected at most {AXES_LIMIT}")
        how = How(zone, axes, memory_limit, progress, engine, master, approximate)
        if approximate:
            sketch = SKETCHES.get(engine)
            report.note(
                f"quantiles are approximate, by {sketch}"
                if sketch
                else f"the engine {engine!r} has no sketch for --approximate; quantiles are exact"
            )
        return cls(found, wanted, how, report)

    def keys(self, names: str | Iterable[str], beside: Collection[str] = ()) -> list[Key]:
        """Return what names of keys mean here; the metric is always one and never named.

        Args:
            names: one or several; `Key.name` differs where a figure is called so.
            beside: names of other columns that the keys stand beside, not to be taken either.

        Raises:
            FilterError: a name cannot be read.
        """
        known = self.found.directory_keys()
        wanted = [name for name in names_of(names) if name != "metric"]
        return list(dict.fromkeys(key_beside_figures(name, known, beside) for name in wanted))

    def units(self) -> dict[str, str]:
        """Return the units of the metrics that were registered with one."""
        metrics = self.found.metrics().items()
        return {name: metric.unit for name, metric in metrics if metric.unit}

    def rows(self, keys: list[Key], figures: Figures, *, occurrence: bool = False) -> Rows:
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
            group_of(row, keys, request)
            | ({OCCURRENCE: row[OCCURRENCE]} if occurrence else {})
            | figures.finish(row)
            for row in self._computed(request, build)
        ]
        note_mixed_keys(keys, rows, self.report)
        names = ["metric", *(key.name for key in keys)]
        return sorted(rows, key=lambda row: [order_of(row[name]) for name in names])

    def binned(
        self, keys: list[Key], figures: Figures, along: Along, whole: Figures = _NONE
    ) -> Rows:
        """Return a row for each bin of each of the largest groups: as `rows`, and the `PLACES`.

        Args:
            keys: to group by.
            figures: what to tell of each bin.
            along: the bins.
            whole: what to tell of each group, under `whole` in each of its rows.
        """
        request = request_for(keys, self.wanted)
        needed = [along.of] if isinstance(along.of, Key) else []
        conditions = dict.fromkeys((*request.conditions, *needed))
        moments = ["timestamp"] if figures.uses_time or whole.uses_time else []
        timed = request.uses_time or bool(moments) or along.of in ("time", "occurrence")
        request = replace(request, conditions=tuple(conditions), uses_time=timed)
        columns = list(dict.fromkeys(("metric", *(request.text_column(key) for key in keys))))
        column = "".join(f"{request.text_column(key)}_number" for key in needed)

        def kept(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
            frame = _wanted(frame, self.wanted, request)
            if along.of == "occurrence":
                frame = _counted(frame, columns)
            frame = along.numbered(frame, along.number(column))
            return frame.select(*columns, *moments, "value", "number", "suspect")

        def bins(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
            frame = along.placed(frame)
            return along.largest(figures.of(frame, [*columns, "bin"], along.aggregates()), columns)

        def groups(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
            return whole.of(frame, columns)

        found, of_groups = self._answered(request, [bins, groups], kept=kept)
        wholes = {tuple(row[name] for name in columns): whole.finish(row) for row in of_groups}
        rows = [
            group_of(row, keys, request)
            | {name: row[name] for name in PLACES}
            | figures.finish(row)
            | {"whole": wholes[tuple(row[name] for name in columns)]}
            for row in found
        ]
        note_mixed_keys(keys, rows, self.report)
        names = ["metric", *(key.name for key in keys), "bin"]
        return sorted(rows, key=lambda row: [order_of(row[name]) for name in names])

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

    def _computed(self, request: Request, build: Build, *, dims: bool = True) -> Rows:
        """Return the rows of a frame once no line in it is in doubt any more."""
        (rows,) = self._answered(request, [build], dims=dims)
        return rows

    def _answered(
        self,
        request: Request,
        builds: Sequence[Build],
        *,
        kept: Build | None = None,
        dims: bool = True,
    ) -> list[Rows]:
        """Return the rows of several frames once no line in the first is in doubt any more.

        Args:
            request: the keys that are asked for.
            builds: make the frames, the first with `suspects`.
            kept: makes the frame that they are made from, which is computed once for all.
            dims: whether lists of registered axes are taken element by element.
        """
        if not self.found.segments:
            return [[] for _ in builds]
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
            answers = answered(engine, request, builds, kept)
        # Another question to the same logs meets the same lines, or more of them.
        self.report.take(report)
        return answers


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
