"""From lines to events: what passes as it is means what decoding it would have told."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric.event import decode_line
from micrometric.filters import Filter
from micrometric.finder import Segment
from micrometric.intake import Intake
from micrometric.report import Report
from tests import strategies

SEGMENT = Segment(Path("logs/x.jsonl"), "logs", "20261123T080000000000Z-r0-11", 0, "job")
GOOD = (
    b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"density","value":0.25,'
    b'"metadata":{"layer":1},"location":"a.f"}\n'
)


def intake(**wanted):
    return Intake(Filter.read(**wanted), None, Report())


@given(st.lists(strategies.lines() | strategies.damaged_lines, max_size=5))
def test_what_passes_reads_back_as_the_events_it_holds(lines):
    block = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)
    expected = [*intake().events(block.split(b"\n"), SEGMENT)]

    passed = intake().passed(block, SEGMENT)

    if passed is not None:
        told = passed.decode().split("\n")[:-1]
        assert all(line.isprintable() for line in told)
        assert repr([decode_line(line.encode()) for line in told]) == repr(expected)


def test_good_lines_pass_with_their_origin():
    passed = intake().passed(GOOD + GOOD, SEGMENT)

    assert passed is not None
    first, second = passed.splitlines()
    assert first == second
    assert first.startswith(GOOD[:-2])
    assert list(json.loads(first).items())[-4:] == [
        ("run", "logs"),
        ("session", SEGMENT.session),
        ("rank", 0),
        ("launch", "job"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"rubbish\n",
        GOOD.replace(b"}\n", b"}\r\n"),
        GOOD.replace(b"}\n", b"} \n"),
        GOOD.replace(b'Z"', b'"'),
        GOOD.replace(b"0.25", b"NaN"),
        GOOD.replace(b"a.f", b"a\x7ff"),
        GOOD.replace(b"a.f", b"a\xfff"),
        GOOD.replace(b"a.f", "a\u202ef".encode()),
        GOOD.replace(b'{"layer":1}', b"[1]"),
        GOOD.replace(b'"metadata"', b'"run":"other","metadata"'),
        GOOD.replace(b'"metric"', b'"metric_enum"'),
        GOOD.replace(b"0.25", b"[" * 5000 + b"]" * 5000),
    ],
    ids=lambda line: repr(line[:40]),
)
def test_what_is_in_doubt_does_not_pass(line):
    assert intake().passed(GOOD + line, SEGMENT) is None


def test_with_a_filter_nothing_passes_unseen():
    assert intake(metrics="density").passed(GOOD, SEGMENT) is None
