"""What there is to say beside the events of a stream: each sentence once, as soon as it is true."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from micrometric_cli.exits import say
from micrometric_cli.output import judge, reader_is_gone

if TYPE_CHECKING:
    from micrometric.report import Report


class Teller:
    """Says each sentence once.

    Args:
        make_way: called before something is said, as where a table is drawn in place.
    """

    def __init__(self, make_way: Callable[[], None] = lambda: None) -> None:
        self._make_way = make_way
        self._told: set[str] = set()

    def tell(self, sentences: Iterable[str]) -> None:
        """Show what was written so far, and say what is new.

        Raises:
            BrokenPipeError: nobody reads the output any more, so nobody needs what may come.
        """
        sys.stdout.flush()
        fresh = [one for one in dict.fromkeys(sentences) if one not in self._told]
        if fresh:
            self._make_way()
        for sentence in fresh:
            self._told.add(sentence)
            say(sentence)
        if reader_is_gone():
            raise BrokenPipeError


def news(report: Report) -> Iterator[str]:
    """Yield what a report says; of skipped lines, file and reason of each rather than a count.

    A count would be another one each time, and be said again and again.
    """
    for skipped in report.examples:
        yield f"skipped a line that is no event: {skipped}"
    yield from replace(report, skipped=0, examples=[]).sentences()


def tell_end(report: Report, *, strict: bool) -> None:
    """Say how many lines were skipped in all, where they were more than one, and judge it."""
    if report.skipped > 1:
        from micrometric.report import skipped_lines

        say(skipped_lines(report.skipped))
    judge(report, strict=strict)
