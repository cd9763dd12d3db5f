"""From segments to events: what is skipped is counted with its line, and nothing else is lost."""

import gzip
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from micrometric import (
    LogEvent,
    MicroMetricLogger,
    PathError,
    Report,
    SettingError,
    check,
    iter_events,
    summarize,
)
from micrometric.event import decode_line, encode_event
from micrometric.finder import Segment
from micrometric.manifest import Accounting, Counts, Manifest, write_manifest
from micrometric.reader import lost_events, read_segment, read_span, read_zone
from micrometric.registry import Metric
from micrometric.report import Skipped
from micrometric.segment import manifest_name
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
SESSIONS = [f"20261123T08000000000{number}Z-r0-11" for number in range(3)]
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
    assert report.examples[-1].reason == "longer than 1 MiB"


def test_a_part_ends_where_it_ends_also_behind_a_line_beyond_the_limit(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("micrometric.opening._BLOCK", 1000)
    limit_lines(monkeypatch, 2000)
    path = tmp_path / "log.jsonl"
    part = b"x" * 2500 + b"\n" + GOOD + b"\n"
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


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({}, [1, 2]),
        ({"metrics": "m"}, [1]),
        ({"location": "b.*"}, [2]),
        ({"where": "k == 2 and lr == 0.1"}, [2]),
        ({"where": "k == 2 and lr == 0.2"}, []),
        ({"since": "2026-11-23T08:00:01Z"}, [2]),
        ({"until": "2026-11-23T08:00:00Z"}, [1]),
        ({"since": "2026-11-23T17:00:01", "assume_tz": "Asia/Tokyo"}, [2]),
    ],
    ids=str,
)
@pytest.mark.parametrize("beside", [b"", b"\n"], ids=["at once", "one by one"])
def test_events_are_those_that_are_asked_for(tmp_path: Path, options, values, beside) -> None:
    path = tmp_path / "lr=0.1" / "micro_metrics.jsonl"
    path.parent.mkdir()
    other = GOOD.replace(b'"m"', b'"n"').replace(b"00.", b"01.").replace(b":1", b":2")
    path.write_bytes(GOOD + b"\n" + beside + other.replace(b"a.f", b"b.g") + b"\n")

    assert [event.value for event in iter_events(tmp_path, **options)] == values


@pytest.mark.parametrize("beside", [b"", b"\n"], ids=["at once", "one by one"])
def test_a_metric_registered_as_a_text_keeps_its_texts(tmp_path: Path, beside) -> None:
    metrics = {"m": Metric("str"), "n": Metric("float")}
    write_manifest(tmp_path / manifest_name(SESSIONS[0]), Manifest(metrics))
    line = GOOD.replace(b'"value":1', b'"value":"NaN"') + b"\n"
    path = tmp_path / "micro_metrics.jsonl"
    path.write_bytes(line + line.replace(b'"m"', b'"n"') + beside)

    assert [repr(event.value) for event in iter_events(tmp_path)] == ["'NaN'", "nan"]


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
@pytest.mark.parametrize(
    "behind", [b"junk", b"\x28\xb5", b"\x1f\x8b"], ids=["text", "half-zstd", "half-gzip"]
)
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

    report = Report()

    (event,) = iter_events(tmp_path, report=report)

    assert report.notes == []
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


@pytest.mark.parametrize("end", [b'Z"', b'+00:00"', b'z"'])
def test_no_zone_is_assumed_where_times_tell_theirs(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD.replace(b'Z"', end) + b"\n\n")
    report = Report()

    assert len(read(path, report)) == 1
    assert report.assumed_zone is None


def test_the_zone_that_was_assumed_first_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD.replace(b"Z", b"") + b"\n")
    report = Report()

    for zone in ("Asia/Tokyo", "UTC"):
        list(iter_events(path, assume_tz=zone, report=report))

    assert report.assumed_zone == "Asia/Tokyo"


def test_a_zone_that_there_is_not_is_an_error() -> None:
    for name in ("Nowhere/Else", "../UTC", "\0"):
        with pytest.raises(SettingError) as caught:
            read_zone(name)

        assert str(caught.value) == (
            f"no time zone is called {name!r}; expected a name such as 'UTC' or 'Europe/Berlin'"
        )


def test_what_was_logged_and_is_not_there_is_told(tmp_path: Path) -> None:
    counts = Counts(logged=100, written=40, sampled_out=30, capped=20, failed=10)
    (tmp_path / "micro_metrics.jsonl").write_bytes(GOOD + b"\n")
    write_manifest(
        tmp_path / manifest_name(SESSIONS[0]), Manifest({}, accounting=Accounting(counts))
    )
    write_manifest(
        tmp_path / manifest_name(SESSIONS[1]), Manifest({}, accounting=Accounting(Counts(5, 5)))
    )
    write_manifest(tmp_path / manifest_name(SESSIONS[2]), Manifest({}))
    report = Report()

    list(iter_events(tmp_path, report=report))

    assert report.notes == [
        f"of 100 events logged by {manifest_name(SESSIONS[0])}: 30 sampled out, 20 beyond "
        "max_records, 10 failed"
    ]
    assert lost_events(Manifest({}, accounting=Accounting(counts))) == {
        "sampled out": 30,
        "beyond max_records": 20,
        "failed": 10,
    }
    assert lost_events(Manifest({}, accounting=Accounting(Counts(5, 4, capped=1)))) == {
        "beyond max_records": 1
    }


def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "micro_metrics.jsonl").write_bytes(GOOD + b"\n")
    (tmp_path / manifest_name(SESSIONS[0])).write_text("{}")
    report = Report()

    list(iter_events(tmp_path, report=report))

    assert len(report.notes) == 1
    assert manifest_name(SESSIONS[0]) in report.notes[0]


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
    for part in range(2):
        logger.configure_logging(tmp_path, "all")
        for number in range(5):
            logger.log("m", part * 5 + number)
    logger.close()

    report, last = Report(), Report()

    assert [event.value for event in iter_events(tmp_path, report=report)] == list(range(10))
    assert [event.value for event in iter_events(tmp_path, launch="last", report=last)] == list(
        range(5, 10)
    )
    launch = [event.launch for event in iter_events(tmp_path)][-1]
    assert report.notes == [
        f"run {tmp_path.name!r} holds 2 launches, read together; --launch last chooses the last, "
        f"{launch!r}"
    ]
    assert last.notes == []


def test_a_damaged_text_in_the_middle_keeps_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(GOOD + b"\n" + b"\0" * 4096 + b"\n" + json.dumps({}).encode() + b"\n" + GOOD)
    report = Report()

    assert len(read(path, report)) == 2
    assert [(s.line, s.reason) for s in report.examples] == [
        (2, "not JSON"),
        (3, "lacks the key 'timestamp'"),
    ]
