"""A report: all that is to be known of some logs, gathered for one page that needs nothing else."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from micrometric.checking import Check, check
from micrometric.compared import Comparison
from micrometric.comparison import compare
from micrometric.conditions import Both, Condition, Literal_, Name
from micrometric.conditions import Comparison as Compares
from micrometric.errors import MicrometricError, NoDataError, SettingError
from micrometric.exports import target
from micrometric.finder import Found, find
from micrometric.given import Paths, listed
from micrometric.keys import STEP_KEYS, names_of
from micrometric.listing import Listing, list_metrics
from micrometric.machine import this_machine
from micrometric.manifest import Manifest, SessionState, session_state
from micrometric.pictures import Picture
from micrometric.plots import plot
from micrometric.reader import iter_events
from micrometric.summary import Summary, summarize
from micrometric.where import parse_where

_PEEKED = 2000
"""Events that are looked at for keys that make a heatmap."""
_MOST_COMPARED = 12
"""Values of a key up to which they are compared unasked."""
_MOST_ROWS = 2000
"""Groups in the table of figures; more make a page that nobody can use."""
_STEPS = frozenset({*STEP_KEYS, "time", "seed", "batch"})
"""Keys that tell when, not where."""


@dataclass(frozen=True, slots=True)
class SessionLine:
    """A session as the report tells it."""

    manifest: Manifest
    path: Path
    state: SessionState


@dataclass(slots=True)
class LogReport:
    """What a report shows."""

    title: str
    made: datetime
    check: Check
    listing: Listing
    summary: Summary
    left_out: int
    """Groups of the summary that are not shown."""
    sessions: list[SessionLine]
    pictures: list[Picture] = field(default_factory=list)
    comparison: Comparison | None = None
    notes: list[str] = field(default_factory=list)
    """What reading skipped, assumed and noticed; what could not be drawn, and why."""

    def save(self, output: str | Path, *, force: bool = False) -> None:
        """Write it as a page of HTML.

        Args:
            output: the file, which appears once it is whole; `-` is standard output.
            force: whether to write over what is there.

        Raises:
            PathError: the file is there already, or cannot be written.
        """
        with target(Path(output), force=force) as path:
            path.write_text(self.html(), "utf-8", "backslashreplace")

    def html(self) -> str:
        """Return the page."""
        from micrometric.drawing.report_page import report_page

        return report_page(self)


def make_report(
    paths: Paths,
    *,
    by: str | Sequence[str] = "location",
    compare_by: str | None = None,
    base: object = None,
    pair_by: str | None = None,
    title: str | None = None,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    progress: Callable[[float], None] | None = None,
) -> LogReport:
    """Return a report of some logs; `LogReport.save` writes it to a file.

    Args:
        paths: files, directories (recursive), globs or `-`; one or several.
        by: keys to group the figures by, as for `summarize`.
        compare_by: the key whose values are compared; by default the one part of the paths
            (`name=value`) that differs, else the run, where there are several and not many.
        base: which of its values the others are compared with; by default the first.
        pair_by: see `compare`.
        title: by default the names of the paths.
        metrics: filters, as for `iter_events`; what is checked for defects is everything.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        progress: called with the share that is done, from 0 to 1.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter or key cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such time zone, or what draws pictures is not installed.
        NoDataError: there is no such launch, or no event has one of the keys.
    """
    from micrometric.drawing import need_matplotlib

    need_matplotlib()
    if base is not None and compare_by is None:
        raise SettingError("a base is a value of a key; name the key to compare by")
    filters: dict[str, Any] = {
        "metrics": metrics,
        "location": location,
        "where": where,
        "since": since,
        "until": until,
        "launch": launch,
        "assume_tz": assume_tz,
    }
    files = [os.fspath(path) for path in listed(paths)]
    found = find(files)
    work = _Work(files, found, filters, progress)
    told = work.gathered(by, title or _title(files))
    chosen = compare_by or _compared_unasked(found)
    if chosen is not None:
        told.comparison = work.comparison(by, chosen, base, pair_by, told.notes)
    told.pictures = [*work.pictures(chosen, told)]
    sentences = [*told.summary.report.sentences(), *told.notes]
    told.notes = list(dict.fromkeys(sentences))
    work.tell(1.0)
    return told


class _Work:
    """Asks the logs, and tells how far it is."""

    def __init__(
        self,
        files: list[str],
        found: Found,
        filters: dict[str, Any],
        progress: Callable[[float], None] | None,
    ) -> None:
        self._files = files
        self._found = found
        self._filters = filters
        self._progress = progress

    def tell(self, share: float) -> None:
        if self._progress is not None:
            self._progress(share)

    def gathered(self, by: str | Sequence[str], title: str) -> LogReport:
        """Return the report without its pictures and comparison."""
        machine, now = this_machine(), datetime.now(UTC)
        sessions = [
            SessionLine(manifest, path, session_state(manifest.session, now=now, machine=machine))
            for path, manifest in self._found.manifests
            if manifest.session is not None
        ]
        checked = check(self._files, assume_tz=self._filters["assume_tz"], machine=machine)
        self.tell(0.3)
        listing = list_metrics(self._files, **self._filters)
        self.tell(0.4)
        summary = summarize(self._files, by, **self._filters)
        left_out = max(0, len(summary.rows) - _MOST_ROWS)
        del summary.rows[_MOST_ROWS:]
        self.tell(0.5)
        return LogReport(title, now, checked, listing, summary, left_out, sessions)

    def comparison(
        self,
        by: str | Sequence[str],
        key: str,
        base: object,
        pair_by: str | None,
        notes: list[str],
    ) -> Comparison | None:
        """Compare the values of a key; None where there are not several."""
        names = [name for name in names_of(by) if name != key]
        try:
            return compare(
                *self._files,
                by=names,
                key=key,
                base_value=base,
                pair_by=pair_by,
                **self._filters,
            )
        except NoDataError as error:
            notes.append(f"nothing to compare by {key}: {error}")
            return None
        finally:
            self.tell(0.6)

    def pictures(self, key: str | None, told: LogReport) -> Iterator[Picture]:
        """Yield the pictures that the logs allow."""
        colours = {"by": key} if key is not None else {}
        yield from self._picture(told, "line", **colours)
        self.tell(0.7)
        for metric, rows, cols in self._grids():
            where = self._where_metric_is(metric)
            yield from self._picture(told, "heatmap", rows=rows, cols=cols, where=where)
        self.tell(0.8)
        yield from self._picture(told, "box", **colours) if key else self._picture(told, "hist")
        self.tell(0.9)

    def _picture(self, told: LogReport, kind: str, **options: Any) -> Iterator[Picture]:
        try:
            yield plot(self._files, kind, **(self._filters | options))
        except MicrometricError as error:
            # Whatever a log holds, one picture is not worth the report.
            told.notes.append(f"no {kind}: {error}")

    def _where_metric_is(self, metric: str) -> Condition:
        """Return the condition that is asked for, for one metric.

        Not as text or as a spec: in these, not every name that a file may hold can be written.
        """
        is_metric = Compares(Name("metric"), "==", Literal_(metric))
        asked = self._filters["where"]
        return is_metric if asked is None else Both("and", (parse_where(asked), is_metric))

    def _grids(self) -> Iterator[tuple[str, str, str]]:
        """Yield metrics with the two keys that make them a grid, such as layer and head."""
        keys: dict[str, Counter[str]] = {}
        values: dict[str, set[int]] = {}
        events = iter_events(self._files, **self._filters)
        for event in itertools.islice(events, _PEEKED):
            of_metric = keys.setdefault(event.metric, Counter())
            for name, value in event.metadata.items():
                if isinstance(value, int) and not isinstance(value, bool) and name not in _STEPS:
                    of_metric[name] += 1
                    values.setdefault(name, set()).add(value)
        registered = self._found.metrics()
        for metric, counted in keys.items():
            names = [name for name in counted if 1 < len(values[name]) <= 256]
            dims = registered[metric].dims if metric in registered else ()
            names += [name for name in dims if name not in names]
            if len(names) >= 2:
                yield metric, names[0], names[1]


def _title(files: list[str]) -> str:
    return ", ".join(files)


def _compared_unasked(found: Found) -> str | None:
    """Return the key that tells the runs apart, where there are several and not many."""
    values: dict[str, set[Any]] = {}
    for segment in found.segments:
        for name, value in segment.directories.items():
            values.setdefault(name, set()).add(value)
    differing = [name for name, several in values.items() if len(several) > 1]
    if len(differing) == 1 and len(values[differing[0]]) <= _MOST_COMPARED:
        return f"dir.{differing[0]}"
    runs = {segment.run for segment in found.segments}
    return "run" if 1 < len(runs) <= _MOST_COMPARED else None
