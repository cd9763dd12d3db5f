"""What lies behind the singleton: configuration, enabled metrics, context, and the writer.

An ordinary object, so that a test or a fork simply takes another one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from micrometric import place
from micrometric.encoding import Frozen
from micrometric.errors import SettingError
from micrometric.event import finite
from micrometric.gate import Ask
from micrometric.machine import this_machine
from micrometric.notice import Notices
from micrometric.registry import Registry
from micrometric.segment import new_session_id
from micrometric.session import Session, new_session
from micrometric.settings import Settings, unconfigured
from micrometric.spec import Spec, did_you_mean
from micrometric.values import Plain, fast_classes
from micrometric.writer import Writer

_NOTHING = Plain({})
inherited: ContextVar[Plain] = ContextVar("micrometric_context", default=_NOTHING)
"""Metadata of the `context` blocks around, as it was then, for each thread and task."""


class State:
    """Configuration and counts of the logger.

    Args:
        registry: the registered metrics; it outlives configurations.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.on_first_event: Callable[[], None] = _do_nothing
        """Called when the first event of a process is logged."""
        self.settings = Settings()
        self.spec = Spec(())
        self.enabled: frozenset[str] = frozenset()
        self.fast: dict[str, frozenset[type]] = {}
        """By enabled metric the classes of values that need no look: what the hot path asks.
        Empty while some setting asks for more than the hot path does."""
        self.writer: Writer | None = None
        self.lock = threading.RLock()
        self.notices = Notices()
        self.process_context = _NOTHING
        """Metadata of every event of the process, as it was when it was set."""
        self.ask: Ask | None = None
        """What the hot path asks with a metric and its metadata where there are contexts, sampling
        or a limit: it gives the metadata with its contexts, None for an event to leave out."""
        self._uses_context = False
        """Whether there is or was a context of any kind."""
        self._has_rich_context = False
        """Whether a context needed more than a look, so that each event of it does too."""
        self._started = False
        """Whether a first event went the careful way, which starts the thread."""
        self._switched: dict[str, bool] = {}
        """Metrics switched on or off one by one since the spec was set."""
        self._start = datetime.now(UTC)
        """When the session began that is configured."""
        self._launches: list[str] = []
        """Those of this process so far, the last for the session that is configured."""
        self._may_claim = not place.is_child(os.environ)

    # Configuration.

    def configure(self, settings: Settings, spec: Spec) -> None:
        """Drain everything to the old place, then log into the new one.

        Raises:
            SettingError: the directory cannot be created.
        """
        _make_directory(settings.log_path)
        with self.lock:
            self.close()
            self.settings = settings
            self._started = False
            self._start, machine = datetime.now(UTC), this_machine()
            own = new_session_id(self._start, machine.host, os.getpid())
            self._launches.append(place.launch(os.environ, own, machine, self._launches))
            self.writer = self._new_writer()
            self.enable(spec)

    def _new_writer(self) -> Writer:
        # Bound to these settings: the session may start when others are configured already.
        new = partial(self._new_session, self.settings, self._start, self._launches[-1])
        return Writer(new, self.settings, self.registry, self.notices)

    def _new_session(self, settings: Settings, start: datetime, launch: str) -> Session:
        return new_session(
            Path(settings.log_path or "."),
            this_machine(),
            start,
            settings=settings,
            spec=self._spec_text(),
            launch=launch,
            may_claim=self._may_claim,
        )

    def close(self) -> None:
        """Write what is pending and end the session; logging is then not configured."""
        with self.lock:
            writer, self.writer = self.writer, None
            self.settings = unconfigured(self.settings)
            self.refresh()
        if writer is not None:
            writer.close()

    def end(self) -> None:
        """End the session as the process ends; what is logged after it is written at once."""
        if self.writer is not None:
            self.writer.close()

    def leave_to_parent(self) -> None:
        """After a fork: leave the pending events to the parent, keep the configuration."""
        self.lock = threading.RLock()  # Another thread of the parent may hold the old one.
        self._may_claim = False
        self._started = False
        self._start = datetime.now(UTC)
        if self.writer is not None:
            self.writer.abandon()
            self.writer = self._new_writer()
        self.refresh()

    def _spec_text(self) -> str:
        """Return what is enabled now as a spec, metrics switched one by one included."""
        switched = {f"{'' if on else '!'}{name}" for name, on in self._switched.items()}
        return ",".join([*self.spec.terms, *sorted(switched - {*self.spec.terms})])

    # Which metrics are enabled.

    def enable(self, spec: Spec) -> None:
        """Enable the metrics of a spec and no others."""
        with self.lock:
            self.spec = spec
            self._switched = {}
            self._spec_changed()
        for term in spec.unmatched(self.registry.metrics):
            self._tell_unknown(term)

    def switch(self, identifier: str, on: bool) -> None:
        """Enable or disable one metric."""
        with self.lock:
            self._switched[identifier] = on
            self._spec_changed()
        if on and identifier not in self.registry.metrics:
            self._tell_unknown(identifier)

    def _spec_changed(self) -> None:
        self.refresh()
        if self.writer is not None:
            self.writer.change_spec(self._spec_text())

    def refresh(self) -> None:
        """Work out again which metrics are enabled and which calls may take the hot path."""
        with self.lock:
            registered = self.registry.metrics
            enabled = {
                name for name in registered if self._switched.get(name, self.spec.matches(name))
            }
            self.enabled = frozenset(enabled) if self.writer is not None else frozenset()
            self.ask = self.writer.gate.ask if self.writer is not None else None
            if self._uses_context:
                self.ask = self._ask_context if self.ask is None else self._ask_both
            self.fast = {}
            if self._started and not self._has_rich_context:
                for name in self.enabled:
                    if classes := fast_classes(self.registry.dtypes[name], registered[name]):
                        self.fast[name] = classes

    def _tell_unknown(self, term: str) -> None:
        name = term.removeprefix("!")
        self.notices.give(
            ("unknown", term),
            f"metrics_to_log: {term!r} matches no registered metric yet; it takes effect when "
            f"one is registered{did_you_mean(name, self.registry.metrics)}",
        )

    # What the hot path asks where there is something to ask.

    def _ask_context(self, _: str, frozen: Frozen) -> Frozen:
        return self.process_context.data, inherited.get().data, frozen

    def _ask_both(self, metric: str, frozen: Frozen) -> Frozen | None:
        if self.writer is None or self.writer.gate.ask is None:
            return self._ask_context(metric, frozen)
        if self.writer.gate.ask(metric, frozen) is None:
            return None
        return self._ask_context(metric, frozen)

    def with_context(self, around: Plain, metadata: Mapping[str, Any]) -> Plain:
        """Return a context inside another, frozen as it is now."""
        own = Plain(metadata)
        own.data = {**around.data, **finite(own.data)}
        own.by_repr = own.by_repr or around.by_repr
        own.deferred = own.deferred or around.deferred
        is_rich = own.by_repr or own.deferred
        if not self._uses_context or (is_rich and not self._has_rich_context):
            self._uses_context = True
            self._has_rich_context = self._has_rich_context or is_rich
            self.refresh()
        return own

    def set_context(self, metadata: Mapping[str, Any]) -> None:
        """Merge into the metadata of the whole process; None removes a key."""
        with self.lock:
            context = self.with_context(self.process_context, metadata)
            context.data = {key: item for key, item in context.data.items() if item is not None}
            self.process_context = context

    def begin(self, writer: Writer) -> None:
        """Start the thread at the first event; from then on calls may take the hot path."""
        if not self._started:
            self.on_first_event()
            writer.start_thread()
            self._started = True
            self.refresh()


def _do_nothing() -> None:
    pass


def _make_directory(log_path: str | None) -> None:
    """Create the log directory early, so that a bad path is told when it is configured."""
    path = Path(log_path or ".")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise SettingError(
            f"log_path {log_path!r} is a file; expected a directory, which is created if missing"
        ) from None
    except OSError as error:
        raise SettingError(
            f"log_path {log_path!r} cannot be created: {error.strerror}; name a directory that "
            "can be written to"
        ) from None
