"""Every error micrometric raises on purpose, in one tree; each is a fitting built-in too.

::

  MicrometricError
  ├── RegistrationError (ValueError)   a metric that cannot be registered
  ├── SettingError      (ValueError)   an argument or environment variable that cannot be used
  ├── SpecError         (ValueError)   a `metrics_to_log` spec that cannot be read
  ├── FilterError       (ValueError)   a filter (where, since, …) that cannot be read
  ├── ManifestError     (ValueError)   a manifest that is broken or of a future version
  ├── NotAnEvent        (ValueError)   a line that is not an event
  ├── NotAddedUpError   (RuntimeError) what was written is not what was read: a bug here
  ├── PathError         (OSError)      a path that is missing, unreadable or holds no logs
  └── NoDataError       (LookupError)  a metric, key or launch that is not in the logs
"""

from __future__ import annotations


class MicrometricError(Exception):
    """The base of every error that micrometric raises on purpose."""


class MicrometricWarning(UserWarning):
    """The category of every warning that micrometric gives."""


class RegistrationError(MicrometricError, ValueError):
    """A metric that cannot be registered."""


class SettingError(MicrometricError, ValueError):
    """An argument or environment variable that cannot be used."""


class _TextError(MicrometricError, ValueError):
    """An error in a text the user wrote, with the column where it was found."""

    def __init__(self, message: str, *, text: str | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.text = text
        """The text that was read, or None when it was not a text."""
        self.column = column
        """The offset of the fault in `text`, from 0, or None when it has no single place."""


class SpecError(_TextError):
    """A `metrics_to_log` spec that cannot be read."""


class FilterError(_TextError):
    """A filter that cannot be read."""


class ManifestError(MicrometricError, ValueError):
    """A manifest that is broken, not a manifest, or of a future version."""


class NotAnEvent(MicrometricError, ValueError):  # noqa: N818 - it names what the line is
    """A line that is not an event.

    Attributes:
        reason: what is wrong with it, a short phrase for a report.
        kind: one of the kinds of `micrometric.defects`.
    """

    def __init__(self, reason: str, kind: str = "keys") -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind


class NotAddedUpError(MicrometricError, RuntimeError):
    """What was written is not what was read: a bug here, and nothing of its output is used."""


class PathError(MicrometricError, OSError):
    """A path that is missing, unreadable or holds no logs."""


class NoDataError(MicrometricError, LookupError):
    """A metric, key or launch that the logs do not hold."""
