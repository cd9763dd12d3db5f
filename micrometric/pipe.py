"""Events from a pipe: standard input or a FIFO, to its end."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from micrometric.event import LogEvent
from micrometric.finder import STDIN, Segment
from micrometric.intake import Intake
from micrometric.lines import LineBuffer, LineCount
from micrometric.pace import Pace

_BLOCK = 256 * 1024


def is_pipe(path: Path) -> bool:
    """Say whether a path is standard input or a FIFO."""
    return path == STDIN or path.is_fifo()


def piped_batches(path: Path, intake: Intake, pace: Pace) -> Iterator[list[LogEvent] | bytes]:
    """Yield what comes, and an empty list whenever there is nothing more to read for now."""
    segment = Segment(path, "-" if path == STDIN else path.absolute().parent.name)
    buffer, count = LineBuffer(), LineCount()
    with open(
        sys.stdin.fileno() if path == STDIN else path, "rb", 0, closefd=path != STDIN
    ) as pipe:
        came = time.monotonic()
        while not pace.is_closed:
            if not select.select([pipe], [], [], 0)[0]:
                yield []
                idle = time.monotonic() - came
                if pace.is_over(idle):
                    return
                if not select.select([pipe], [], [], pace.patience(idle))[0]:
                    continue
            block = pipe.read(_BLOCK)
            lines = buffer.whole_lines(block) if block else buffer.take_half() + b"\n"
            if events := intake.taken(lines, segment, count):
                came = time.monotonic()
                yield events
            if not block:
                return
