"""Where output goes: how wide it is, whether it has colour, and printing a table in a format."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from micrometric_cli.exits import end_with_findings, say
from micrometric_cli.options import Color, Format
from micrometric_cli.render.table import Table

if TYPE_CHECKING:
    from micrometric.report import Report
    from micrometric_cli.render.draw import Fitted

_PATIENCE = 1.0
"""Seconds that nobody minds to wait."""
_NAMED = 12
"""Columns that are named when they are left out."""
_UNBOUND = 100_000
"""Width of what is piped: nothing in it is ever wrapped."""


def has_colour(choice: Color) -> bool:
    """Say whether to print colours: as told, else NO_COLOR, else FORCE_COLOR or on a terminal."""
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
    from micrometric_cli.render import formats

    match format_:
        case Format.TABLE:
            _print_drawn(table, colour=has_colour(color))
        case Format.JSON:
            sys.stdout.write(formats.to_json(table))
        case Format.CSV:
            sys.stdout.write(formats.to_csv(table, safe=sys.stdout.isatty()))
        case Format.MD:
            sys.stdout.write(formats.to_markdown(table))
        case Format.LATEX:
            sys.stdout.write(formats.to_latex(table))


def drawn_lines(
    fitted: Fitted, *, colour: bool, repeat: bool = False, width: int = _UNBOUND
) -> list[str]:
    """Return a table as lines of text.

    Args:
        fitted: the table.
        colour: whether the lines have colours.
        repeat: whether each row names its section.
        width: columns at which lines are cut off.
    """
    from rich.console import Console

    from micrometric_cli.render.draw import draw

    console = Console(
        file=sys.stdout,
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        no_color=not colour,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(draw(fitted, repeat=repeat))
    # Spaces at the end of a line would only wrap in terminals that become narrower.
    return [line.rstrip() for line in captured.get().splitlines()]


@contextlib.contextmanager
def progress(doing: str) -> Iterator[Callable[[float], None] | None]:
    """Give what tells how far something is that takes long; on a terminal only, else None.

    Args:
        doing: what is done, such as `summarizing`.
    """
    if not _can_write_over():
        yield None
        return
    line = ProgressLine()
    try:
        yield lambda share: line.show(f"{doing} {share:4.0%}")
    finally:
        line.clear()


class ProgressLine:
    """A line on standard error that is written over and at last removed; on a terminal only.

    Args:
        patience: seconds from now on in which nothing is shown.
        clock: tells the seconds.
    """

    def __init__(
        self, patience: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._due = clock() + (_PATIENCE if patience is None else patience)
        self._shown = False

    def show(self, text: str) -> None:
        """Show a text, as much of it as the terminal is wide, in place of the one before."""
        if self._clock() >= self._due and _can_write_over():
            self._shown = True
            self._write(text[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Remove what is shown."""
        if self._shown:
            self._shown = False
            self._write("")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _can_write_over() -> bool:
    """Say whether standard error is a terminal on which a line can be written over."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def say_all(sentences: Iterable[str]) -> None:
    """Tell each sentence on standard error."""
    for sentence in sentences:
        say(sentence)


def tell_report(report: Report, *, strict: bool) -> None:
    """Tell what reading met on its way; a strict command ends with 1 where lines were skipped."""
    say_all(report.sentences())
    judge(report, strict=strict)


def judge(report: Report, *, strict: bool) -> None:
    """Let a strict command end with 1 where lines were skipped, or what lies there was not read."""
    if not strict:
        return
    found = []
    if report.skipped:
        lines = "1 line was" if report.skipped == 1 else f"{report.skipped:,} lines were"
        found.append(f"{lines} skipped")
    if report.unread:
        count = len(report.unread)
        places = "1 directory" if count == 1 else f"{count:,} directories"
        found.append(f"{places} could not be read")
    if found:
        end_with_findings(f"--strict: {' and '.join(found)}; `micrometric check` tells each")


def reader_is_gone() -> bool:
    """Say whether whoever read standard output has closed it, which writing would tell too late."""
    import select

    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
    except (AttributeError, OSError, ValueError):
        return False  # Not on this system, or not a file.
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _print_drawn(table: Table, *, colour: bool) -> None:
    from micrometric_cli.render.draw import fit

    width = terminal_width()
    fitted = fit(table, width)
    lines = drawn_lines(fitted, colour=colour, repeat=width is None)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if fitted.left_out:
        gone = fitted.left_out
        rest = f" and {len(gone) - _NAMED} more; csv and json have all" * (len(gone) > _NAMED)
        say(f"left out at {width} columns: {', '.join(gone[:_NAMED])}{rest}")
