"""Micro metrics: small values logged from inside hot loops, and read back.

A name is loaded when it is first used: who logs does not wait for what reads, nor the other way
round.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from micrometric._version import __version__

if TYPE_CHECKING:
    from micrometric.checking import Check, check
    from micrometric.compaction import Compacted, Compaction, compact
    from micrometric.compared import Comparison
    from micrometric.comparison import compare
    from micrometric.errors import (
        FilterError,
        ManifestError,
        MicrometricError,
        MicrometricWarning,
        NoDataError,
        NotAddedUpError,
        NotAnEvent,
        PathError,
        RegistrationError,
        SettingError,
        SpecError,
    )
    from micrometric.event import LogEvent
    from micrometric.exports import Exported, export
    from micrometric.follower import Follower, follow
    from micrometric.frames import read
    from micrometric.live import LiveSummary
    from micrometric.log_report import LogReport, make_report
    from micrometric.logger import MicroMetricLogger
    from micrometric.pictures import Picture
    from micrometric.plots import plot
    from micrometric.pruning import prune
    from micrometric.reader import iter_events
    from micrometric.repairing import Repair, repair
    from micrometric.report import Report
    from micrometric.retention import Pruning
    from micrometric.summary import Summary, summarize

_MODULES = {
    "checking": ("Check", "check"),
    "compaction": ("Compacted", "Compaction", "compact"),
    "comparison": ("Comparison", "compare"),
    "errors": (
        "FilterError",
        "ManifestError",
        "MicrometricError",
        "MicrometricWarning",
        "NoDataError",
        "NotAddedUpError",
        "NotAnEvent",
        "PathError",
        "RegistrationError",
        "SettingError",
        "SpecError",
    ),
    "event": ("LogEvent",),
    "exports": ("Exported", "export"),
    "follower": ("Follower", "follow"),
    "frames": ("read",),
    "live": ("LiveSummary",),
    "log_report": ("LogReport", "make_report"),
    "logger": ("MicroMetricLogger",),
    "pictures": ("Picture",),
    "plots": ("plot",),
    "pruning": ("prune",),
    "reader": ("iter_events",),
    "repairing": ("Repair", "repair"),
    "report": ("Report",),
    "retention": ("Pruning",),
    "summary": ("Summary", "summarize"),
}
"""The public names by the module that each comes from. No name may be that of a module."""

__all__ = [
    "Check",
    "Compacted",
    "Compaction",
    "Comparison",
    "Exported",
    "FilterError",
    "Follower",
    "LiveSummary",
    "LogEvent",
    "LogReport",
    "ManifestError",
    "MicroMetricLogger",
    "MicrometricError",
    "MicrometricWarning",
    "NoDataError",
    "NotAddedUpError",
    "NotAnEvent",
    "PathError",
    "Picture",
    "Pruning",
    "RegistrationError",
    "Repair",
    "Report",
    "SettingError",
    "SpecError",
    "Summary",
    "__version__",
    "check",
    "compact",
    "compare",
    "export",
    "follow",
    "iter_events",
    "make_report",
    "plot",
    "prune",
    "read",
    "repair",
    "summarize",
]


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            item: object = getattr(import_module(f"micrometric.{module}"), name)
            globals()[name] = item
            return item
    raise AttributeError(f"module 'micrometric' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
