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
from micrometric.logger import MicroMetricLogger

__all__ = [
    "FilterError",
    "LogEvent",
    "ManifestError",
    "MicroMetricLogger",
    "MicrometricError",
    "MicrometricWarning",
    "NoDataError",
    "NotAnEvent",
    "PathError",
    "RegistrationError",
    "SettingError",
    "SpecError",
    "__version__",
]
