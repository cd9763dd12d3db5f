"""Where output goes: how wide it is, whether it has colour, and printing a table in a format."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable

from micrometric_cli.exits import say
from micrometric_cli.options import Color, Format
from micrometric_cli.render import formats
from micrometric_cli.render.table import Table, draw

_UNBOUND = 100_000
"""Width of what is piped: nothing in it is ever wrapped."""

_WRITERS: dict[Format, Callable[[Table], str]] = {
    Format.JSON: formats.to_json,
    Format.CSV: formats.to_csv,
    Format.MD: formats.to_markdown,
    Format.LATEX: formats.to_latex,
}


def has_colour(choice: Color) -> bool:
    """Say whether to print colours: as told, by NO_COLOR and FORCE_COLOR, or on a terminal."""
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (
        sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    )


def terminal_width() -> int | None:
    """Return the columns of the terminal, None when the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_table(table: Table, format_: Format, color: Color) -> None:
    """Print a table to standard output, and what of it did not fit to standard error."""
    if format_ is not Format.TABLE:
        sys.stdout.write(_WRITERS[format_](table))
        return
    from rich.console import Console

    width = terminal_width()
    console = Console(
        file=sys.stdout,
        width=width or _UNBOUND,
        force_terminal=has_colour(color),
        no_color=not has_colour(color),
        highlight=False,
        markup=False,
        emoji=False,
    )
    drawn = draw(table, width)
    with console.capture() as captured:
        console.print(drawn, crop=False, overflow="ignore")
    # Rich fills every line to the last column; spaces at the end only wrap in other terminals.
    lines = (line.rstrip() for line in captured.get().splitlines())
    sys.stdout.write("\n".join(line for line in lines if line) + "\n")
    if table.left_out:
        say(f"left out at {width} columns: {', '.join(table.left_out)}")


def say_all(sentences: Iterable[str]) -> None:
    """Tell each sentence on standard error."""
    for sentence in sentences:
        say(sentence)
