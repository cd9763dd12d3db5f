"""Many lines at once: what is read so is what reading line by line gives."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric.blocks import holds_objects, pass_block, read_block
from micrometric.event import LogEvent, decode_line
from micrometric.filters import Filter
from micrometric.found import Segment
from micrometric.intake import Intake
from micrometric.report import Report
from tests import strategies

SEGMENT = Segment(
    Path("logs/x.jsonl"), "logs", "20261123T080000000000Z-r0-11", 0, "job", directories={"k": 8}
)
GOOD = (
    b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"density","value":0.25,'
    b'"metadata":{"layer":1},"location":"a.f"}\n'
)
UNDECIDED = {
    "nothing": b"",
    "blank": b"\n",
    "rubbish": b"rubbish\n",
    "no-end": GOOD[:-1],
    "blank-at-the-end": GOOD + b"\n",
    "no-end-at-last": GOOD + GOOD[:-1],
    "two-in-one": GOOD[:-1] + GOOD,
    "blank-before-two-in-one": b"\n" + GOOD[:-1] + GOOD,
    "break-within-and-two-in-one": GOOD.replace(b'{"layer":1}', b"{}\n") + GOOD[:-1] + GOOD,
    "break-within": GOOD.replace(b',"metric"', b',\n"metric"'),
    "carriage-return": GOOD.replace(b"}\n", b"}\r\n"),
    "space-at-the-end": GOOD.replace(b"}\n", b"} \n"),
    "bare-nan": GOOD.replace(b"0.25", b"NaN"),
    "no-value": GOOD.replace(b'"value":0.25,', b""),
    "not-utf-8": GOOD.replace(b"a.f", b"a\xfff"),
    "metadata-is-a-list": GOOD.replace(b'{"layer":1}', b"[1]"),
    "metric-enum": GOOD.replace(b'"metric"', b'"metric_enum"'),
    "deep": GOOD.replace(b"0.25", b"[" * 5000 + b"]" * 5000),
    "month-13": GOOD.replace(b"2026-11", b"2026-13"),
}


def one_by_one(lines, text_metrics=frozenset()):
    intake = Intake(Filter.read(), None, Report(), text_metrics)
    return [*intake.events(lines.split(b"\n"), SEGMENT)]


@given(
    st.lists(strategies.lines() | strategies.damaged_lines | st.just(GOOD), max_size=5),
    st.sampled_from([frozenset(), frozenset({"density"})]),
)
def test_a_block_is_read_as_its_lines_are(lines, text_metrics):
    block = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines)

    events = read_block(block, SEGMENT, text_metrics)

    if events is not None:
        assert repr(events) == repr(one_by_one(block, text_metrics))


def test_good_lines_are_read_at_once():
    assert read_block(GOOD + GOOD.replace(b"0.25", b'"NaN"'), SEGMENT, frozenset({"density"})) == [
        LogEvent(
            datetime(2026, 11, 23, 8, tzinfo=UTC), "density", value, {"layer": 1}, "a.f",
            "logs", SEGMENT.session, 0, "job",
        )
        for value in (0.25, "NaN")
    ]  # fmt: skip


def test_the_parts_of_the_path_go_with_the_events():
    events = read_block(GOOD, SEGMENT)

    assert events is not None
    assert events[0].directories == {"k": 8}


def test_what_a_line_tells_of_its_origin_counts():
    first = GOOD.replace(b"}\n", b',"run":"other","rank":3}\n')
    second = GOOD.replace(b"}\n", b',"session":"s","launch":"l"}\n')

    events = read_block(first + second, SEGMENT)

    assert events is not None
    assert [(event.run, event.session, event.rank, event.launch) for event in events] == [
        ("other", SEGMENT.session, 3, "job"),
        ("logs", "s", 0, "l"),
    ]


@pytest.mark.parametrize("rank", [b"9223372036854775808", b"99999999999999999999", b"-1", b"true"])
def test_a_rank_that_is_none_is_read_one_by_one(rank):
    assert read_block(GOOD.replace(b"}\n", b',"rank":' + rank + b"}\n"), SEGMENT) is None


@pytest.mark.parametrize("lines", UNDECIDED.values(), ids=UNDECIDED)
def test_of_what_is_in_doubt_nothing_is_said(lines):
    assert read_block(lines, SEGMENT) is None
    assert pass_block(lines, SEGMENT) is None


@pytest.mark.parametrize(
    "stamp", ["2026-11-23T08:00:00", "2026-11-23T08:00:00+01:00", "0001-01-01T00:00:00+10:00"]
)
def test_times_that_are_not_utc_are_read_one_by_one(stamp):
    line = GOOD.replace(b"2026-11-23T08:00:00.000000Z", stamp.encode())

    assert read_block(line, SEGMENT) is None
    assert pass_block(line.replace(b"2026", b"9999"), SEGMENT) is None


def test_small_letters_in_a_time_are_what_rfc_3339_allows():
    small = GOOD.replace(b"23T08", b"23t08").replace(b"Z", b"z")

    assert decode_line(small) == decode_line(GOOD)
    assert pass_block(small, SEGMENT) is not None


def test_a_time_with_a_nul_in_it_is_none():
    # msgspec reads it as if it ended there.
    line = GOOD.replace(b".000000Z", rb".000\u0000000Z")

    assert pass_block(line, SEGMENT) is None
    assert not holds_objects(line, line.count(b"\n"))
    assert holds_objects(GOOD, GOOD.count(b"\n"))


def test_as_many_objects_as_lines_may_each_be_a_line():
    assert holds_objects(GOOD * 3, 3)
    assert holds_objects(GOOD * 100, 100)
    assert not holds_objects(GOOD.replace(b"0.25", b"[ " * 200 + b"] " * 200), 1)
    assert not holds_objects(GOOD * 3, 4)
    assert not holds_objects(GOOD[:-1] + GOOD * 2, 3)
