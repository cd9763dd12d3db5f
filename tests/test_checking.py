"""Checking: each kind of defect is found where it is, and sound logs have none."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from micrometric import MicroMetricLogger, check
from micrometric.defects import KINDS, excerpt_of
from micrometric.finder import find
from micrometric.manifest import (
    Accounting,
    Counts,
    DeletedFacts,
    Manifest,
    SegmentFacts,
    read_manifest,
    write_manifest,
)
from micrometric.registry import Metric
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name
from tests.cli.conftest import SESSION, event, facts

SAMPLES = Path(__file__).parents[1] / "sample_logs"
OTHER = "20261123T090000000000Z-host-4712"
HERE = Path(__file__).parent


def found(path: Path) -> list[tuple[str, int | None, int | None]]:
    return [(one.kind, one.line, one.byte) for one in check(path).defects]


def account(events: int, **changes) -> Accounting:
    counts = {"logged": events, "written": events} | changes
    return Accounting(Counts(**counts))


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """An ended session with three segments of ten events, and an account of them."""
    path = tmp_path / "logs"
    path.mkdir()
    told = []
    for index in range(3):
        name = closed_name(SESSION, index)
        lines = [event(10 * index + n, "density", n / 4) + "\n" for n in range(10)]
        (path / name).write_text("".join(lines))
        told.append(SegmentFacts(name, index, 10, (path / name).stat().st_size))
    session = facts(segments=tuple(told))
    manifest = Manifest({"density": Metric("float")}, session, account(30))
    write_manifest(path / manifest_name(SESSION), manifest)
    return path


def change(logs: Path, **changes) -> None:
    """Change the facts in the manifest of a session."""
    path = logs / manifest_name(SESSION)
    manifest = read_manifest(path)
    known = {name: getattr(manifest.session, name) for name in manifest.session.__struct_fields__}
    told = facts(**(known | changes))
    write_manifest(path, Manifest(manifest.metrics, told, manifest.accounting))


def test_sound_logs_have_no_defects(logs):
    for path in (logs, SAMPLES):
        checked = check(path)

        assert checked.defects == []
        assert checked.is_clean
    assert (check(logs).files, check(logs).events) == (3, 30)
    assert [(s.state, s.written, s.found) for s in check(logs).sessions] == [("ended", 30, 30)]


def test_what_the_logger_writes_is_sound_in_every_form(tmp_path):
    MicroMetricLogger.register_metric("n", float)
    MicroMetricLogger.register_metric("label", str)
    for kind in (None, "gzip", "zstd"):
        logger = MicroMetricLogger(
            tmp_path / str(kind), metrics_to_log="all", rotate_bytes=20_000, compression=kind
        )
        for number in range(1000):
            logger.log("n", number if number % 3 else float("nan"), {"step": number})
            logger.log("label", "x\nΩ" * (number % 5))
        logger.close()

    assert check(tmp_path).defects == []
    assert check(tmp_path).events == 6000


def test_lines_are_told_with_their_place(logs):
    path = logs / closed_name(SESSION, 1)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2:4] = [lines[2][:-1] + lines[3]]
    lines[4] = lines[4][:20] + b"\n"
    lines[8] = b"\0" * 50 + b"\n"
    path.write_bytes(b"".join(lines))

    assert [one for one in found(logs) if one[0] != "missing"] == [
        ("merged", 3, len(b"".join(lines[:2]))),
        ("torn", 5, len(b"".join(lines[:4]))),
        ("nul", 9, len(b"".join(lines[:8]))),
    ]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (event(5, "density", "high"), "dtype"),
        (event(5, "density", [1.0]), "dtype"),
        (event(5, "density", 0.5).replace("density", "x").replace('"metric"', '"m"'), "keys"),
        (event(5, "density", 0.5).replace("2026", "soon"), "time"),
        ("rubbish", "json"),
        (event(1, "density", 0.5), "order"),
        (event(19, "density", 9 / 4), "doubled"),
    ],
)
def test_a_defect_of_a_line_in_a_segment_is_found(logs, line, kind):
    with (logs / closed_name(SESSION, 1)).open("a") as file:
        file.write(line + "\n")

    assert (kind, 11) in [(name, number) for name, number, _ in found(logs)]


@pytest.mark.parametrize("value", [1, True, None, "NaN", "-Infinity", 0.25])
def test_values_that_stand_for_floats_are_floats(logs, value):
    lines = [event(n, "density", value) + "\n" for n in range(10, 20)]
    (logs / closed_name(SESSION, 1)).write_text("".join(lines))

    assert found(logs) == []


def test_two_equal_lines_are_fine_where_the_account_says_so(logs):
    path = logs / closed_name(SESSION, 1)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:3], lines[2], *lines[4:]]))

    assert found(logs) == []


def test_times_of_threads_may_cross_a_little(logs):
    path = logs / closed_name(SESSION, 1)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[1], lines[0], *lines[2:]]))

    assert found(logs) == []


def test_a_last_line_without_end_is_a_defect_unless_its_session_lives(logs):
    path = logs / closed_name(SESSION, 2)
    with path.open("a") as file:
        file.write('{"times')

    assert [kind for kind, _, _ in found(logs)] == ["unfinished"]

    change(logs, end=None)
    assert [kind for kind, _, _ in found(logs)] == []


def test_missing_segments_are_told_with_the_times_between(logs):
    (logs / closed_name(SESSION, 1)).unlink()

    (defect,) = check(logs).defects

    assert defect.kind == "missing"
    assert defect.reason == (
        f"segment {closed_name(SESSION, 1)} with 10 events is not here; they are of the time "
        "between 2026-11-23T08:00:09.000000Z and 2026-11-23T08:00:20.000000Z"
    )


def test_a_session_without_any_segment_is_told(logs):
    for path in logs.glob("*.jsonl"):
        path.unlink()

    assert [kind for kind, _, _ in found(logs)] == ["no segments"]


def test_segments_that_are_not_looked_at_are_not_missed(logs):
    assert found(logs / closed_name(SESSION, 1)) == []


def test_what_retention_deleted_is_no_loss(logs):
    path = logs / manifest_name(SESSION)
    manifest = read_manifest(path)
    (logs / closed_name(SESSION, 0)).unlink()
    told = facts(segments=manifest.session.segments[1:], deleted=DeletedFacts(1, 10, 1000))
    write_manifest(path, Manifest(manifest.metrics, told, manifest.accounting))

    assert found(logs) == []


def test_what_was_being_deleted_is_no_loss_whether_gone_or_not(logs):
    change(logs, going=(0, 1))
    assert found(logs) == []

    (logs / closed_name(SESSION, 0)).unlink()
    assert found(logs) == []

    (logs / closed_name(SESSION, 2)).unlink()
    assert [kind for kind, _, _ in found(logs)] == ["missing"]


def test_more_events_than_were_written_are_told(logs):
    with (logs / closed_name(SESSION, 2)).open("a") as file:
        file.write(event(40, "density", 1) + "\n")

    assert [kind for kind, _, _ in found(logs)] == ["surplus"]


def test_an_account_that_contradicts_itself_is_told(logs):
    path = logs / manifest_name(SESSION)
    manifest = read_manifest(path)
    accounting = account(30, logged=50, capped=3)
    write_manifest(path, Manifest(manifest.metrics, manifest.session, accounting))

    (defect,) = check(logs).defects

    assert defect.kind == "account"
    assert "logged 50, written 30, pending 0, sampled_out 0, capped 3" in defect.reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"format"', "it is broken"),
        (b'{"format":"other"}', "is not a manifest"),
        (b'{"format":"micrometric-manifest","version":9}', "version 9"),
        (b'{"format":"micrometric-manifest","version":1,"metrics":{}}', "no session"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told_once(logs, text, said):
    (logs / manifest_name(SESSION)).write_bytes(text)

    defects = check(logs).defects

    assert [one.kind for one in defects] == ["manifest"]
    assert said in defects[0].reason


def test_a_manifest_that_names_a_file_elsewhere_is_told_and_not_followed(logs, tmp_path):
    outside = tmp_path / "outside.jsonl"
    outside.write_text(event(0, "secret", 1) + "\n")
    change(logs, segments=(SegmentFacts("../outside.jsonl", 0, 30),))

    checked = check(logs)

    assert "manifest" in checked.counts
    assert checked.events == 30


def test_segments_without_a_manifest_are_told_once_for_a_session(logs):
    (logs / manifest_name(SESSION)).unlink()

    (defect,) = check(logs).defects

    assert (defect.kind, defect.reason) == ("no manifest", f"3 segments of session {SESSION}")


def test_logs_of_the_original_logger_need_no_manifest(tmp_path):
    (tmp_path / PLAIN_NAME).write_text(event(0, "density", 1) + "\n")

    assert found(tmp_path) == []


def test_registrations_that_conflict_are_told(logs):
    session = facts(id=OTHER, plain=True, segments=(SegmentFacts(PLAIN_NAME, 0, 0),))
    write_manifest(
        logs / manifest_name(OTHER), Manifest({"density": Metric("int")}, session, account(0))
    )

    kinds = [kind for kind, _, _ in found(logs)]

    assert "conflict" in kinds


def test_twins_and_leftovers_are_told(logs):
    path = logs / closed_name(SESSION, 1)
    (logs / closed_name(SESSION, 1, ".jsonl.gz")).write_bytes(gzip.compress(path.read_bytes()))
    (logs / f".{closed_name(SESSION, 1, '.jsonl.gz')}.77.tmp").write_bytes(b"")

    checked = check(logs)

    assert checked.counts == {"twin": 1, "leftover": 1}
    assert not checked.is_clean


def test_a_copy_of_a_run_is_told(logs, tmp_path):
    shutil.copytree(logs, tmp_path / "logs2")

    checked = check([logs, tmp_path / "logs2"])

    assert checked.counts == {"copy": 3}
    assert "10 of its first 10 events stand in" in checked.defects[0].reason


def test_a_damaged_copy_is_a_copy(logs, tmp_path):
    shutil.copytree(logs, tmp_path / "logs2")
    path = tmp_path / "logs2" / closed_name(SESSION, 0)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"rubbish\n", *lines[4:8]]))

    assert check([logs, tmp_path / "logs2"]).counts["copy"] == 3


def test_damaged_compressed_segments_are_told(logs):
    path = logs / closed_name(SESSION, 1)
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    path.with_name(path.name + ".gz").write_bytes(packed[:-20])

    kinds = [kind for kind, _, _ in found(logs)]

    assert "compressed" in kinds


def test_parquet_that_is_none_is_told(logs):
    (logs / closed_name(SESSION, 3, ".parquet")).write_bytes(b"PAR1 no PAR1")

    assert "parquet" in check(logs).counts


def test_a_killed_session_is_no_defect(logs):
    change(logs, end=None, heartbeat_interval=1.0)

    checked = check(logs)

    assert checked.counts == {"killed": 1}
    assert checked.is_clean
    assert KINDS["killed"].is_finding is False


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(logs):
    (logs / closed_name(SESSION, 1)).chmod(0)

    checked = check(logs)

    assert checked.counts["unreadable"] == 1
    assert checked.events == 20


def test_a_directory_that_cannot_be_looked_into_is_told(logs, monkeypatch):
    found = find(logs)
    found.unread[logs / "private"] = "Permission denied"
    monkeypatch.setattr("micrometric.checking.find", lambda _: found)

    checked = check(logs)

    (defect,) = (one for one in checked.defects if one.kind == "unreadable")
    assert (defect.path, defect.reason) == (
        logs / "private",
        "it cannot be looked into: Permission denied",
    )


@pytest.mark.parametrize("line", [event(0, "density", 1), "rubbish"], ids=["doubled", "json"])
def test_defects_beyond_those_that_are_remembered_are_counted(tmp_path, monkeypatch, line):
    monkeypatch.setattr("micrometric.checking.KEPT", 10)
    for session in (SESSION, OTHER):
        (tmp_path / closed_name(session, 0)).write_text(f"{line}\n" * 31)

    checked = check(tmp_path)

    assert len(checked.defects) == 10
    assert {checked.counts["doubled"], checked.counts["json"]} in ({2 * 30, 0}, {2 * 31, 0})


def test_an_excerpt_is_short_and_safe_to_show():
    line = b"\x1b[31m\xe2\x80\xae\xff\0\0\0\0" + b"x" * 100

    assert excerpt_of(line) == r"\x1b[31m\u202e\xff\x00" + "x" * 50 + "…"


def test_times_are_read_in_the_zone_that_is_named(tmp_path):
    naive = event(0, "density", 1).replace("Z", "")
    aware = event(1, "density", 1)
    (tmp_path / PLAIN_NAME).write_text(f"{naive}\n{aware}\n")

    assert check(tmp_path, assume_tz="UTC").defects == []
    assert [one.kind for one in check(tmp_path, assume_tz="America/New_York").defects] == ["order"]


def test_the_state_of_the_session_of_this_process_is_live(tmp_path):
    MicroMetricLogger.register_metric("n", float)
    logger = MicroMetricLogger(tmp_path, metrics_to_log="all")
    logger.log("n", 1)
    logger.flush()
    with next(iter(tmp_path.glob("*.jsonl"))).open("ab") as file:
        file.write(b'{"half')

    checked = check(tmp_path)

    assert [one.state for one in checked.sessions] == ["live"]
    assert checked.defects == []


def test_progress_ends_at_one(logs):
    told = []

    check(logs, progress=told.append)

    assert told[-1] == 1.0
    assert told == sorted(told)


def test_times_beyond_what_a_zone_can_hold_are_no_events(tmp_path):
    lines = [
        event(0, "density", 1).replace("2026-11-23T08:00:00.000000Z", stamp) + "\n"
        for stamp in (
            "0001-01-01T00:00:00+05:00",
            "2026-11-23T08:00:00Z",
            "9999-12-31T23:59:59-05:00",
        )
    ]
    (tmp_path / PLAIN_NAME).write_text("".join(lines))

    checked = check(tmp_path)

    assert [(one.kind, one.line) for one in checked.defects] == [("time", 1), ("time", 3)]


def test_the_first_time_there_is_comes_before_every_other(tmp_path):
    stamps = ["0001-01-01T00:00:00Z", "2026-11-23T08:00:00Z", "0001-01-01T00:00:00Z"]
    lines = [event(0, "density", 1).replace("2026-11-23T08:00:00.000000Z", s) for s in stamps]
    (tmp_path / PLAIN_NAME).write_text("\n".join([*lines, ""]))

    assert [(one.kind, one.line) for one in check(tmp_path).defects] == [("order", 3)]
