"""How the logger comes to be configured, and what happens to it as the process forks and ends."""

from __future__ import annotations

import atexit
import os
import sys
from typing import Any

from micrometric.errors import SettingError
from micrometric.notice import outside_frame
from micrometric.settings import DEFAULT_LOG_PATH, UNSET, Settings, environment_settings, resolve
from micrometric.spec import parse_spec
from micrometric.state import State
from micrometric.tracing import leave_alone

PARAMETERS = (
    "log_path",
    "flush_every",
    "flush_interval",
    "metrics_to_log",
    "max_records",
    "sampling_factor",
)
"""The constructor's parameters, in the order of the original logger."""

_hooked = False
_worker = 0
"""Process id of the worker that was hooked."""
_LAST = -1_000_000
"""A priority below those of multiprocessing itself: what its own finalizers log is kept."""
_states: list[State] = []
"""States that were configured once; those in use are ended at exit and renewed after a fork."""


def bind(arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Return what was passed to the constructor, by the name of the parameter.

    Raises:
        TypeError: too many, unknown or doubled arguments.
        SettingError: both names of the metrics.
    """
    if len(arguments) > len(PARAMETERS):
        raise TypeError(
            f"MicroMetricLogger takes at most {len(PARAMETERS)} positional arguments, "
            f"got {len(arguments)}"
        )
    passed = dict(zip(PARAMETERS, arguments, strict=False))
    for name, value in named.items():
        if name not in (*PARAMETERS, *Settings.__slots__, "enabled_metrics"):
            raise TypeError(f"MicroMetricLogger got an unknown argument {name!r}")
        if name in passed:
            raise TypeError(f"MicroMetricLogger got two values for {name!r}")
        passed[name] = value
    passed = {name: value for name, value in passed.items() if value is not UNSET}
    if "enabled_metrics" in passed:
        passed["metrics_to_log"] = one_name(passed.pop("enabled_metrics"), passed)
    return passed


def one_name(enabled_metrics: Any, passed: dict[str, Any]) -> Any:
    """Return the metrics that were passed under their older name.

    Raises:
        SettingError: they were passed under the newer name too.
    """
    if passed.get("metrics_to_log") is not None:
        raise SettingError(
            "metrics_to_log and enabled_metrics are two names of one argument; pass one of them"
        )
    return enabled_metrics


def configure_first(state: State, passed: dict[str, Any]) -> None:
    """Configure from arguments and environment, as far as they ask for it.

    Raises:
        SettingError: a setting cannot be used.
        SpecError: the metrics cannot be read.
    """
    asked = dict(passed)
    environment = environment_settings(os.environ)
    from_environment = environment.pop("metrics", None)
    metrics = asked.pop("metrics_to_log", None)
    if asked.get("log_path", UNSET) is None:
        del asked["log_path"]
    settings = resolve(state.settings, {**environment, **asked})
    if settings.log_path is None and metrics is not None:
        settings = resolve(settings, {"log_path": DEFAULT_LOG_PATH})
    if settings.log_path is None:
        state.settings = settings
    else:
        configure(state, settings, from_environment if metrics is None else metrics)


def configure(state: State, settings: Settings, metrics: Any) -> None:
    """Log from here on as the settings say.

    Raises:
        SettingError: the directory cannot be created.
        SpecError: the metrics cannot be read.
    """
    spec = parse_spec(metrics)
    global _hooked
    if not _hooked:
        _hooked = True
        atexit.register(_end_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_leave_all_to_parent)
    if state not in _states:
        _states.append(state)
        state.on_first_event = _hook_worker
    leave_alone()
    state.configure(settings, spec)
    if not spec.terms:
        state.notices.give(
            "nothing enabled",
            "logging is configured but no metric is enabled; pass metrics_to_log, for example "
            "'all', or call enable_metrics()",
            outside_frame(),
        )


def warn_of_differences(state: State, passed: dict[str, Any]) -> None:
    """Warn where arguments disagree with the configuration, naming both."""
    asked = dict(passed)
    metrics = asked.pop("metrics_to_log", None)
    if asked.get("log_path", UNSET) is None:
        del asked["log_path"]
    wanted = resolve(state.settings, asked)
    differences = [
        f"{name}={getattr(state.settings, name)!r}, not {getattr(wanted, name)!r}"
        for name in asked
        if getattr(state.settings, name) != getattr(wanted, name)
    ]
    if metrics is not None and set(parse_spec(metrics).terms) != set(state.spec.terms):
        differences.append(f"metrics_to_log={str(state.spec)!r}, not {str(parse_spec(metrics))!r}")
    if differences:
        state.notices.give(
            ("differs", *differences),
            f"MicroMetricLogger is configured already, with {'; '.join(differences)}; call "
            "configure_logging() to change it",
            outside_frame(),
        )


def _end_all() -> None:
    for state in _states:
        state.end()


def _hook_worker() -> None:
    """End with a worker of multiprocessing, which leaves without the handlers of `atexit`.

    It also forgets what was registered before the fork, so this is done at the first event.
    """
    global _worker
    process = sys.modules.get("multiprocessing.process")
    if process is None or process.parent_process() is None or _worker == os.getpid():
        return
    from multiprocessing import util

    _worker = os.getpid()
    util.Finalize(None, _end_all, exitpriority=_LAST)


def _leave_all_to_parent() -> None:
    for state in _states:
        state.leave_to_parent()


def forget(state: State) -> None:
    """Let go of a state that is not in use any more, without writing what is pending."""
    if state in _states:
        _states.remove(state)
    if state.writer is not None:
        state.writer.stop()
