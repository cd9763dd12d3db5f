"""What is wrong with a line that is no event, and which whole events it holds nevertheless.

Programs that append to one file without taking turns, and disks that lose power, leave lines that
are several events in one, or one in the middle of another's remains. Whole events are taken out of
them byte for byte; nothing is guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from micrometric.errors import NotAnEvent
from micrometric.event import decode_line

_LONGEST = 1 << 20
"""Bytes of the longest line that is looked into; a longer one is set aside whole."""
_STARTS = 256
"""Places in a line that may be the start of an event; beyond these, no more are looked at."""
_START = re.compile(rb'\{[ \t]*"(?:timestamp|metric)"[ \t]*:')
_INSIDE = re.compile(rb"[:,\[][ \t]*\Z")
_BETWEEN = re.compile(rb"[ \t\r,]*")
_decoder = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line: a whole event, or what is none."""

    start: int
    end: int
    is_event: bool


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a line."""

    kind: str
    """One of the kinds of `micrometric.defects`."""
    reason: str
    pieces: list[Piece]
    """All of the line but its end, part by part; without an event if none is whole."""

    @property
    def events(self) -> int:
        """How many whole events the line holds."""
        return sum(piece.is_event for piece in self.pieces)


def damage_of(line: bytes) -> Damage | None:
    """Return what is wrong with a line, None if it is an event or empty.

    Args:
        line: with or without its end.
    """
    body = line.rstrip(b"\r\n")
    if not body.strip():
        return None
    try:
        decode_line(body)
    except NotAnEvent as error:
        kind, reason = error.kind, error.reason
    else:
        return None
    is_long = len(body) > _LONGEST
    pieces = [Piece(0, len(body), is_event=False)] if is_long else _joined(_pieces(body))
    events = sum(piece.is_event for piece in pieces)
    if nuls := body.count(0):
        return Damage("nul", f"{nuls} NUL {'byte' if nuls == 1 else 'bytes'} in it", pieces)
    if events:
        rest = sum(piece.end - piece.start for piece in pieces if not piece.is_event)
        whole = f"{events} whole {'event' if events == 1 else 'events'} in one line"
        return Damage("merged", f"{whole}, and {rest} bytes of another" if rest else whole, pieces)
    if kind == "json":
        if body.startswith(b"{") and not body.endswith(b"}"):
            kind, reason = "torn", "its end is missing"
        elif body.endswith(b"}") and not body.startswith(b"{"):
            kind, reason = "torn", "its start is missing"
    return Damage(kind, reason, pieces)


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Make one piece of those between two events."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and not (piece.is_event or joined[-1].is_event):
            joined[-1] = Piece(joined[-1].start, piece.end, is_event=False)
        else:
            joined.append(piece)
    return joined


def _pieces(body: bytes) -> Iterator[Piece]:
    """Yield the parts of a line that is no event; they follow each other without a gap."""
    start = 0
    for run in re.finditer(rb"\x00+|\Z", body):
        # No JSON holds a NUL: each run of them divides.
        yield from _between(body, start, run.start())
        if run.start() < run.end():
            yield Piece(run.start(), run.end(), is_event=False)
        start = run.end()


def _between(body: bytes, start: int, end: int) -> Iterator[Piece]:
    text = body[start:end].decode("latin-1")  # A character a byte: places in it are places in body.
    place = passed = 0
    for _ in range(_STARTS):
        whole = _event_at(text, body, start, place)
        if whole is not None:
            if passed < place:
                yield Piece(start + passed, start + place, is_event=False)
            yield Piece(start + place, start + whole, is_event=True)
            passed = whole
        found = _next_start(body[start:end], passed, max(place + 1, passed))
        if found is None:
            break
        place = found
    if passed < end - start:
        yield Piece(start + passed, end, is_event=False)


def _next_start(chunk: bytes, passed: int, place: int) -> int | None:
    """Return where an event may start, at a place or behind it.

    What stands where a value does inside of another object is no event of its own.

    Args:
        chunk: what is looked at.
        passed: where the last whole event ended.
        place: where to look from.
    """
    for match in _START.finditer(chunk, place):
        before = chunk[passed : match.start()]
        if _BETWEEN.fullmatch(before) or not _INSIDE.search(before[-16:]):
            return match.start()
    return None


def _event_at(text: str, body: bytes, start: int, place: int) -> int | None:
    """Return where the event ends that starts at a place, None if none does."""
    try:
        _, end = _decoder.raw_decode(text, place)
        decode_line(body[start + place : start + end])
    except (ValueError, RecursionError):
        return None
    return end
