"""Events on standard output as they come: written at once, shown when there is no more to read."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from micrometric_cli.exits import say
from micrometric_cli.telling import Teller, news

if TYPE_CHECKING:
    from micrometric.event import LogEvent
    from micrometric.follower import Follower
    from micrometric_cli.render.lines import LineWriter

_HURRY = 5.0
"""Seconds without catching up after which it is told how much there is to read."""


def stream(
    follower: Follower, writer: LineWriter, batches: Iterable[list[LogEvent] | bytes]
) -> int:
    """Write events as they come, and return how many.

    Args:
        follower: what the events come from.
        writer: turns events into lines.
        batches: events, or lines as they are; an empty list says that there is nothing more to
            read for now.

    Raises:
        BrokenPipeError: nobody reads the output any more.
    """
    teller = Teller()
    shown = 0
    calm = time.monotonic()
    for batch in batches:
        if isinstance(batch, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(batch)
            shown += batch.count(b"\n")
        elif batch:
            sys.stdout.write(writer(batch))
            shown += len(batch)
        else:
            calm = time.monotonic()
            teller.tell(_news(follower, writer))
        if time.monotonic() - calm > _HURRY and follower.unread:
            calm = time.monotonic()
            say(f"still {follower.unread / 1e6:.1f} MB behind what is written")
    return shown


def _news(follower: Follower, writer: LineWriter) -> Iterator[str]:
    yield from news(follower.report)
    if writer.left_out:
        yield f"left out where the terminal is too narrow: {writer.left_out}"
