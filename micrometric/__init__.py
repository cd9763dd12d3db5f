"""Micro metrics: small values logged from inside hot loops, and read back."""

from micrometric._version import __version__
from micrometric.errors import (
    FilterError,
    ManifestError,
    MicrometricError,
    MicrometricWarning,
    NoDataError,
    NotAnEvent,
    PathError,
    RegistrationError,
    SettingError,
    SpecError,
)
from micrometric.event import LogEvent
from micrometric.follower import Follower, follow
from micrometric.frames import read
from micrometric.logger import MicroMetricLogger
from micrometric.reader import iter_events
from micrometric.report import Report
from micrometric.summary import Summary, summarize

__all__ = [
    "FilterError",
    "Follower",
    "LogEvent",
    "ManifestError",
    "MicroMetricLogger",
    "MicrometricError",
    "MicrometricWarning",
    "NoDataError",
    "NotAnEvent",
    "PathError",
    "RegistrationError",
    "Report",
    "SettingError",
    "SpecError",
    "Summary",
    "__version__",
    "follow",
    "iter_events",
    "read",
    "summarize",
]
