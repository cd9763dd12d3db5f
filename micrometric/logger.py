"""`MicroMetricLogger`: the one object of a process that metrics are logged through.

`log` is the hot path and fits on one screen: is it enabled and plain, what time is it, who calls,
into the queue. Everything else is the careful way in `careful.py`. The rest of this file is the
public interface, one class as in the original logger, whose methods ask the state behind it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from micrometric.careful import log_carefully
from micrometric.encoding import LARGE, NOTHING, Frozen, freeze
from micrometric.errors import MicrometricWarning
from micrometric.event import LogEvent, decode_line
from micrometric.lifecycle import bind, configure, configure_first, one_name, warn_of_differences
from micrometric.registry import Registry
from micrometric.settings import UNSET, Unset, resolve
from micrometric.spec import parse_spec
from micrometric.state import State, inherited
from micrometric.tracing import break_graph
from micrometric.writer import Writer

_registry = Registry()
_current: MicroMetricLogger | None = None
_construction = threading.RLock()
_frame = sys._getframe
_now = time.time_ns


class _Singleton(type):
    """Makes every call of the class return its one object, cheaper than `__new__` could."""

    if not TYPE_CHECKING:  # A checker reads the constructor's parameters off `__init__`.

        def __call__(cls, log_path: Any = UNSET, *arguments: Any, **named: Any) -> Any:
            if log_path is UNSET and not arguments and not named and _current is not None:
                return _current
            return _construct(cls, (log_path, *arguments), named)

    @property
    def _instance(cls) -> MicroMetricLogger | None:
        """The object once a call has configured it, or left that to later."""
        return _current

    @_instance.setter
    def _instance(cls, instance: MicroMetricLogger | None) -> None:
        global _current
        _current = instance


class MicroMetricLogger(metaclass=_Singleton):
    """Log small values from inside hot loops.

    Every call of the class returns the same object. The first call with a path or metrics
    configures it, or a first bare call where `MICROMETRIC_LOG_PATH` is set; later arguments that
    disagree warn and change nothing: use `configure_logging`.

    Args:
        log_path: directory of the log files, created if missing; `./metric_logs` when only
            metrics are named.
        flush_every: events after which they are written; 0 and 1 write before `log` returns.
        flush_interval: longest time in seconds that an event waits; None starts no thread and
            writes in the caller every `flush_every` events.
        metrics_to_log: which metrics are enabled: "all", identifiers, globs (`attn_*`) and
            exclusions (`!attn_debug_*`), comma-separated or as an iterable.
        max_records: events to keep until the next configuration; None for no limit.
        sampling_factor: share of the events to keep, from 0 to 1.
        sampling_seed: makes the choice the same each time; None draws anew.
        rotate_bytes: size at which a segment is closed and another begun; None for never.
        rotate_seconds: age in seconds at which a segment is closed; None for never.
        keep_segments: closed segments of this process to keep, the newest; None for all.
        keep_bytes: bytes of all segments of this process to keep; None for all.
        compression: "gzip" or "zstd" compresses closed segments; None leaves them as they are.
        enabled_metrics: older name of `metrics_to_log`.

    Each argument that is not passed comes from the environment (`MICROMETRIC_LOG_PATH`,
    `MICROMETRIC_METRICS`, `MICROMETRIC_FLUSH_EVERY`, …) where it is set there.

    All methods are safe from any thread. After a fork the child logs into a file of its own.

    Raises:
        SettingError: an argument cannot be used, or the directory cannot be created.
        SpecError: `metrics_to_log` cannot be read.
    """

    __slots__ = ("_state",)

    def __new__(cls, *arguments: Any, **named: Any) -> MicroMetricLogger:
        """Return the one logger, where the metaclass is not asked: torch.compile does not."""
        if _current is not None and not arguments and not named:
            return _current
        return _construct(cls, arguments, named)

    _object: ClassVar[MicroMetricLogger | None] = None
    _state: State

    def __reduce__(self) -> tuple[type[MicroMetricLogger], tuple[()]]:
        # A model that holds the logger is copied and sent to workers with it: the copy is the
        # one logger of the process that it arrives in.
        return MicroMetricLogger, ()

    if TYPE_CHECKING:

        def __init__(
            self,
            log_path: str | os.PathLike[str] | Unset | None = UNSET,
            flush_every: int | Unset = UNSET,
            flush_interval: float | Unset | None = UNSET,
            metrics_to_log: str | Iterable[str] | Unset | None = UNSET,
            max_records: int | Unset | None = UNSET,
            sampling_factor: float | Unset = UNSET,
            *,
            sampling_seed: int | Unset | None = UNSET,
            rotate_bytes: int | Unset | None = UNSET,
            rotate_seconds: float | Unset | None = UNSET,
            keep_segments: int | Unset | None = UNSET,
            keep_bytes: int | Unset | None = UNSET,
            compression: Literal["gzip", "zstd"] | Unset | None = UNSET,
            enabled_metrics: str | Iterable[str] | Unset | None = UNSET,
        ) -> None: ...

    def log(
        self,
        identifier: str,
        value: Any,
        metadata: Mapping[str, Any] | None = None,
        location: str | None = None,
        stacklevel: int = 1,
    ) -> None:
        """Log one value of an enabled metric. Never raises and never waits for the disk.

        Args:
            identifier: the metric.
            value: anything; see the format for how it is written.
            metadata: circumstances such as `{"layer_idx": 3}`, kept as they are now.
            location: where it belongs, instead of the caller's `module.Qualified.name`.
            stacklevel: whose location to take: 1 is the caller, 2 the caller's caller.
        """
        state = self._state
        try:
            if value.__class__ in state.fast[identifier] and location is None and stacklevel == 1:
                frozen: Frozen = NOTHING
                if metadata is not None and len(frozen := freeze(metadata)) > LARGE:
                    raise OverflowError  # noqa: TRY301 - the careful way looks at its size
                if (ask := state.ask) is not None and (frozen := ask(identifier, frozen)) is None:
                    return
                caller = _frame(1)
                writer: Writer = state.writer  # type: ignore[assignment] # fast has nothing without
                queue = writer.queue
                queue.append((_now(), identifier, value, frozen, caller.f_code, caller.f_globals))
                if len(queue) >= writer.slice_size:
                    writer.encode_slice()
                return
        except Exception:  # noqa: BLE001 - whatever it is, the careful way takes it
            pass
        log_carefully(state, identifier, value, metadata, location, _caller(stacklevel))

    def is_metric_enabled(self, identifier: str) -> bool:
        """Say whether a metric is logged: the guard for values that cost something to compute."""
        return identifier in self._state.enabled

    request_metric = is_metric_enabled

    @staticmethod
    def register_metric(
        identifier: str,
        dtype: Any,
        *,
        unit: str | None = None,
        description: str | None = None,
        dims: str | Sequence[str] = (),
    ) -> None:
        """Register a metric, before or after any logger exists.

        Args:
            identifier: letters, digits and `_ . / : -`, at most 200; `all` is reserved.
            dtype: type of the values, such as float, int, bool, str, list or dict.
            unit: unit of the values, `"1"` for a share.
            description: what is measured, in a sentence.
            dims: names of the axes of a list value, such as `("head",)`; then each element of
                a logged list is an observation of its own.

        Raises:
            RegistrationError: an argument cannot be used.
        """
        caller = _frame(1)
        place = f"{caller.f_globals.get('__name__', '?')}:{caller.f_lineno}"
        replaced = _registry.register(
            identifier, dtype, unit=unit, description=description, dims=dims, place=place
        )
        if (logger := MicroMetricLogger._instance) is not None:
            logger._state.refresh()
        if replaced is not None:
            now = _registry.metrics[identifier].dtype
            warnings.warn(
                f"metric {identifier!r} is registered as {now} at {place}, in place of "
                f"{replaced.dtype} at {replaced.place}",
                MicrometricWarning,
                stacklevel=2,
            )

    @staticmethod
    def get_registered_metrics() -> dict[str, type]:
        """Return the dtypes of all registered metrics by identifier."""
        return dict(_registry.dtypes)

    def configure_logging(
        self,
        log_path: str | os.PathLike[str],
        metrics_to_log: str | Iterable[str] | None = None,
        max_records: int | None = None,
        sampling_factor: float = 1.0,
        *,
        enabled_metrics: str | Iterable[str] | Unset | None = UNSET,
        flush_every: int | Unset = UNSET,
        flush_interval: float | Unset | None = UNSET,
        sampling_seed: int | Unset | None = UNSET,
        rotate_bytes: int | Unset | None = UNSET,
        rotate_seconds: float | Unset | None = UNSET,
        keep_segments: int | Unset | None = UNSET,
        keep_bytes: int | Unset | None = UNSET,
        compression: Literal["gzip", "zstd"] | Unset | None = UNSET,
    ) -> None:
        """Write what is pending to the old place, then log into a new session.

        Metrics, limit and sampling that are not passed mean none, no limit and no sampling;
        what else is not passed stays as it was. Counts start anew.

        Raises:
            SettingError: an argument cannot be used, or the directory cannot be created.
            SpecError: `metrics_to_log` cannot be read.
        """
        if not isinstance(enabled_metrics, Unset):
            metrics_to_log = one_name(enabled_metrics, {"metrics_to_log": metrics_to_log})
        state = self._state
        settings = resolve(
            state.settings,
            {
                "log_path": log_path,
                "flush_every": flush_every,
                "flush_interval": flush_interval,
                "max_records": max_records,
                "sampling_factor": sampling_factor,
                "sampling_seed": sampling_seed,
                "rotate_bytes": rotate_bytes,
                "rotate_seconds": rotate_seconds,
                "keep_segments": keep_segments,
                "keep_bytes": keep_bytes,
                "compression": compression,
            },
        )
        configure(state, settings, metrics_to_log)

    def enable_metrics(self, metrics: str | Iterable[str] | None = None) -> None:
        """Enable the metrics of a spec and no others; None enables none.

        Raises:
            SpecError: the spec cannot be read.
        """
        self._state.enable(parse_spec(metrics))

    def enable_metric(self, identifier: str) -> None:
        """Enable one metric besides those that are."""
        self._state.switch(identifier, on=True)

    def disable_metric(self, identifier: str) -> None:
        """Disable one metric."""
        self._state.switch(identifier, on=False)

    def get_enabled_metrics(self) -> set[str]:
        """Return the identifiers of the enabled metrics."""
        return set(self._state.enabled)

    @contextmanager
    def context(self, **metadata: Any) -> Iterator[None]:
        """Add metadata to every event logged inside, by this thread or task.

        The event's own metadata wins over the context, an inner context over an outer one.
        """
        token = inherited.set(self._state.with_context(inherited.get(), metadata))
        try:
            yield
        finally:
            inherited.reset(token)

    def set_context(self, **metadata: Any) -> None:
        """Add metadata to every event of the process until it is changed; None removes a key."""
        self._state.set_context(metadata)

    def flush(self) -> None:
        """Write every pending event before returning. Never raises."""
        if (writer := self._state.writer) is not None:
            writer.flush()

    def close(self) -> None:
        """Write every pending event and end the session; logging is then not configured."""
        self._state.close()

    def is_logging_configured(self) -> bool:
        """Say whether there is a place to log to."""
        return self._state.writer is not None

    def get_total_records_logged(self) -> int:
        """Return the events since the configuration that are written or will be."""
        writer = self._state.writer
        return 0 if writer is None else writer.kept()

    def is_max_records_reached(self) -> bool:
        """Say whether `max_records` events are kept already."""
        return self.get_records_remaining() == 0

    def get_records_remaining(self) -> int | None:
        """Return how many more events `max_records` admits, None without a limit."""
        limit, writer = self._state.settings.max_records, self._state.writer
        if limit is None:
            return None
        if writer is not None and writer.gate.is_closed:
            return 0
        return max(0, limit - self.get_total_records_logged())

    def get_sampling_factor(self) -> float:
        """Return the share of events that is kept."""
        return self._state.settings.sampling_factor

    def get_max_records(self) -> int | None:
        """Return the limit of events, None for none."""
        return self._state.settings.max_records

    @property
    def log_path(self) -> str | None:
        """The log directory as an absolute path, None while logging is not configured."""
        return self._state.settings.log_path

    @property
    def enabled_metrics(self) -> set[str]:
        """The identifiers of the enabled metrics."""
        return set(self._state.enabled)

    @property
    def flush_every(self) -> int:
        """Events after which they are written."""
        return self._state.settings.flush_every

    @property
    def flush_interval(self) -> float | None:
        """Longest time in seconds that an event waits."""
        return self._state.settings.flush_interval

    @property
    def max_records(self) -> int | None:
        """The limit of events, None for none."""
        return self._state.settings.max_records

    @property
    def sampling_factor(self) -> float:
        """The share of events that is kept."""
        return self._state.settings.sampling_factor

    @property
    def log_queue(self) -> deque[LogEvent]:
        """The events that are not written yet, the oldest first; a copy."""
        writer = self._state.writer
        return deque(decode_line(line) for line in writer.pending()) if writer else deque()

    @property
    def last_flush_time(self) -> float:
        """When events were last written, in seconds since the epoch."""
        writer = self._state.writer
        return writer.delivery.last_flush_time if writer else 0.0


break_graph(MicroMetricLogger.log)


def _construct(
    cls: type[MicroMetricLogger], arguments: tuple[Any, ...], named: dict[str, Any]
) -> MicroMetricLogger:
    passed = bind(arguments, named)
    with _construction:
        logger = cls._object
        if logger is None:
            logger = object.__new__(cls)
            logger._state = State(_registry)
            # No call from here on: a signal handler that came before has made the one object.
            if cls._object is None:
                cls._object = logger
            logger = cls._object
        elif cls._instance is None and logger._state.writer is not None:
            # Tests written for the original logger reset it by clearing `_instance`.
            logger._state.close()
            logger._state = State(_registry)
        cls._instance = logger
        if logger._state.writer is None:
            configure_first(logger._state, passed)
        else:
            warn_of_differences(logger._state, passed)
    return logger


def _renew_locks() -> None:
    """Take new locks in a forked child: another thread of the parent may hold the old ones."""
    global _construction
    _construction = threading.RLock()
    _registry.renew_lock()
    if (logger := MicroMetricLogger._object) is not None:
        logger._state.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    # From the start: metrics are registered before anything is configured.
    os.register_at_fork(after_in_child=_renew_locks)


def _caller(stacklevel: int) -> FrameType:
    """Return the frame so many levels above `log`, the outermost where there are not so many."""
    frame: FrameType = _frame(2)
    for _ in range(stacklevel - 1):
        frame = frame.f_back or frame
    return frame
