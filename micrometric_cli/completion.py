"""Shell completion of metric names, keys and launches, from the logs of the default path."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from micrometric.event import LogEvent
    from micrometric.finder import Found

_EVENTS = 2000
"""Events that are looked at for names: completion must not make anybody wait."""


def complete_metric(incomplete: str) -> list[str]:
    """Return the metric names that continue the last term of a spec."""
    return _continued(incomplete, _metrics)


def complete_key(incomplete: str) -> list[str]:
    """Return the keys that continue the last of a comma-separated list."""
    return _continued(incomplete, _keys)


def complete_launch(incomplete: str) -> list[str]:
    """Return the launches that continue what was typed."""
    return _continued(incomplete, _launches)


def _continued(incomplete: str, names: Callable[[], Iterable[str]]) -> list[str]:
    head, comma, last = incomplete.rpartition(",")
    mark = "!" if last.startswith("!") else ""
    try:
        known = sorted(set(names()))
    except Exception:  # noqa: BLE001 - completion has no place to tell an error
        return []
    typed = last.removeprefix("!")
    return [f"{head}{comma}{mark}{name}" for name in known if name.startswith(typed)]


def _metrics() -> Iterable[str]:
    from micrometric.finder import find, find_manifests

    found = find_manifests(_paths())
    known = {name for _, manifest in found for name in manifest.metrics}
    return known or {event.metric for event in _events(find(_paths()))}


def _keys() -> Iterable[str]:
    from micrometric.event import ORIGIN_FIELDS
    from micrometric.finder import find

    found = find(_paths())
    keys = {"location", "value", *ORIGIN_FIELDS, *found.directory_keys()}
    for event in _events(found):
        keys.update(event.metadata)
    return keys


def _launches() -> Iterable[str]:
    from micrometric.finder import find

    return {"last", *(name for names in find(_paths()).launches().values() for name in names)}


def _events(found: Found) -> Iterable[LogEvent]:
    from micrometric.reader import read_segment
    from micrometric.report import Report

    for segment in found.segments:
        yield from itertools.islice(read_segment(segment, Report()), _EVENTS)


def _paths() -> list[str]:
    from micrometric_cli.paths import default_path

    return [default_path().path]
