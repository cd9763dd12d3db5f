"""Events from a pipe: standard input or a FIFO, to its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from micrometric.event import LogEvent
from micrometric.finder import Segment
from micrometric.intake import Intake
from micrometric.lines import LineBuffer, LineCount
from micrometric.pace import Pace
from micrometric.spool import STDIN, run_of_pipe
from micrometric.waiting import is_readable

_BLOCK = 256 * 1024


def piped_batches(path: Path, intake: Intake, pace: Pace) -> Iterator[list[LogEvent] | bytes]:
    """Yield what comes, and an empty list whenever there is nothing more to read for now."""
    segment = Segment(path, run_of_pipe(path), is_pipe=True)
    buffer, count = LineBuffer(), LineCount()
    with open(
        sys.stdin.fileno() if path == STDIN else path, "rb", 0, closefd=path != STDIN
    ) as pipe:
        came = time.monotonic()
        while not pace.is_closed:
            if not is_readable(0.0, pipe.fileno()):
                yield []
                idle = time.monotonic() - came
                if pace.is_over(idle):
                    return
                if not is_readable(pace.patience(idle), pipe.fileno()):
                    continue
            block = pipe.read(_BLOCK)
            lines = buffer.whole_lines(block) if block else buffer.take_half() + b"\n"
            if events := intake.taken(lines, segment, count):
                came = time.monotonic()
                yield events
            if not block:
                return
