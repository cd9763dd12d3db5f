"""Warnings that come out of a measurement, where nothing may raise."""

from __future__ import annotations

import contextlib
import sys
import warnings
from types import FrameType

from micrometric.errors import MicrometricWarning


class Notices:
    """Warnings given once for each topic. Safe from any thread."""

    def __init__(self) -> None:
        self._given: set[object] = set()

    def give(self, topic: object, message: str, frame: FrameType | None = None) -> None:
        """Warn unless this topic was warned about; never raises.

        Args:
            topic: what it is about; hashable.
            message: the warning.
            frame: the caller it concerns, where there is one.
        """
        if topic in self._given:
            return
        self._given.add(topic)
        # A filter that turns warnings into errors must not end a training run.
        with contextlib.suppress(Warning):
            if frame is None:
                warnings.warn(message, MicrometricWarning, stacklevel=2)
            else:
                warnings.warn_explicit(
                    message,
                    MicrometricWarning,
                    frame.f_code.co_filename,
                    frame.f_lineno,
                    frame.f_globals.get("__name__"),
                )

    def withdraw(self, topic: object) -> None:
        """Forget a topic whose trouble is over, so that its return is told again."""
        self._given.discard(topic)


def outside_frame() -> FrameType:
    """Return the innermost frame that is not micrometric's own: whose call is warned about."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__package__") == __package__ and frame.f_back is not None:
        frame = frame.f_back
    return frame
