"""The registered metrics of this process: what may be logged, under which name and dtype.

Registration works before any logger exists, so the registry stands on its own; the logger
reads it when its configuration or the registry changes, never in the hot path.
"""

from __future__ import annotations

import re
import threading
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from micrometric.bounds import AXES_LIMIT
from micrometric.errors import RegistrationError

RESERVED = "all"
"""Stands for every metric in a spec, so that no metric may be called so."""

_IDENTIFIER = re.compile(r"[\w./:-]{1,200}")
_FAULT = re.compile(r"[^\w./:-]")
_DTYPES: dict[str, type] = {
    kind.__name__: kind for kind in (float, int, bool, str, list, dict, object)
}


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """A registered metric, as it stands under its identifier in a manifest."""

    dtype: str
    """`float`, `int`, `bool`, `str`, `list`, `dict`, `object`, or `module.Class`."""
    unit: str | None = None
    description: str | None = None
    dims: tuple[str, ...] = ()
    """Names of the axes of a list value, outermost first; each element is an observation."""
    place: str | None = None
    """Where it was registered, as `module:line`."""


class Registry:
    """The metrics registered so far, by identifier, in order. Safe from any thread."""

    def __init__(self) -> None:
        self.metrics: dict[str, Metric] = {}
        self.dtypes: dict[str, type] = {}
        """The dtypes as they were passed, which a manifest can only name."""
        self.renew_lock()

    def renew_lock(self) -> None:
        """Take a new lock in a forked child: another thread of the parent may hold the old one."""
        self._lock = threading.RLock()

    def register(
        self,
        identifier: str,
        dtype: Any,
        *,
        unit: str | None = None,
        description: str | None = None,
        dims: Sequence[str] = (),
        place: str | None = None,
    ) -> Metric | None:
        """Register a metric and return the one it replaces, if any.

        Raises:
            RegistrationError: the identifier, dtype, unit, description or dims cannot be used.
        """
        check_identifier(identifier)
        kind = _as_type(identifier, dtype)
        for name, text in (("unit", unit), ("description", description)):
            if not isinstance(text, str | None):
                raise RegistrationError(
                    f"{name} of metric {identifier!r} must be a string, not {text!r}"
                )
        metric = Metric(_type_name(kind), unit, description, _as_dims(identifier, dims), place)
        with self._lock:
            replaced = self.metrics.get(identifier)
            # New dicts, so that a reader without the lock never sees one change under it, nor a
            # metric without its dtype. No call from here on: a signal handler that registers one
            # too comes before or after.
            self.dtypes = {**self.dtypes, identifier: kind}
            self.metrics = {**self.metrics, identifier: metric}
        return replaced

    def clear(self) -> None:
        """Forget every metric."""
        self.restore({}, {})

    def restore(self, metrics: Mapping[str, Metric], dtypes: Mapping[str, type]) -> None:
        """Hold exactly these metrics."""
        with self._lock:
            self.metrics, self.dtypes = dict(metrics), dict(dtypes)


def check_identifier(identifier: object) -> None:
    """Refuse what cannot name a metric.

    Raises:
        RegistrationError: saying what is wrong with the identifier.
    """
    if not isinstance(identifier, str):
        raise RegistrationError(f"metric identifier must be a string, not {identifier!r}")
    if identifier == RESERVED:
        raise RegistrationError(
            f"metric identifier {RESERVED!r} is reserved: it stands for every metric"
        )
    if not identifier:
        raise RegistrationError("metric identifier must not be empty")
    if fault := _FAULT.search(identifier):
        raise RegistrationError(
            f"metric identifier {identifier!r} holds {fault[0]!r} at position {fault.start()}, "
            "expected letters, digits and _ . / : -"
        )
    if not _IDENTIFIER.fullmatch(identifier):
        raise RegistrationError(
            f"metric identifier {identifier[:40] + '…'!r} has {len(identifier)} characters, "
            "expected at most 200"
        )


def dtype_of(metric: Metric) -> type:
    """Return the dtype of a metric in a manifest; that of a class of its own may be anything."""
    return _DTYPES.get(metric.dtype, object)


def _as_type(identifier: str, dtype: Any) -> type:
    if isinstance(dtype, str) and dtype in _DTYPES:
        return _DTYPES[dtype]
    if dtype is Any:
        return object
    if (origin := typing.get_origin(dtype)) not in (None, types.UnionType, typing.Union):
        dtype = origin  # list[float] is a list
    if not isinstance(dtype, type):
        raise RegistrationError(
            f"dtype of metric {identifier!r} must be a type such as float, int, bool, str, list "
            f"or dict, not {dtype!r}"
        )
    return dtype


def _type_name(kind: type) -> str:
    if _DTYPES.get(kind.__name__) is kind:
        return kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def _as_dims(identifier: str, dims: Sequence[str]) -> tuple[str, ...]:
    names = (dims,) if isinstance(dims, str) else tuple(dims)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise RegistrationError(
            f"dims of metric {identifier!r} must be distinct names such as ('head',), not {dims!r}"
        )
    if len(names) > AXES_LIMIT:
        raise RegistrationError(
            f"metric {identifier!r} has {len(names)} dims, expected at most {AXES_LIMIT}"
        )
    return names
