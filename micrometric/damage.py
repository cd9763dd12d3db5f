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
"""Places between two NULs that are tried as the start of an event; beyond these, none is."""
_SHORTEST = len('{"timestamp":"","metric":""}')
_CHUNK = re.compile(rb"[^\x00]{%d,}" % _SHORTEST)
"""What may hold an event: no JSON holds a NUL, so each run of them divides."""
_START = re.compile(rb'(?P<sign>[:,\[][ \t\r]*+)?\{(?=[ \t]*+"(?:timestamp|metric)"[ \t]*+:)')
"""The start of an event, with the sign that would make it a value inside of something else."""
_BETWEEN = re.compile(rb"[ \t\r,]*+")
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
    pieces = [*_pieces(len(body), () if is_long else _events(body))]
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


def _pieces(length: int, events: Iterable[tuple[int, int]]) -> Iterator[Piece]:
    """Yield the parts of a line of a length, which follow each other without a gap."""
    passed = 0
    for start, end in events:
        if passed < start:
            yield Piece(passed, start, is_event=False)
        yield Piece(start, end, is_event=True)
        passed = end
    if passed < length:
        yield Piece(passed, length, is_event=False)


def _events(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the whole events are in a line that is no event itself."""
    for chunk in _CHUNK.finditer(body):
        for start, end in _events_in(chunk[0]):
            yield chunk.start() + start, chunk.start() + end


def _events_in(chunk: bytes) -> Iterator[tuple[int, int]]:
    """Yield where whole events are, in one pass: hostile lines are nothing but starts of events.

    What stands where a value does inside of another object is no event of its own.
    """
    text = chunk.decode("latin-1")  # A character a byte: places in it are places in the chunk.
    passed, free = 0, _end_of_separators(chunk, 0)
    tried = 0
    for start, is_inside in _starts(chunk):
        if start < passed or (is_inside and start > free):
            continue
        tried += 1
        if tried > _STARTS:
            return
        end = _event_at(text, chunk, start)
        if end is not None:
            yield start, end
            passed, free = end, _end_of_separators(chunk, end)


def _starts(chunk: bytes) -> Iterator[tuple[int, bool]]:
    """Yield where an event may start, and whether that is where a value would."""
    yield 0, False
    for match in _START.finditer(chunk):
        if match.end() > 1:
            yield match.end() - 1, match["sign"] is not None


def _end_of_separators(chunk: bytes, start: int) -> int:
    match = _BETWEEN.match(chunk, start)
    return start if match is None else match.end()


def _event_at(text: str, chunk: bytes, start: int) -> int | None:
    """Return where the event ends that starts at a place, None if none does."""
    try:
        _, end = _decoder.raw_decode(text, start)
        decode_line(chunk[start:end])
    except (ValueError, RecursionError):
        return None
    return end
