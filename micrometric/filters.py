"""Which events are wanted: by metric, location, condition and time; the same everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase

from micrometric.conditions import Condition, holds, names_in
from micrometric.errors import FilterError, NotAnEvent
from micrometric.event import LogEvent, parse_timestamp
from micrometric.found import Segment
from micrometric.keys import Key, read_key, value_of
from micrometric.spec import Spec, parse_spec

_AGE = re.compile(r"(?P<count>[0-9]{1,9}(?:\.[0-9]{1,6})?)(?P<unit>s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Filter:
    """What an event must meet to be wanted; None asks nothing."""

    metrics: Spec | None = None
    location: str | None = None
    where: Condition | None = None
    since: datetime | None = None
    until: datetime | None = None
    keys: dict[str, Key] = field(default_factory=dict)
    """What the names in the condition mean; others are looked up for each segment."""

    @classmethod
    def read(
        cls,
        metrics: str | Iterable[str] | None = None,
        location: str | None = None,
        where: str | Condition | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        *,
        zone: tzinfo | None = None,
        now: datetime | None = None,
    ) -> Filter:
        """Read filters as the user wrote them; see `iter_events` for what they mean.

        A condition may have been read already.

        Raises:
            SpecError: `metrics` cannot be read.
            FilterError: another filter cannot be read.
        """
        now = datetime.now(UTC) if now is None else now
        return cls(
            metrics=None if metrics is None else parse_spec(metrics),
            location=location,
            where=_condition(where) if isinstance(where, str) else where,
            since=None if since is None else read_time(since, "--since", now, zone),
            until=None if until is None else read_time(until, "--until", now, zone),
        )

    @property
    def asks_nothing(self) -> bool:
        """Whether every event is wanted."""
        return all(
            asked is None
            for asked in (self.metrics, self.location, self.where, self.since, self.until)
        )

    def matches(self, event: LogEvent, segment: Segment) -> bool:
        """Say whether an event is wanted."""
        return (
            (self.metrics is None or self.metrics.matches(event.metric))
            and (self.location is None or fnmatchcase(event.location, self.location))
            and (self.since is None or event.timestamp >= self.since)
            and (self.until is None or event.timestamp <= self.until)
            and (self.where is None or holds(self.where, self._lookup(event, segment)))
        )

    def bound_to(self, directories: set[str]) -> Filter:
        """Return the filter with its names resolved once for all segments."""
        names = [] if self.where is None else names_in(self.where)
        return replace(self, keys={name: read_key(name, directories) for name in names})

    def _lookup(self, event: LogEvent, segment: Segment) -> Callable[[str], object]:
        def lookup(name: str) -> object:
            key = self.keys.get(name) or read_key(name, segment.directories)
            return value_of(key, event, segment.directories)

        return lookup


def _condition(text: str) -> Condition:
    from micrometric.where import parse_where  # Python's parser loads only where it is used

    return parse_where(text)


def read_time(
    text: str | datetime, option: str, now: datetime, zone: tzinfo | None = None
) -> datetime:
    """Return a moment: ISO 8601, an age such as `10m` or `2h`, `now`, `today` or `yesterday`.

    Args:
        text: what the user wrote.
        option: the option it was written for, named in the error.
        now: the present, aware.
        zone: the zone of a time that names none, and of midnight; None is this machine's.

    Raises:
        FilterError: it is none of those.
    """
    if isinstance(text, datetime):
        return text.replace(tzinfo=text.tzinfo or zone).astimezone(UTC)
    word = text.strip().lower()
    if word == "now":
        return now
    if word in ("today", "yesterday"):
        midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        day = midnight - timedelta(days=word == "yesterday")
        # Taken by the clock on the wall: a day may have 23 or 25 hours.
        return day.replace(tzinfo=zone).astimezone(UTC)
    try:
        if age := _AGE.fullmatch(word):
            return now - timedelta(**{_UNITS[age["unit"]]: float(age["count"])})
        return parse_timestamp(text.strip(), zone)
    except (NotAnEvent, OverflowError):
        raise FilterError(
            f"{option} {text!r} is no time; expected ISO 8601 such as 2026-11-23T08:00, an age "
            "such as 10m, 2h or 3d, or now, today or yesterday",
            text=text,
            column=0,
        ) from None
