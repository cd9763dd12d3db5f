"""From paths to events: those that are asked for, whose they are, and what a reader is told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from micrometric import (
    LogEvent,
    MicroMetricLogger,
    Report,
    SettingError,
    iter_events,
)
from micrometric.event import decode_line, encode_event
from micrometric.found import Segment
from micrometric.manifest import Accounting, Counts, Manifest, write_manifest
from micrometric.reader import lost_events, read_segment, read_zone
from micrometric.registry import Metric
from micrometric.segment import manifest_name

GOOD = (
    b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"m","value":1,"metadata":{"k":1},'
    b'"location":"a.f"}'
)
SESSIONS = [f"20261123T08000000000{number}Z-r0-11" for number in range(3)]


def read(path: Path, report: Report | None = None) -> list[LogEvent]:
    return list(read_segment(Segment(path, "run"), report or Report(), UTC))


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


def test_events_come_in_the_order_they_were_logged(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("m", int)
    logger = MicroMetricLogger()
    for part in range(3):
        logger.configure_logging(tmp_path, "all")
        for number in range(5):
            logger.log("m", part * 5 + number)
    logger.close()

    report, last = Report(), Report()

    assert [event.value for event in iter_events(tmp_path, report=report)] == list(range(15))
    assert [event.value for event in iter_events(tmp_path, launch="last", report=last)] == list(
        range(10, 15)
    )
    launch = [event.launch for event in iter_events(tmp_path)][-1]
    assert report.notes == [
        f"run {tmp_path.name!r} holds 3 launches, read together; --launch last chooses the last, "
        f"{launch!r}"
    ]
    assert last.notes == []
