"""Every setting of the logger: its default, its environment variable, and how it is checked.

The logger reads the environment for settings nowhere else; `MICROMETRIC_TZ` belongs to those who
read logs, see `reader.read_zone`. An argument wins over the environment, the environment over the
default.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from micrometric.errors import SettingError

DEFAULT_LOG_PATH = "./metric_logs"
"""Where events go when metrics are named but no path is."""
PREFIX = "MICROMETRIC_"


class Unset:
    """The type of `UNSET`: an argument that was not passed, where None means something."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset()


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings that have been checked. Times are seconds."""

    log_path: str | None = None
    """The log directory as an absolute path, None while logging is not configured."""
    flush_every: int = 1000
    """Events after which the writer is woken; 0 and 1 write before `log` returns."""
    flush_interval: float | None = 1.0
    """Longest time an event waits; None starts no thread, and the caller writes."""
    max_records: int | None = None
    """Events kept until the next configuration, None for no limit."""
    sampling_factor: float = 1.0
    """Share of the events that is kept, from 0 to 1."""
    sampling_seed: int | None = None
    """Makes the choice of sampling the same in each process; None draws anew each time."""
    rotate_bytes: int | None = None
    """Size at which a segment is closed and another begun, None for never."""
    rotate_seconds: float | None = None
    """Age at which a segment is closed, by a clock that nobody sets, None for never."""
    keep_segments: int | None = None
    """Closed segments of the session to keep, None for all; the oldest are deleted."""
    keep_bytes: int | None = None
    """Bytes of all segments of the session to keep, None for all."""
    compression: str | None = None
    """How closed segments are compressed: gzip, zstd, or None for not at all."""

    @property
    def writes_through(self) -> bool:
        """Whether each event is written before `log` returns."""
        return self.flush_every <= 1

    @property
    def has_thread(self) -> bool:
        """Whether a thread writes, rather than the caller."""
        return self.flush_interval is not None and not self.writes_through


def unconfigured(settings: Settings) -> Settings:
    """Return what outlives a configuration: all but its path, limit and sampling."""
    return replace(settings, log_path=None, max_records=None, sampling_factor=1.0)


def resolve(base: Settings, arguments: Mapping[str, object]) -> Settings:
    """Return the settings with those arguments that were passed, checked.

    Raises:
        SettingError: a value cannot be used; the message names it.
    """
    passed = {name: value for name, value in arguments.items() if value is not UNSET}
    return replace(base, **{name: _CHECKS[name](name, value) for name, value in passed.items()})


def environment_settings(environ: Mapping[str, str]) -> dict[str, object]:
    """Return what the environment sets, by the name of the setting; empty variables set nothing.

    Raises:
        SettingError: a variable holds something else than was expected.
    """
    found: dict[str, object] = {}
    for name, read in _FROM_TEXT.items():
        if text := environ.get(PREFIX + name.upper(), "").strip():
            found[name] = read(PREFIX + name.upper(), text)
    return found


def _log_path(name: str, value: object) -> str:
    if not isinstance(value, str | os.PathLike) or not (path := os.fsdecode(value)):
        raise SettingError(f"{name} must be a path, not {value!r}")
    if "://" in path:
        raise SettingError(
            f"{name} must be a directory of this machine, not the URL {path!r}; copy it there "
            "afterwards: URLs are only read"
        )
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow the user's links


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or (n := int(value)) < 0:
        raise SettingError(f"{name} must be a number of events, 0 or more, not {value!r}")
    return n


def _limit(name: str, value: object) -> int | None:
    return None if value is None else _count(name, value)


def _interval(name: str, value: object) -> float | None:
    if value is None:
        return None
    seconds = _number(value)
    if not 0 <= seconds < math.inf:
        raise SettingError(f"{name} must be seconds, 0 or more, or None, not {value!r}")
    return seconds


def _share(name: str, value: object) -> float:
    share = _number(value)
    if math.isnan(share):
        raise SettingError(f"{name} must be a share from 0 to 1, not {value!r}")
    # As in the original logger: a share beyond the ends means the end.
    return min(1.0, max(0.0, share))


def _number(value: object) -> float:
    """Return a real number as a float, NaN for anything else."""
    if isinstance(value, bool | str) or not hasattr(value, "__float__"):
        return math.nan
    return float(value)


def _seed(name: str, value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise SettingError(f"{name} must be a whole number or None, not {value!r}")


def _size(name: str, value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or (n := int(value)) < 1:
        raise SettingError(f"{name} must be a number of bytes, 1 or more, or None, not {value!r}")
    return n


def _age(name: str, value: object) -> float | None:
    if value is None:
        return None
    seconds = _number(value)
    if not 0 < seconds < math.inf:
        raise SettingError(f"{name} must be seconds, more than 0, or None, not {value!r}")
    return seconds


def _compression(name: str, value: object) -> str | None:
    if value is None or value in COMPRESSIONS:
        return value
    raise SettingError(f"{name} must be {' or '.join(COMPRESSIONS)}, or None, not {value!r}")


COMPRESSIONS = ("gzip", "zstd")

_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "log_path": _log_path,
    "flush_every": _count,
    "flush_interval": _interval,
    "max_records": _limit,
    "sampling_factor": _share,
    "sampling_seed": _seed,
    "rotate_bytes": _size,
    "rotate_seconds": _age,
    "keep_segments": _limit,
    "keep_bytes": _size,
    "compression": _compression,
}


def _text(_: str, text: str) -> str:
    return text


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SettingError(f"{name} must be a whole number, not {text!r}") from None


def _decimal(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(f"{name} must be a number, not {text!r}") from None


def _or_none(read: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
    return lambda name, text: None if text.lower() == "none" else read(name, text)


_FROM_TEXT: dict[str, Callable[[str, str], Any]] = {
    "log_path": _text,
    "metrics": _text,
    "flush_every": _integer,
    "flush_interval": _or_none(_decimal),
    "max_records": _or_none(_integer),
    "sampling_factor": _decimal,
    "sampling_seed": _or_none(_integer),
    "rotate_bytes": _or_none(_integer),
    "rotate_seconds": _or_none(_decimal),
    "keep_segments": _or_none(_integer),
    "keep_bytes": _or_none(_integer),
    "compression": _or_none(_text),
}
