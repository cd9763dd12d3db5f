"""What pictures are drawn on: a terminal of some width, with or without colours and dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from micrometric_cli.render.text import shortened

# Nearest to the palette of the files among the 256 colours, and readable on light and dark.
COLOURS = (32, 166, 35, 175, 74, 172, 244, 130)
SIGNS = "o+x*#@%&"
BLOCKS = "▁▂▃▄▅▆▇█"
"""Eighths of a line, the lowest first."""
NARROWEST = 20


@dataclass(frozen=True, slots=True)
class Screen:
    """What a picture is drawn on."""

    width: int
    rows: int | None = None
    """Rows of a panel's canvas, None for the usual."""
    unicode: bool = True
    colour: bool = False


def coloured(text: str, index: int, screen: Screen) -> str:
    """Return a text in the colour of a series, where there is colour."""
    return f"\x1b[38;5;{COLOURS[index % len(COLOURS)]}m{text}\x1b[0m" if screen.colour else text


def fitted(text: str, screen: Screen) -> str:
    """Return a text that is no wider than the screen."""
    return short([text], screen.width)[0]


def short(texts: Sequence[str], width: int) -> list[str]:
    """Return texts shortened to a width, longer only where two would look the same."""
    forms = shortened(set(texts), width)
    return [forms[text] for text in texts]
