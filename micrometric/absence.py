"""Why an answer is empty: which filter let nothing pass, and what it may have meant."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo

from micrometric.event import LogEvent, format_timestamp
from micrometric.fetched import is_url, shown_url
from micrometric.filters import Filter
from micrometric.finder import Segment, find
from micrometric.given import Paths, listed
from micrometric.reader import choose_launch, read_segment, read_zone, text_metrics_of
from micrometric.report import Report
from micrometric.spec import Spec, hint


def why_empty(
    paths: Paths,
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
) -> str:
    """Return a sentence on why no event passes some filters, which are those of `iter_events`.

    Reads all events once more, so ask only when an answer was empty.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        NoDataError: there is no such launch.
    """
    named = _named(paths)
    zone = read_zone(assume_tz)
    report = Report()
    found = choose_launch(find(paths, again=False), launch, report)
    if any(segment.is_pipe and segment.spool is None for segment in found.segments):
        return f"no event in {named} passes the filters"  # What came is gone.
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    wanted = wanted.bound_to(found.directory_keys())
    census = _Census(wanted, _singles(wanted))
    text_metrics = text_metrics_of(found)
    for segment in found.segments:
        for event in read_segment(segment, report, zone, text_metrics):
            census.add(event, segment)
    return census.verdict(named)


@dataclass(slots=True)
class _Census:
    """What there is, and how much of it each filter would let pass alone."""

    wanted: Filter
    singles: dict[str, Filter]
    """Each filter that was given, alone."""
    events: int = 0
    metrics: set[str] = field(default_factory=set)
    locations: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None
    passing: dict[str, int] = field(default_factory=dict)

    def add(self, event: LogEvent, segment: Segment) -> None:
        self.events += 1
        self.metrics.add(event.metric)
        self.locations.add(event.location)
        self.first = min(self.first or event.timestamp, event.timestamp)
        self.last = max(self.last or event.timestamp, event.timestamp)
        for name, single in self.singles.items():
            self.passing[name] = self.passing.get(name, 0) + single.matches(event, segment)

    def verdict(self, named: str) -> str:
        if not self.events:
            return f"there are no events in {named}"
        blocking = [name for name in self.singles if not self.passing[name]]
        if blocking:
            return "; ".join(map(self._blocked, blocking))
        together = " and ".join(f"--{name}" for name in self.singles)
        return f"none of the {self.events} events in {named} passes {together} together"

    def _blocked(self, name: str) -> str:
        if name == "metrics":
            return _no_metric(self.wanted.metrics, self.metrics)
        if name == "location":
            glob = self.wanted.location or ""
            return f"no event is of location {glob!r}{hint(glob.strip('*'), self.locations)}"
        if name == "where":
            return f"none of {self.events} events meets --where"
        end = self.last if name == "since" else self.first
        side = "last" if name == "since" else "first"
        return f"no event passes --{name}: the {side} is of {format_timestamp(end)}"  # type: ignore[arg-type] # there are events


def _singles(wanted: Filter) -> dict[str, Filter]:
    alone = Filter(keys=wanted.keys)
    names = ("metrics", "location", "where", "since", "until")
    given = {name: getattr(wanted, name) for name in names}
    return {name: replace(alone, **{name: x}) for name, x in given.items() if x is not None}


def _no_metric(spec: Spec | None, known: set[str]) -> str:
    unmatched = spec.unmatched(known) if spec else ()
    if not unmatched:
        return f"--metrics {str(spec)!r} leaves none of the metrics{hint('', known)}"
    return "; ".join(f"no event is of metric {term!r}{hint(term, known)}" for term in unmatched)


def _named(paths: Paths) -> str:
    return ", ".join(_name(os.fspath(path)) for path in listed(paths))


def _name(path: str) -> str:
    if path == "-":
        return "standard input"
    return repr(shown_url(path) if is_url(path) else path)
