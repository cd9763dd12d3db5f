"""Pictures on standard output: once, or live until Ctrl-C; and the list of a Pareto front."""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from micrometric_cli.in_place import InPlace, can_draw_in_place
from micrometric_cli.options import Color
from micrometric_cli.telling import Teller, news

if TYPE_CHECKING:
    from micrometric.pictures import Picture

_PIPED_WIDTH = 100
_LOWEST = 4
"""Rows of a canvas on which something can be seen still."""


def print_picture(picture: Picture, color: Color) -> None:
    """Print a picture, and the Pareto front if it has one."""
    _print([*_lines(picture, color), *_front(picture, color)])


def print_front(picture: Picture, color: Color) -> None:
    """Print the Pareto front of a picture alone, if it has one."""
    _print(_front(picture, color))


def follow_picture(draw: Callable[[], Picture], color: Color, every: float) -> None:
    """Draw a picture in place until Ctrl-C; without a terminal, print it when it is another one.

    Args:
        draw: returns the picture as it is now.
        color: whether it has colours.
        every: seconds between two drawings.

    Raises:
        BrokenPipeError: nobody reads the output any more.
    """
    from micrometric.errors import NoDataError, PathError

    place = InPlace() if can_draw_in_place() else None
    teller = Teller(place.erase if place else lambda: None)
    lines: list[str] = []
    try:
        while True:
            try:
                picture = draw()
            except (NoDataError, PathError) as nothing_yet:
                teller.tell([str(nothing_yet)])
                time.sleep(every)
                continue
            teller.tell(news(picture.report))
            before = lines
            if place:
                lines = _fitting(picture, color)
                place.draw(lines)
            else:
                lines = [*_lines(picture, color), *_front(picture, color)]
                _print([*lines, ""] if lines != before else [])
            time.sleep(every)
    except KeyboardInterrupt:
        if place:
            place.erase()  # And with it goes the ^C that the terminal has shown below.
            place.draw(lines)
        raise


def _print(lines: list[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _fitting(picture: Picture, color: Color) -> list[str]:
    """Return as much of a picture as the terminal is high, and say what is not there."""
    height = shutil.get_terminal_size().lines - 1
    panels = len(picture.panels)
    front = _front(picture, color)
    rows = max(_LOWEST, height // panels)
    lines = [*_lines(picture, color, rows=rows), *front]
    if len(lines) > height:
        rows = max(_LOWEST, rows - math.ceil((len(lines) - height) / panels))
        lines = [*_lines(picture, color, rows=rows), *front]
    if len(lines) <= height:
        return lines
    left_out = len(lines) - height + 1
    return [*lines[: height - 1], f"{left_out} lines do not fit"]


def _lines(picture: Picture, color: Color, *, rows: int | None = None) -> list[str]:
    from micrometric_cli.output import has_colour, terminal_width
    from micrometric_cli.render.plot import picture_lines
    from micrometric_cli.render.screen import NARROWEST, Screen

    width = max(NARROWEST, terminal_width() or _PIPED_WIDTH)
    screen = Screen(width, rows, unicode=_has_dots(), colour=has_colour(color))
    return picture_lines(picture, screen)


def _has_dots() -> bool:
    """Say whether standard output can hold signs of braille."""
    try:
        "⣿┤".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _front(picture: Picture, color: Color) -> list[str]:
    """Return the Pareto front as lines, if there is one."""
    if not picture.front:
        return []
    from micrometric_cli.output import drawn_lines, has_colour, terminal_width
    from micrometric_cli.render.draw import fit
    from micrometric_cli.render.front import front_list, front_table
    from micrometric_cli.render.text import width_of

    width = terminal_width()
    fitted = fit(front_table(picture.front, width), width)
    lines = drawn_lines(fitted, colour=False, repeat=width is None)
    if width is not None and max(map(width_of, lines)) > width:
        return ["", *front_list(picture.front, width)]
    return ["", *drawn_lines(fitted, colour=has_colour(color), repeat=width is None)]
