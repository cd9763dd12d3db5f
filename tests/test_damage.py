"""Damaged lines: what is wrong with each, and which whole events can be taken out of it."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric.damage import damage_of
from micrometric.event import decode_line
from tests.strategies import damaged_lines, lines

A = b'{"timestamp":"2026-11-23T08:00:01Z","metric":"a","value":1,"metadata":{},"location":"f"}'
B = b'{"timestamp":"2026-11-23T08:00:02Z","metric":"b","value":2,"metadata":{},"location":"g"}'
NESTED = b'{"timestamp":"2026-11-23T08:00:03Z","metric":"c","value":3,"metadata":{"event":' + A


def found_in(line: bytes) -> list[bytes]:
    damage = damage_of(line)
    assert damage is not None
    return [line[piece.start : piece.end] for piece in damage.pieces if piece.is_event]


@pytest.mark.parametrize(
    ("line", "kind", "events"),
    [
        (A + B, "merged", [A, B]),
        (A + b"  " + B, "merged", [A, B]),
        (A + b"," + B, "merged", [A, B]),
        (A[:40] + B, "merged", [B]),
        (A[:40] + B + A[40:], "merged", [B]),
        (A + B[30:], "merged", [A]),
        (b'{"metric":"b","x' + B, "merged", [B]),
        (A[:40], "torn", []),
        (A[40:], "torn", []),
        (b"\0" * 8 + A, "nul", [A]),
        (A[:20] + b"\0\0" + A[20:], "nul", []),
        (A + b"\0" + B, "nul", [A, B]),
        (A.replace(b'"f"', b'"\xff"'), "encoding", []),
        (A.replace(b'"f"', b'"\xff"') + B, "merged", [B]),
        (b"rubbish", "json", []),
        (b"[1]", "keys", []),
        (b"{}", "keys", []),
        (A.replace(b"2026", b"20x6"), "time", []),
        (b"[" * 100_000 + b"]" * 100_000, "nesting", []),
        # An object inside of another that was torn is no event of its own.
        (NESTED, "json", []),
        (NESTED.replace(b":{", b":" + b" " * 16 + b"{"), "json", []),
        (NESTED.replace(b":{", b": \t\r {"), "json", []),
        (b'{"a":[' + A + b"," + B, "json", []),
    ],
)
def test_a_damaged_line_has_a_kind_and_gives_its_whole_events(line, kind, events):
    assert damage_of(line).kind == kind
    assert found_in(line) == events
    assert damage_of(line + b"\r\n").kind == kind


@pytest.mark.parametrize("line", [A, A + b"\n", b"", b"  \n", b"\xef\xbb\xbf" + A])
def test_nothing_is_wrong_with_an_event_or_nothing(line):
    assert damage_of(line) is None


@pytest.mark.parametrize("line", [A * 5000, b'{"timestamp":' * 50_000, b"\0" * 3_000_000])
def test_a_hostile_line_is_looked_into_only_so_far(line):
    damage = damage_of(line)

    assert damage.pieces[0].start == 0
    assert damage.pieces[-1].end == len(line)
    assert damage.events <= 256


@pytest.mark.parametrize(
    "line",
    [
        b',{"metric":' * 90_000,
        b'{"metric":' * 90_000,
        b'x{"metric":' * 90_000,
        b'{"metric":\r' * 300 + b"[" + b"1," * 500_000 + b"1]" + b"}" * 299,
        b"x\0" * 500_000,
        b"{\0" * 500_000,
        b"," * 1_000_000 + b'x{"metric":' * 1000,
        b'{"metric":' + b" " * 1_000_000,
    ],
)
def test_a_hostile_line_takes_time_that_grows_with_its_length(line):
    assert len(line) <= 1 << 20
    begun = time.process_time()

    damage = damage_of(line)

    assert [piece.is_event for piece in damage.pieces] == [False]
    assert time.process_time() - begun < 1  # Squared, it would be minutes.


@given(st.lists(st.one_of(lines(), damaged_lines, st.binary(max_size=30)), max_size=5))
def test_pieces_cover_the_line_and_are_what_they_say(parts):
    line = b"".join(parts).replace(b"\n", b"")
    damage = damage_of(line)
    if damage is None:
        return

    ends = [0, *(piece.end for piece in damage.pieces)]

    assert [piece.start for piece in damage.pieces] == ends[:-1]
    assert ends[-1] == len(line.rstrip(b"\r"))
    for piece in damage.pieces:
        if piece.is_event:
            decode_line(line[piece.start : piece.end])


@given(st.lists(lines(), min_size=2, max_size=4))
def test_events_that_share_a_line_are_all_found(parts):
    assert found_in(b"".join(parts)) == parts
    assert all(json.loads(part) for part in found_in(b"".join(parts)))
