"""How far fetching has come: a line on standard error, on a terminal only, when it takes long."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from micrometric_cli.output import ProgressLine

if TYPE_CHECKING:
    from micrometric.download import Progress


def fetching(clock: Callable[[], float] = time.monotonic) -> Callable[[Progress | None], None]:
    """Return what shows how far fetching has come, and removes it when it is over."""
    line = ProgressLine(clock=clock)

    def tell(progress: Progress | None) -> None:
        if progress is None:
            line.clear()
        else:
            line.show(f"micrometric: {_text(progress)}")

    return tell


def _text(progress: Progress) -> str:
    files = f"fetched {progress.files} of {progress.all_files} files"
    if progress.all_bytes is None:
        return f"{files}, {progress.bytes / 1e6:.1f} MB"
    return f"{files}, {progress.bytes / 1e6:.1f} of {progress.all_bytes / 1e6:.1f} MB"
