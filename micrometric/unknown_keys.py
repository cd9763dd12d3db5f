"""Keys that no event has, told from those that are merely missing here and there."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from micrometric.errors import NoDataError
from micrometric.figures import Figures
from micrometric.filters import Filter
from micrometric.finder import Found
from micrometric.keys import Key
from micrometric.query import Query
from micrometric.reader import read_segment
from micrometric.report import Report
from micrometric.spec import hint

_GLANCE = 10_000
"""Events whose keys are looked at for a name that is near, where there may be billions."""


def refuse_unknown(query: Query, keys: Iterable[Key], rows: list[dict[str, Any]]) -> None:
    """Tell a key that no event has from one that is merely missing here and there.

    Raises:
        NoDataError: no event has one of the keys.
    """
    # A condition on a key that no event has leaves nothing over; of no events, no key is known.
    asked = keys if rows else query.wanted.keys.values()
    doubted = [
        key
        for key in asked
        if key.kind in ("metadata", "directory") and all(row.get(key.name) is None for row in rows)
    ]
    if not doubted:
        return
    if query.how.engine == "spark":
        doubted = [key for key in doubted if not _is_anywhere(query, key)]
        known = _known_keys(query.found, _GLANCE) if doubted else set()
    else:
        known = _known_keys(query.found)
    for key in doubted:
        if key.path.split(".")[0] not in known and key.path not in known:
            raise NoDataError(f"no event has the key {key.name!r}{hint(key.path, known)}")


def _is_anywhere(query: Query, key: Key) -> bool:
    """Say whether any event has a key, whatever is wanted."""
    rows = Query(query.found, Filter(), query.how).rows([key], Figures(("count",)))
    return any(row[key.name] is not None for row in rows)


def _known_keys(found: Found, most: int | None = None) -> set[str]:
    """Return the directory keys, dims and metadata keys that occur.

    Args:
        found: the logs.
        most: how many events to look at; None is all of them.
    """
    keys = found.directory_keys()
    for metric in found.metrics().values():
        keys.update(metric.dims)
    report = Report()
    events = (event for segment in found.segments for event in read_segment(segment, report))
    for event in itertools.islice(events, most):
        keys.update(event.metadata)
    return keys
