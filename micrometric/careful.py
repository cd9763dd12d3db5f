"""The careful way of an event: everything the hot path leaves out.

Values of any kind, context, limits and sampling, a location that was given, and calls that must
not be logged at all. It is slower, never raises, and ends in the same queue.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from micrometric.encoding import Raw
from micrometric.event import encode_fields, finite
from micrometric.registry import check_identifier
from micrometric.spec import did_you_mean
from micrometric.state import State, inherited
from micrometric.values import Plain, fits
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
        writer = state.writer
        if writer is None or identifier not in state.enabled:
            _refuse(state, writer, identifier, frame)
        elif _admit(state, writer, identifier):
            writer.add(_raw(state, writer, identifier, value, metadata, location, frame))
            state.begin(writer)
    except Exception as error:  # noqa: BLE001 - a training run does not die of its metrics
        _count_failure(state, identifier)
        shown = repr(identifier) if isinstance(identifier, str) else type(identifier).__name__
        state.notices.give(
            ("log", type(error)), f"an event of metric {shown} was lost: {error}", frame
        )


def _count_failure(state: State, identifier: object) -> None:
    writer = state.writer
    if writer is not None and isinstance(identifier, str) and identifier in state.enabled:
        with writer.count_lock:
            writer.count(identifier).failed += 1


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
    with writer.count_lock:
        writer.count(identifier).not_enabled += 1
    if identifier in state.registry.metrics:
        reason = "it is not enabled; name it in metrics_to_log, or ask is_metric_enabled()"
    else:
        reason = f"it is not registered{did_you_mean(identifier, state.registry.metrics)}"
    place = (frame.f_code.co_filename, frame.f_lineno)
    state.notices.give(
        ("refused", identifier, place), f"metric {identifier!r} is not logged: {reason}", frame
    )


def _admit(state: State, writer: Writer, identifier: str) -> bool:
    """Apply `max_records` and sampling, and count what they leave out."""
    settings = state.settings
    if settings.max_records is None and settings.sampling_factor >= 1.0:
        return True
    with writer.count_lock:
        if settings.max_records is not None and state.admitted >= settings.max_records:
            writer.count(identifier).capped += 1
            return False
        if state.random.random() >= settings.sampling_factor:
            writer.count(identifier).sampled_out += 1
            return False
        state.admitted += 1
        return True


def _raw(
    state: State,
    writer: Writer,
    identifier: str,
    value: Any,
    metadata: Mapping[str, Any] | None,
    location: str | None,
    frame: FrameType,
) -> Raw:
    moment = time.time_ns()
    plain = Plain(value)
    extra = Plain(_merged(state, metadata))
    dtype = state.registry.dtypes[identifier]
    fit = fits(value, plain.data, dtype, len(state.registry.metrics[identifier].dims))
    if not fit or plain.by_repr or extra.by_repr:
        with writer.count_lock:
            writer.count(identifier).misfits += not fit
            writer.count(identifier).by_repr += plain.by_repr or extra.by_repr
    if not fit:
        state.notices.give(
            ("misfit", identifier),
            f"metric {identifier!r} is registered as {dtype.__name__}, logged was "
            f"{type(value).__name__}; such values are kept and counted",
            frame,
        )
    frozen = extra.data if extra.deferred else encode_fields(finite(extra.data))[:-1]
    where = (frame.f_code, frame.f_globals) if location is None else (str(location), None)
    return (moment, identifier, finite(plain.data), frozen, *where)


def _merged(state: State, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    if metadata is not None and not isinstance(metadata, Mapping):
        metadata = {"metadata": metadata}  # Not what was asked for, but nothing is lost.
    return {**state.process_context, **inherited.get({}), **(metadata or {})}
