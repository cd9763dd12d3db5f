"""Watching a live summary: in place on a terminal, as snapshots anywhere else."""

from __future__ import annotations

import os
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from micrometric_cli.in_place import InPlace, can_draw_in_place
from micrometric_cli.options import Color, Format
from micrometric_cli.output import drawn_lines, has_colour
from micrometric_cli.render import formats
from micrometric_cli.render.live import ASCII_LEVELS, Rows, fit_live, live_table
from micrometric_cli.render.screen import BLOCKS
from micrometric_cli.render.text import ELLIPSIS
from micrometric_cli.telling import Teller, news

if TYPE_CHECKING:
    from micrometric.event import LogEvent
    from micrometric.follower import Follower
    from micrometric.live import LiveSummary

_REDRAW = 0.25
"""Seconds between two drawings in place, unless told."""
_PULSE = 0.25
_SNAPSHOT = 10.0
"""Seconds between two snapshots, unless told."""
_BESIDE_ROWS = 4
"""Lines of a terminal that no row can have: heading, rule, remark, and the cursor's."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a live summary is shown."""

    format: Format = Format.TABLE
    digits: int = 4
    color: Color = Color.AUTO
    every: float | None = None
    """Seconds between two views; None is what suits the output."""

    @property
    def pulse(self) -> float:
        """Seconds after which to look whether it is time, and whether anybody reads the output."""
        return min(_PULSE, self.every or _PULSE)


def watch(
    follower: Follower, summary: LiveSummary, look: Look, batches: Iterable[list[LogEvent]]
) -> None:
    """Show a summary of events while they come, and once more at the end, Ctrl-C or not.

    Args:
        follower: what the events come from.
        summary: counts them.
        look: how to show it.
        batches: the events; an empty batch says that there is nothing more to read for now.

    Raises:
        BrokenPipeError: nobody reads the output any more.
    """
    view = _view(look)
    teller = Teller(view.make_way)
    try:
        for batch in batches:
            summary.learn(follower.directories, follower.dims)
            summary.add(batch)
            if not batch:
                teller.tell(_news(follower, summary))
            view.update(summary, changed=bool(batch))
    except KeyboardInterrupt:
        view.make_way()  # And with the table goes the ^C that the terminal has shown below it.
        view.show(summary)
        raise
    teller.tell(_news(follower, summary))
    view.show(summary)


def _news(follower: Follower, summary: LiveSummary) -> Iterator[str]:
    yield from news(follower.report)
    for name, how in follower.partial.items():
        yield f"not all events logged by {name} are in its files: some were {how}"
    if summary.left_out:
        yield f"there are more than {len(summary)} groups; further groups are left out"


def _view(look: Look) -> View:
    in_place = can_draw_in_place() and look.format is Format.TABLE
    return Screen(look) if in_place else Snapshots(look)


class View(ABC):
    """Where a live summary is shown."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._due = time.monotonic() + every

    def update(self, summary: LiveSummary, *, changed: bool) -> None:
        """Show the summary if it is time to."""
        del changed
        if time.monotonic() >= self._due:
            self.show(summary)
            self._due = time.monotonic() + self._every

    @abstractmethod
    def show(self, summary: LiveSummary) -> None:
        """Show the summary now."""

    @abstractmethod
    def make_way(self) -> None:
        """Let something else be said on the same terminal."""


class Snapshots(View):
    """One snapshot after another, for files, pipes and terminals that cannot move the cursor."""

    def __init__(self, look: Look) -> None:
        super().__init__(look.every or _SNAPSHOT)
        self._look = look
        self._headed = False

    def show(self, summary: LiveSummary) -> None:
        """Print a snapshot, once there is a group."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if len(summary):
            sys.stdout.write(self._text(summary, now))
        sys.stdout.flush()

    def make_way(self) -> None:
        """Need no way: what was printed stays."""

    def _text(self, summary: LiveSummary, now: str) -> str:
        rows = summary.rows()
        if self._look.format is Format.TABLE:
            fitted = fit_live(
                rows, summary.by, digits=self._look.digits, width=None, levels=_levels()
            )
            lines = drawn_lines(fitted, colour=has_colour(self._look.color))
            return "\n".join([now, *lines, "", ""])
        table = live_table(rows, summary.by, now)
        if self._look.format is Format.JSON:
            return formats.to_json(table)
        text = formats.to_csv(table, safe=sys.stdout.isatty())
        headed, self._headed = self._headed, True
        return text.partition("\n")[2] if headed else text


class Screen(View):
    """A table on a terminal that is drawn over itself, and follows the size of the terminal."""

    def __init__(self, look: Look) -> None:
        super().__init__(look.every or _REDRAW)
        self._look = look
        self._due = time.monotonic()
        self._size = os.terminal_size((0, 0))
        self._place = InPlace()
        self._stale = True
        """Whether the next drawing may be another one."""

    def update(self, summary: LiveSummary, *, changed: bool) -> None:
        """Draw the summary if it is time to, and another one than the last."""
        self._stale |= changed or shutil.get_terminal_size() != self._size
        if self._stale:
            super().update(summary, changed=changed)

    def show(self, summary: LiveSummary) -> None:
        """Draw the summary in place of the last."""
        self._size = shutil.get_terminal_size()
        rows = summary.rows(max(1, self._size.lines - _BESIDE_ROWS))
        # A rate goes down by itself.
        self._stale = any(row["rate"] for row in rows)
        self._place.draw(self._drawn(rows, summary))

    def make_way(self) -> None:
        """Erase the table; the next drawing begins where the cursor then is."""
        self._place.erase()
        self._stale = True

    def _drawn(self, rows: Rows, summary: LiveSummary) -> list[str]:
        """Return the lines of the table and a remark, as many and as wide as the terminal has."""
        columns, height = self._size
        if not rows:
            return ["no events yet"[:columns]]
        look = self._look
        fitted = fit_live(rows, summary.by, digits=look.digits, width=columns, levels=_levels())
        lines = drawn_lines(fitted, colour=has_colour(look.color), repeat=True, width=columns)
        remarks = []
        if len(rows) < len(summary):
            remarks.append(f"{len(rows)} of {len(summary)} groups shown")
        if fitted.left_out:
            remarks.append(f"left out at {columns} columns: {', '.join(fitted.left_out)}")
        if remarks:
            remark = "; ".join(remarks)
            lines.append(remark if len(remark) <= columns else remark[: columns - 1] + ELLIPSIS)
        return [_encodable(line) for line in lines[: max(1, height - 1)]]


def _levels() -> str:
    return BLOCKS if _encodable(BLOCKS) == BLOCKS else ASCII_LEVELS


def _encodable(line: str) -> str:
    """Return a line as wide in the encoding of the output, where escapes would be wider."""
    encoding = sys.stdout.encoding
    if line.encode(encoding, "ignore").decode(encoding) == line:
        return line
    return line.replace(ELLIPSIS, "~").encode(encoding, "replace").decode(encoding)
