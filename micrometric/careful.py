"""The careful way of an event: everything the hot path leaves out.

Values of any kind, context, limits and sampling, a location that was given, and calls that must
not be logged at all. It is slower, never raises, and ends in the same queue.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from micrometric.dtypes import fits
from micrometric.encoding import LARGE, Raw
from micrometric.event import finite
from micrometric.registry import check_identifier
from micrometric.spec import did_you_mean
from micrometric.state import State, inherited
from micrometric.tracing import leave_alone
from micrometric.values import Plain, size_of
from micrometric.writer import Writer


def log_carefully(
    state: State,
    identifier: str,
    value: Any,
    metadata: Mapping[str, Any] | None,
    location: str | None,
    frame: FrameType,
) -> None:
    """Log an event, whatever it is and whatever is configured. Never raises."""
    try:
        leave_alone()
        writer = state.writer
        if writer is None or identifier not in state.enabled:
            _refuse(state, writer, identifier, frame)
        elif writer.gate.ask is None or writer.gate.ask(identifier, True):
            state.begin(writer)
            event, waits = _raw(state, writer, identifier, value, metadata, location, frame)
            is_large = size_of(event[2]) + size_of(event[3]) > LARGE
            writer.add(event, waits=waits, is_large=is_large)
    except Exception as error:  # noqa: BLE001 - a training run does not die of its metrics
        _count_failure(state, identifier)
        shown = repr(identifier) if isinstance(identifier, str) else type(identifier).__name__
        state.notices.give(
            ("log", type(error)), f"an event of metric {shown} was lost: {error}", frame
        )


def _count_failure(state: State, identifier: object) -> None:
    writer = state.writer
    if writer is not None and isinstance(identifier, str) and identifier in state.enabled:
        writer.account.note(identifier, failed=1)


def _refuse(state: State, writer: Writer | None, identifier: str, frame: FrameType) -> None:
    if writer is None:
        state.notices.give(
            "not configured",
            f"metric {identifier!r} is not logged: no log path is configured; call "
            "configure_logging() first",
            frame,
        )
        return
    check_identifier(identifier)
    writer.account.note(identifier, not_enabled=1)
    if identifier in state.registry.metrics:
        reason = "it is not enabled; name it in metrics_to_log, or ask is_metric_enabled()"
    else:
        reason = f"it is not registered{did_you_mean(identifier, state.registry.metrics)}"
    place = (frame.f_code.co_filename, frame.f_lineno)
    state.notices.give(
        ("refused", identifier, place), f"metric {identifier!r} is not logged: {reason}", frame
    )


def _raw(
    state: State,
    writer: Writer,
    identifier: str,
    value: Any,
    metadata: Mapping[str, Any] | None,
    location: str | None,
    frame: FrameType,
) -> tuple[Raw, bool]:
    """Return the event as it is queued, and whether something in it waits on a device."""
    moment = time.time_ns()
    plain = Plain(value)
    dtype = state.registry.dtypes[identifier]
    fit = fits(value, plain.data, dtype, len(state.registry.metrics[identifier].dims))
    if not fit:
        state.notices.give(
            ("misfit", identifier),
            f"metric {identifier!r} is registered as {dtype.__name__}, logged was "
            f"{type(value).__name__}; such values are kept and counted",
            frame,
        )
    if metadata is not None and not isinstance(metadata, Mapping):
        metadata = {"metadata": metadata}  # Not what was asked for, but nothing is lost.
    own = Plain(metadata or {})
    around = state.process_context, inherited.get()
    by_repr = plain.by_repr or any(part.by_repr for part in (*around, own))
    if by_repr or not fit:
        writer.account.note(identifier, misfits=not fit, by_repr=by_repr)
    merged = {**around[0].data, **around[1].data, **finite(own.data)}
    where = (frame.f_code, frame.f_globals) if location is None else (str(location), None)
    waits = any(part.deferred for part in (plain, *around, own))
    return (moment, identifier, finite(plain.data), merged, *where), waits
