"""How far fetching has come: a line on standard error, on a terminal only, when it takes long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from micrometric.download import Progress

_PATIENCE = 1.0
"""Seconds after which it is long."""
_CLEAR = "\r\x1b[K"


def fetching(clock: Callable[[], float] = time.monotonic) -> Callable[[Progress | None], None]:
    """Return what shows how far fetching has come, and removes it when it is over."""
    begun = clock()
    drawn = False

    def tell(progress: Progress | None) -> None:
        nonlocal drawn
        if not sys.stderr.isatty():
            return
        if progress is None:
            if drawn:
                print(end=_CLEAR, file=sys.stderr, flush=True)  # noqa: T201 - talk, not data
            drawn = False
        elif clock() - begun > _PATIENCE:
            line = f"micrometric: {_line(progress)}"
            print(end=f"{_CLEAR}{line}", file=sys.stderr, flush=True)  # noqa: T201
            drawn = True

    return tell


def _line(progress: Progress) -> str:
    files = f"fetched {progress.files} of {progress.all_files} files"
    if progress.all_bytes is None:
        return f"{files}, {progress.bytes / 1e6:.1f} MB"
    return f"{files}, {progress.bytes / 1e6:.1f} of {progress.all_bytes / 1e6:.1f} MB"
