"""The one namespace of keys: what a name means in a grouping, a filter or a frame.

A name is looked for among the event's fields, then its origin, the `name=value` parts of its
path, and its metadata; `dir.x` and `metadata.x` say which is meant where names collide.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from micrometric.errors import FilterError
from micrometric.event import ORIGIN_FIELDS, LogEvent, moment_at
from micrometric.runs import Scalar

EVENT_FIELDS = ("timestamp", "metric", "value", "location")
STEP_KEYS = ("step", "global_step", "iteration", "epoch")
"""Metadata keys that hold the step unless told; the first that there is counts."""
Kind = Literal["field", "origin", "directory", "metadata", "bucket"]

_BUCKET = re.compile(r"(?P<count>[1-9][0-9]{0,8})(?P<unit>s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Key:
    """What a name means."""

    name: str
    """As it was asked for."""
    kind: Kind
    path: str
    """The name without `dir.` or `metadata.`."""
    seconds: int = 0
    """Width of a time bucket."""

    @property
    def is_json(self) -> bool:
        """Whether its values are any JSON data, not always a text, a number or a time."""
        is_value = self.kind == "field" and self.path == "value"
        return is_value or self.kind in ("metadata", "directory")


def read_key(name: str, directories: Collection[str]) -> Key:
    """Return what a name means.

    Args:
        name: a key, or a time bucket such as `30s`, `1m`, `1h` or `1d`.
        directories: names of the directory keys there are.

    Raises:
        FilterError: the name is empty.
    """
    if not name:
        raise FilterError("expected the name of a key, found nothing", text=name, column=0)
    if name in EVENT_FIELDS:
        return Key(name, "field", name)
    if name in ORIGIN_FIELDS:
        return Key(name, "origin", name)
    if name.startswith("metadata.") and len(name) > len("metadata."):
        return Key(name, "metadata", name.removeprefix("metadata."))
    if name.startswith("dir.") and len(name) > len("dir."):
        return Key(name, "directory", name.removeprefix("dir."))
    if name in directories:
        return Key(name, "directory", name)
    if bucket := _BUCKET.fullmatch(name):
        return Key(name, "bucket", name, int(bucket["count"]) * _SECONDS[bucket["unit"]])
    return Key(name, "metadata", name)


def value_of(key: Key, event: LogEvent, directories: Mapping[str, Scalar]) -> Any:
    """Return what an event has under a key, None where it has nothing.

    Args:
        key: the key.
        event: the event.
        directories: the `name=value` parts of its path.
    """
    if key.kind == "metadata":
        return metadata_at(event.metadata, key.path)
    if key.kind == "directory":
        return directories.get(key.path)
    if key.kind == "bucket":
        return bucket_start(event.timestamp, key.seconds)
    return getattr(event, key.path)


def metadata_at(metadata: Mapping[str, Any], path: str) -> Any:
    """Return what metadata holds under a key, or inside it along dots; the key itself wins."""
    found = metadata.get(path)
    if found is not None or "." not in path:
        return found
    inner: Any = metadata
    for part in path.split("."):
        if not isinstance(inner, Mapping):
            return None
        inner = inner.get(part)
    return inner


def bucket_start(moment: datetime, seconds: int) -> datetime:
    """Return the start of the bucket that a moment falls into, counted from the epoch."""
    return moment_at((moment - _EPOCH).total_seconds() // seconds * seconds)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def names_of(names: str | Iterable[str]) -> list[str]:
    """Return names as a sequence, each once, from one or from a text with commas."""
    split = names.split(",") if isinstance(names, str) else names
    return list(dict.fromkeys(name.strip() for name in split))


def order_of(value: Any) -> tuple[int, float, str]:
    """Return what sorts values of a key: numbers as numbers, then texts, then what is missing."""
    if value is None:
        return 3, 0.0, ""
    if isinstance(value, datetime):
        return 1, value.timestamp(), ""
    if isinstance(value, int | float):
        return 1, value, ""  # As it is: an integer may be beyond a double.
    return 2, 0.0, str(value)
