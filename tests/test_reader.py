"""From segments to events: what is skipped is counted with its line, and nothing else is lost."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micrometric import (
    LogEvent,
    PathError,
    Report,
)
from micrometric.finder import Segment
from micrometric.reader import read_segment, read_span
from micrometric.report import Skipped
from tests import strategies

GOOD = (
    b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"m","value":1,"metadata":{"k":1},'
    b'"location":"a.f"}'
)
SKIPPED = {
    "cut": "not JSON",
    "not an object": "expected a JSON object, found a list",
    "garbage": "not JSON",
    "nul": "not JSON",
    "bad utf-8": "not UTF-8",
    "no value": "lacks the key 'value'",
    "no metric": "lacks the key 'metric'",
    "metric is a number": "'metric' is a number, expected a string",
    "metadata is a list": "'metadata' is a list, expected an object",
    "bad time": "timestamp 'soon-11-23T08:00:00.000000Z' is not ISO 8601 within years 1-9999",
    "year 0": "timestamp '0000-11-23T08:00:00.000000Z' is not ISO 8601 within years 1-9999",
    "two in one": "not JSON",
}
KINDS = {
    "cut": "json",
    "garbage": "json",
    "nul": "json",
    "bad utf-8": "encoding",
    "bad time": "time",
    "year 0": "time",
    "two in one": "json",
}
"""The others lack a key or mistype it."""


def read(path: Path, report: Report | None = None) -> list[LogEvent]:
    return list(read_segment(Segment(path, "run"), report or Report(), UTC))


def limit_lines(patch: pytest.MonkeyPatch, length: int) -> None:
    patch.setattr("micrometric.opening.LINE_LIMIT", length)
    patch.setattr("micrometric.reader.LINE_LIMIT", length)


@pytest.mark.parametrize("kind", sorted(strategies.DAMAGES))
def test_each_kind_of_line_is_an_event_or_is_counted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join([GOOD, strategies.DAMAGES[kind](GOOD), GOOD, b""]))
    report = Report()

    events = read(path, report)

    if reason := SKIPPED.get(kind):
        assert [str(skipped) for skipped in report.examples] == [f"{path}:2: {reason}"]
        assert [skipped.kind for skipped in report.examples] == [KINDS.get(kind, "keys")]
        assert len(events) == 2
    else:
        assert report.skipped == 0
        assert len(events) == (2 if kind == "blank" else 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(strategies.lines(), min_size=1, max_size=5), st.data())
def test_a_file_cut_at_any_byte_yields_a_prefix(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(lines) + b"\n"
    cut = data.draw(st.integers(0, len(whole)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        path.write_bytes(whole)
        all_events = read(path)
        path.write_bytes(whole[:cut])
        report = Report()

        events = read(path, report)

    assert repr(events) == repr(all_events[: len(events)])
    assert len(events) >= whole[:cut].count(b"\n")
    assert report.skipped == 0


@pytest.mark.parametrize(
    ("end", "events", "unfinished"), [(b"\n", 2, 0), (b"", 2, 0), (b'\n{"time', 2, 1)]
)
def test_an_unfinished_line_is_no_defect(tmp_path: Path, end, events, unfinished) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD + b"\n" + GOOD + end)
    report = Report()

    assert len(read(path, report)) == events
    assert (report.skipped, report.unfinished) == (0, [path] * unfinished)


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"ti'])
def test_a_file_without_events_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)

    assert read(path) == []


def test_a_line_beyond_the_limit_is_skipped_and_the_next_read(tmp_path, monkeypatch) -> None:
    limit_lines(monkeypatch, 1000)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"x" * 3500 + b"\n" + GOOD + b"\n" + b"y" * 5000)
    report = Report()

    assert len(read(path, report)) == 1
    assert report.examples == [
        Skipped(path, 1, "longer than 0 MiB"),
        Skipped(path, 3, "longer than 0 MiB"),
    ]
    assert [skipped.kind for skipped in report.examples] == ["length", "length"]


@pytest.mark.parametrize("beside", [b"", b"rubbish\n"], ids=["at once", "one by one"])
def test_a_line_may_be_as_long_as_the_limit(tmp_path, monkeypatch, beside) -> None:
    limit = (1 << 20) + 100  # No multiple of what is read at a time.
    limit_lines(monkeypatch, limit)
    path = tmp_path / "log.jsonl"
    longest = GOOD.replace(b"a.f", b"f" * (limit - len(GOOD) + 2)) + b"\n"
    path.write_bytes(longest + beside + longest.replace(b"ff", b"fff", 1) + GOOD + b"\n")
    report = Report()

    events = read(path, report)

    assert [len(event.location) > 3 for event in events] == [True, False]
    assert [skipped.reason for skipped in report.examples if skipped.kind == "length"] == [
        "longer than 1 MiB"
    ]


def test_a_part_ends_where_it_ends_also_behind_a_line_beyond_the_limit(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("micrometric.opening._BLOCK", 1000)
    limit_lines(monkeypatch, 2000)
    path = tmp_path / "log.jsonl"
    part = b"x" * 3500 + b"\n" + GOOD + b"\n"
    path.write_bytes(part + GOOD.replace(b":1", b":2") + b"\n")

    report = Report()

    events = read_span(Segment(path, "run"), 0, len(part), report)

    assert [event.value for event in events] == [1]
    assert report.examples == [Skipped(path, 1, "longer than 0 MiB")]


def test_a_part_of_a_segment_is_read_as_the_whole_is(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    lines = [
        GOOD.replace(b'Z"', b'"') + b"\n",
        b"rubbish\n",
        GOOD.replace(b'Z"', b'"').replace(b":1", b':"NaN"') + b"\n",
        GOOD + b"\n",
    ]
    path.write_bytes(b"".join(lines))
    start, end = len(lines[0]), len(b"".join(lines[:3]))
    report = Report()

    (event,) = read_span(
        Segment(path, "run"), start, end, report, ZoneInfo("Asia/Tokyo"), frozenset({"m"})
    )

    assert (event.run, event.value) == ("run", "NaN")
    assert event.timestamp == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert report.examples == [Skipped(path, 1, "not JSON")]


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PathError, match=r"cannot read '.*': No such file or directory"):
        read(tmp_path / "gone.jsonl")
    with pytest.raises(PathError, match=r"cannot read '.*': Is a directory"):
        read(tmp_path)


def test_the_report_speaks_in_sentences(tmp_path: Path) -> None:
    report = Report()
    assert report.sentences() == []

    report.note("once")
    report.note("once")
    report.skip(tmp_path, 3, "not JSON")
    report.unfinished += [tmp_path, tmp_path]

    assert report.sentences() == [
        "once",
        f"1 line is not an event and was skipped, the first at {tmp_path}:3: not JSON",
        f"the last line of {tmp_path} and 1 more is unfinished",
    ]


def test_examples_are_bounded_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"x\n" * 100)
    report = Report()

    read(path, report)

    assert (report.skipped, len(report.examples)) == (100, 20)


def test_a_damaged_text_in_the_middle_keeps_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD + b"\n" + b"\0" * 4096 + b"\n" + json.dumps({}).encode() + b"\n" + GOOD)
    report = Report()

    assert len(read(path, report)) == 2
    assert [(s.line, s.reason) for s in report.examples] == [
        (2, "not JSON"),
        (3, "lacks the key 'timestamp'"),
    ]
