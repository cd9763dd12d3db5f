"""Which metrics there are: registered, enabled or not and why, and how often they were seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from micrometric.errors import SpecError
from micrometric.filters import Filter
from micrometric.finder import Found, find, find_manifests
from micrometric.given import Paths
from micrometric.machine import Machine, this_machine
from micrometric.manifest import Manifest, SessionFacts, SessionState, session_state
from micrometric.query import How, Query, Seen
from micrometric.reader import choose_launch, read_zone
from micrometric.registry import Metric
from micrometric.remote import local_paths
from micrometric.report import Report
from micrometric.spec import Spec, parse_spec

STATES: tuple[SessionState, ...] = ("live", "ended", "killed", "unknown")


@dataclass(frozen=True, slots=True)
class Listed:
    """A metric, and what the logs tell of it."""

    identifier: str
    metric: Metric | None
    """None for a metric that events name but nobody registered."""
    enabled: bool | None
    """Whether a session enabled it, None where no session registered it."""
    why: str | None
    """Why it is not enabled, or not everywhere."""
    seen: Seen | None
    """Its events that pass the filters, None when there is none."""
    sessions: dict[SessionState, int]
    """Sessions that registered it, by whether they still live."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The metrics under some paths."""

    metrics: list[Listed]
    """Registered ones in the order of registration, then the others by name."""
    registered: dict[str, Metric]
    """The metrics of all manifests, whatever the filters."""
    report: Report


def list_metrics(
    paths: Paths,
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    machine: Machine | None = None,
) -> Listing:
    """Return the metrics that manifests and events under some paths name.

    Args:
        paths: files, directories (recursive), globs, URLs or `-`, and manifests (`*.json`).
        metrics: which metrics to list.
        location: which events to count, as the filters below; see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.
        machine: the machine that asks whether sessions live; by default this one.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        ManifestError: a file that was named is not a manifest.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such time zone.
        NoDataError: there is no such launch.
    """
    zone = read_zone(assume_tz)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    report = Report()
    found = choose_launch(_find(paths), launch, report)
    registered = found.metrics()
    for note in found.notes:  # Conflicts of dtypes are among them only now.
        report.note(note)
    wanted = wanted.bound_to(found.directory_keys())
    seen = Query(found, wanted, How(zone), report).survey()
    names = [*registered, *sorted(seen.keys() - registered.keys())]
    if wanted.metrics is not None:
        names = [name for name in names if wanted.metrics.matches(name)]
    manifests = _of_launch(found, launch)
    listed = [
        _listed(name, registered.get(name), seen.get(name), manifests, machine or this_machine())
        for name in names
    ]
    return Listing(listed, registered, report)


def _find(paths: Paths) -> Found:
    """Find segments and manifests; a path may also be a manifest that stands alone."""
    given, _held = local_paths(paths)
    alone = [path for path in given if Path(path).suffix == ".json"]
    logs = [path for path in given if path not in alone]
    found = find(logs)
    directories = [path for path in logs if Path(path).is_dir()]
    told = dict(find_manifests([*alone, *directories], found.notes)) | dict(found.manifests)
    return replace(found, manifests=sorted(told.items(), key=lambda item: str(item[0])))


def _of_launch(found: Found, launch: str | None) -> list[Manifest]:
    """Return the manifests of the sessions that were chosen, and those without a session."""
    launches = {segment.launch for segment in found.segments}
    return [
        manifest
        for _, manifest in found.manifests
        if launch is None or manifest.session is None or manifest.session.launch in launches
    ]


def _listed(
    identifier: str,
    metric: Metric | None,
    seen: Seen | None,
    manifests: Collection[Manifest],
    machine: Machine,
) -> Listed:
    sessions = [
        manifest.session
        for manifest in manifests
        if manifest.session is not None and identifier in manifest.metrics
    ]
    now = datetime.now(UTC)
    states = [session_state(facts, now=now, machine=machine) for facts in sessions]
    counts = {state: states.count(state) for state in STATES if state in states}
    return Listed(identifier, metric, *_enabled(identifier, sessions), seen, counts)


def _enabled(identifier: str, sessions: Sequence[SessionFacts]) -> tuple[bool | None, str | None]:
    """Return whether sessions enabled a metric, and why not."""
    enabling = [facts for facts in sessions if _spec_of(facts).matches(identifier)]
    if not sessions:
        return None, None
    if enabling:
        everywhere = len(enabling) == len(sessions)
        return True, None if everywhere else f"in {len(enabling)} of {len(sessions)} sessions"
    return False, _why_not(identifier, max(sessions, key=lambda facts: facts.start))


def _spec_of(facts: SessionFacts) -> Spec:
    """Return the spec of a session; one that no logger takes enables nothing."""
    try:
        return parse_spec(facts.spec)
    except SpecError:
        return Spec(())


def _why_not(identifier: str, facts: SessionFacts) -> str:
    exclusions = [term for term in _spec_of(facts).terms if term.startswith("!")]
    if not facts.spec:
        return "no metric is enabled"
    for term in exclusions:
        if parse_spec(term[1:]).matches(identifier):
            return f"excluded by {term}"
    return f"not in {facts.spec}"
