"""From segments to events: what is skipped is counted with its line, and nothing else is lost."""

import gzip
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from micrometric import (
    LogEvent,
    MicroMetricLogger,
    PathError,
    Report,
    check,
    iter_events,
    summarize,
)
from micrometric.event import decode_line, encode_event
from micrometric.finder import Segment
from micrometric.reader import read_segment, read_zone
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


def read(path: Path, report: Report | None = None) -> list[LogEvent]:
    return list(read_segment(Segment(path, "run"), report or Report(), UTC))


@pytest.mark.parametrize("kind", sorted(strategies.DAMAGES))
def test_each_kind_of_line_is_an_event_or_is_counted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join([GOOD, strategies.DAMAGES[kind](GOOD), GOOD, b""]))
    report = Report()

    events = read(path, report)

    if reason := SKIPPED.get(kind):
        assert [str(skipped) for skipped in report.examples] == [f"{path}:2: {reason}"]
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
    assert (report.skipped, len(report.unfinished)) == (0, unfinished)


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"ti'])
def test_a_file_without_events_is_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(content)

    assert read(path) == []


def test_a_line_beyond_the_limit_is_skipped_and_the_next_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("micrometric.reader.LINE_LIMIT", 1000)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"x" * 3500 + b"\n" + GOOD + b"\n" + b"y" * 5000)
    report = Report()

    assert len(read(path, report)) == 1
    assert [skipped.line for skipped in report.examples] == [1, 3]


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
def test_compressed_segments_are_read_up_to_their_damage(tmp_path: Path, suffix: str) -> None:
    pack = gzip.compress if suffix == ".jsonl.gz" else zstandard.compress
    lines = b"".join(
        encode_event(LogEvent(datetime(2026, 1, 1, tzinfo=UTC), "m", n / 7, {"n": n * n}, "f"))
        for n in range(20_000)
    )
    whole, broken = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    whole.write_bytes(pack(lines) + pack(GOOD + b"\n"))
    packed = bytearray(pack(lines))
    packed[len(packed) // 2 : len(packed) // 2 + 50] = b"\xff" * 50
    broken.write_bytes(packed)
    report = Report()

    assert len(list(read_segment(Segment(whole, "r", suffix=suffix), Report()))) == 20_001
    kept = list(read_segment(Segment(broken, "r", suffix=suffix), report))
    assert [event.value for event in kept] == [n / 7 for n in range(len(kept))]
    assert report.skipped >= 1
    assert "compressed data ends or is damaged" in report.examples[-1].reason


PACKS = {".jsonl.gz": gzip.compress, ".jsonl.zst": zstandard.compress}


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_compressed_data_cut_anywhere_is_never_taken_for_whole(tmp_path, suffix, engine) -> None:
    """Also within its first bytes and at none of them, and where its lines are all there."""
    packed = PACKS[suffix](b"".join(GOOD + b"\n" for _ in range(3)))
    path = tmp_path / f"micro_metrics{suffix}"
    for end in (0, 1, 4, 5, len(packed) // 2, len(packed) - 1):
        path.write_bytes(packed[:end])

        summary = summarize(path, engine=engine)

        assert summary.report.skipped == 1, end
        assert summary.report.examples[0].kind == "compressed"
        assert "compressed" in check(path).counts


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("behind", [b"junk", b"\x28\xb5", b"\x1f\x8b"], ids=repr)
def test_a_whole_stream_is_kept_whatever_stands_behind_it(tmp_path, suffix, behind) -> None:
    path = tmp_path / f"micro_metrics{suffix}"
    path.write_bytes(PACKS[suffix](GOOD + b"\n") + behind)
    report = Report()

    assert len(list(iter_events(path, report=report))) == 1
    assert (report.skipped, report.examples[0].line) == (1, 2)


def test_a_file_that_is_not_compressed_after_all_says_so(tmp_path: Path) -> None:
    path = tmp_path / "micro_metrics.jsonl.gz"
    path.write_bytes(GOOD)
    report = Report()

    assert list(iter_events(path, report=report)) == []
    assert "compressed data ends or is damaged" in report.examples[0].reason


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PathError, match=r"cannot read '.*': No such file or directory"):
        read(tmp_path / "gone.jsonl")
    with pytest.raises(PathError, match=r"cannot read '.*': Is a directory"):
        read(tmp_path)


def test_events_carry_their_origin(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(tmp_path / "run", metrics_to_log="all")
    logger.log("m", 1.0)
    logger.close()

    (event,) = iter_events(tmp_path)

    assert event.run == "run"
    assert event.session is not None
    assert event.launch == event.session
    assert event.rank is None


def test_what_a_command_printed_keeps_its_origin(tmp_path: Path) -> None:
    event = decode_line(GOOD[:-1] + b',"run":"far","session":"s","rank":3,"launch":"l"}')
    (tmp_path / "printed.jsonl").write_bytes(encode_event(event))

    (read_back,) = iter_events(tmp_path / "printed.jsonl")

    assert read_back == event


def test_the_zone_that_was_assumed_is_told_once(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes((GOOD.replace(b"Z", b"") + b"\n") * 3)
    report = Report()

    here = list(iter_events(path, report=report))
    assert report.sentences() == [
        "timestamps without a zone were taken as this machine's time; --assume-tz names another"
    ]
    assert here[0].timestamp == datetime(2026, 11, 23, 8).astimezone()
    monkeypatch.setenv("MICROMETRIC_TZ", "Asia/Tokyo")
    there = list(iter_events(path))
    assert there[0].timestamp == datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert read_zone(UTC) is UTC


def test_the_report_speaks_in_sentences(tmp_path: Path) -> None:
    report = Report()
    assert report.sentences() == []

    report.note("once")
    report.note("once")
    report.skip(tmp_path, 3, "not JSON")
    report.unfinished += [tmp_path, tmp_path]

    assert report.sentences() == [
        "once",
        f"1 line is not events and was skipped, the first at {tmp_path}:3: not JSON",
        f"the last line of {tmp_path} and 1 more is unfinished",
    ]


def test_examples_are_bounded_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"x\n" * 100)
    report = Report()

    read(path, report)

    assert (report.skipped, len(report.examples)) == (100, 20)


def test_events_come_in_the_order_they_were_logged(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("m", int)
    logger = MicroMetricLogger()
    for part in range(3):
        logger.configure_logging(tmp_path, "all")
        for number in range(5):
            logger.log("m", part * 5 + number)
    logger.close()

    assert [event.value for event in iter_events(tmp_path)] == list(range(15))
    assert [event.value for event in iter_events(tmp_path, launch="last")] == list(range(10, 15))


def test_a_damaged_text_in_the_middle_keeps_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD + b"\n" + b"\0" * 4096 + b"\n" + json.dumps({}).encode() + b"\n" + GOOD)
    report = Report()

    assert len(read(path, report)) == 2
    assert [(s.line, s.reason) for s in report.examples] == [
        (2, "not JSON"),
        (3, "lacks the key 'timestamp'"),
    ]
