"""From lines to events: what passes as it is means what decoding it would have told."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric.event import decode_line
from micrometric.filters import Filter
from micrometric.finder import Segment
from micrometric.intake import Intake
from micrometric.report import Report, Skipped
from tests import strategies

SEGMENT = Segment(
    Path("logs/x.jsonl"), "logs", "20261123T080000000000Z-r0-11", 0, "job", directories={"k": 8}
)
GOOD = (
    b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"density","value":0.25,'
    b'"metadata":{"layer":1},"location":"a.f"}\n'
)
DOUBTFUL = {
    "blank": b"\n",
    "rubbish": b"rubbish\n",
    "carriage-return": GOOD.replace(b"}\n", b"}\r\n"),
    "space-at-the-end": GOOD.replace(b"}\n", b"} \n"),
    "no-zone": GOOD.replace(b'Z"', b'"'),
    "bare-nan": GOOD.replace(b"0.25", b"NaN"),
    "tab": GOOD.replace(b',"metric"', b',\t"metric"'),
    "carriage-return-within": GOOD.replace(b',"metric"', b',\r"metric"'),
    "value-not-utf-8": GOOD.replace(b"0.25", b'"\xff"'),
    "metadata-not-utf-8": GOOD.replace(b'"layer":1', b'"layer":"\xff"'),
    "control-character": GOOD.replace(b"a.f", b"a\x7ff"),
    "not-utf-8": GOOD.replace(b"a.f", b"a\xfff"),
    "bidirectional-override": GOOD.replace(b"a.f", "a\u202ef".encode()),
    "metadata-is-a-list": GOOD.replace(b'{"layer":1}', b"[1]"),
    "origin-told": GOOD.replace(b'"metadata"', b'"run":"other","metadata"'),
    "metric-enum": GOOD.replace(b'"metric"', b'"metric_enum"'),
    "deep": GOOD.replace(b"0.25", b"[" * 5000 + b"]" * 5000),
}


TOKYO = ZoneInfo("Asia/Tokyo")


def intake(zone=None, text_metrics=frozenset(), **wanted):
    return Intake(Filter.read(**wanted), zone, Report(), text_metrics)


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


def test_letters_that_are_not_ascii_pass():
    lines = GOOD.replace(b"a.f", "a.größe".encode()) * 2

    passed = intake().passed(lines, SEGMENT)

    assert passed is not None
    assert passed.count("größe".encode()) == passed.count(b"\n") == 2


@pytest.mark.parametrize("line", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_is_in_doubt_does_not_pass(line):
    assert intake().passed(GOOD + line, SEGMENT) is None


def test_with_a_filter_nothing_passes_unseen():
    assert intake(metrics="density").passed(GOOD, SEGMENT) is None


@pytest.mark.parametrize("beside", [b"", b"\n", b"rubbish\n"], ids=["good", "blank", "rubbish"])
def test_the_wanted_events_of_lines_are_told_whatever_stands_beside_them(beside):
    told = intake(where="k == 8 and value > 0.1")
    lines = (GOOD.replace(b"0.25", b"0.05") + beside + GOOD).replace(b"a.f", b"a. f")

    (event,) = told.block(lines, SEGMENT)

    assert (event.value, event.run, event.session) == (0.25, "logs", SEGMENT.session)
    assert event.directories == {"k": 8}
    assert intake().block(lines, SEGMENT)[-1] == event


def test_what_is_no_event_is_counted_with_what_is_wrong():
    told = intake()

    told.block(b"rubbish\n" + GOOD, SEGMENT)

    assert told.report.examples == [Skipped(SEGMENT.path, None, "not JSON")]
    assert told.report.examples[0].kind == "json"


def test_a_line_beyond_the_limit_is_skipped_as_too_long(monkeypatch):
    monkeypatch.setattr("micrometric.intake.LINE_LIMIT", len(GOOD))
    told = intake()

    (event,) = told.block(GOOD[:-1] + b" \n" + GOOD + b" " * len(GOOD) + b" \n", SEGMENT)

    assert event.value == 0.25
    assert [skipped.kind for skipped in told.report.examples] == ["length", "length"]


@pytest.mark.parametrize("doubt", [b"", b"\n"], ids=["at once", "one by one"])
def test_the_names_of_floats_are_texts_where_the_metric_is_one(doubt):
    lines = GOOD.replace(b"0.25", b'"NaN"') + doubt

    (event,) = intake(text_metrics=frozenset({"density"})).block(lines, SEGMENT)

    assert event.value == "NaN"


def test_the_zone_is_that_of_times_without_one():
    told = intake(zone=TOKYO)

    (event,) = told.block(GOOD.replace(b'Z"', b'"'), SEGMENT)

    assert event.timestamp == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert told.report.assumed_zone == "Asia/Tokyo"


def test_times_with_a_zone_tell_of_no_other():
    for end in (b'Z"', b'+00:00"'):
        told = intake(zone=TOKYO)

        told.block(GOOD.replace(b'Z"', end) + b"\n", SEGMENT)

        assert told.report.assumed_zone is None


def test_the_zone_is_told_once():
    told = intake(zone=TOKYO)
    told.report.assumed_zone = "another"

    told.block(GOOD.replace(b'Z"', b'"'), SEGMENT)

    assert told.report.assumed_zone == "another"


def test_a_whole_segment_gives_its_wanted_events(tmp_path):
    segment = replace(SEGMENT, path=tmp_path / "x.jsonl")
    other = GOOD.replace(b"density", b"phase").replace(b'Z"', b'"').replace(b"0.25", b'"NaN"')
    segment.path.write_bytes(b"rubbish\n" + GOOD + other)
    told = intake(
        zone=TOKYO, text_metrics=frozenset({"phase"}), where="metric == 'phase' and k > 7"
    )

    (event,) = told.whole(segment)

    assert (event.value, event.run) == ("NaN", "logs")
    assert event.timestamp == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert told.report.skipped == 1


def test_only_raw_lines_are_taken_as_they_are():
    raw = intake()
    raw.raw = True

    assert raw.taken(GOOD, SEGMENT) == raw.passed(GOOD, SEGMENT)
    assert raw.taken(b"rubbish\n" + GOOD, SEGMENT) == raw.block(GOOD, SEGMENT)
    assert raw.taken(b"", SEGMENT) == []
    assert intake().taken(GOOD, SEGMENT) == raw.block(GOOD, SEGMENT)
