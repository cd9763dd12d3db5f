"""Lines on a terminal that are drawn over themselves.

Nothing of the terminal's state is changed, so that nothing must be restored however it ends: the
cursor stands below the lines, and goes up over them to draw the next ones.
"""

from __future__ import annotations

import os
import re
import shutil
import sys

from micrometric_cli.render.text import width_of

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def can_draw_in_place() -> bool:
    """Say whether standard output is a terminal on which the cursor can be moved."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


class InPlace:
    """The lines that are on the terminal, the cursor below."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def draw(self, lines: list[str]) -> None:
        """Draw lines, fewer than the terminal has, over what is there."""
        if lines != self._lines:
            # Erased before they are written: behind the last column some terminals erase that one.
            drawn = "".join(f"\x1b[2K{line}\n" for line in lines)
            sys.stdout.write(f"{self._upward()}{drawn}\x1b[J")
            self._lines = lines
        sys.stdout.flush()

    def erase(self) -> None:
        """Let something else be said; the next lines begin where the cursor then is."""
        sys.stdout.write(f"{self._upward()}\x1b[J")
        sys.stdout.flush()
        self._lines = []

    def _upward(self) -> str:
        """Return what moves the cursor to the first line.

        A terminal that has become narrower has wrapped its lines meanwhile.
        """
        columns = shutil.get_terminal_size().columns
        widths = [width_of(_STYLE.sub("", line)) for line in self._lines]
        height = sum(max(1, -(-width // columns)) for width in widths)
        return f"\r\x1b[{height}A" if height else ""
