"""Repair: logs written anew, whole and true, and the damaged ones left as they are."""

import errno
import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from micrometric import (
    MicroMetricLogger,
    PathError,
    SettingError,
    check,
    compact,
    iter_events,
    mending,
    regular,
    repair,
    repairing,
)
from micrometric.manifest import (
    Accounting,
    Counts,
    Manifest,
    SegmentFacts,
    read_manifest,
    write_manifest,
)
from micrometric.registry import Metric
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name
from tests.cli.conftest import SESSION, event, facts
from tests.damage import HERE as CORPUS

SAMPLES = Path(__file__).parents[1] / "sample_logs"
OTHER = "20261123T090000000000Z-r3-4712"


def state_of(path: Path) -> dict[str, tuple[str, int]]:
    """Return name, content and time of everything below a path."""
    return {
        str(file.relative_to(path)): (
            hashlib.sha256(file.read_bytes()).hexdigest(),
            file.stat().st_mtime_ns,
        )
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def contents(path: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and file.suffix != ".rejected"
    }


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A run with an account: a sound segment, a damaged one, and one cut in its compressed data."""
    path = tmp_path / "logs" / "seed=1"
    path.mkdir(parents=True)
    lines = [event(n, "density", n / 4) + "\n" for n in range(300)]
    (path / closed_name(SESSION, 0)).write_text("".join(lines[:100]))
    middle = [*lines[100:200]]
    middle[3] = middle[3][:40] + "\n"
    middle[7] = middle[7][:-1] + middle[8]
    del middle[8]
    (path / closed_name(SESSION, 1)).write_text("".join(middle) + '{"half')
    packed = gzip.compress("".join(lines[200:]).encode())
    (path / closed_name(SESSION, 2, ".jsonl.gz")).write_bytes(packed[: len(packed) // 2])
    told = tuple(SegmentFacts(closed_name(SESSION, n), n, 100, 1) for n in range(3))
    manifest = Manifest({"density": Metric("float", "1")}, facts(segments=told))
    write_manifest(path / manifest_name(SESSION), manifest)
    return tmp_path / "logs"


def test_a_repaired_run_has_no_defects_and_the_damaged_one_is_as_it_was(damaged, tmp_path):
    before = state_of(damaged)

    done = repair(damaged, tmp_path / "out")

    assert state_of(damaged) == before
    assert check(tmp_path / "out").defects == []
    folder = tmp_path / "out" / "seed=1"
    assert [(one.path.name, one.target) for one in done.repaired] == [
        (closed_name(SESSION, 0), folder / closed_name(SESSION, 0)),
        (closed_name(SESSION, 1), folder / closed_name(SESSION, 1)),
        (closed_name(SESSION, 2, ".jsonl.gz"), folder / closed_name(SESSION, 2)),
    ]
    for one in done.repaired:
        mended = one.mended
        assert mended.read == mended.kept + mended.set_aside
        assert one.target.stat().st_size == mended.kept + mended.added
    assert [one.mended.events for one in done.repaired][:2] == [100, 99]
    values = [round(one.value * 4) for one in iter_events(tmp_path / "out")]
    assert values[:199] == [n for n in range(200) if n != 103]
    assert values[199:] == [*range(200, 200 + len(values) - 199)]
    assert done.is_whole


def test_what_is_set_aside_is_in_a_file_beside_it(damaged, tmp_path):
    done = repair(damaged, tmp_path / "out")

    rejected = done.repaired[1].rejected
    records = [json.loads(line) for line in rejected.read_text().splitlines()]

    assert rejected.name == f"{closed_name(SESSION, 1)}.rejected"
    assert [(one["line"], one["kind"]) for one in records] == [(4, "torn"), (100, "torn")]
    assert records[1]["text"] == '{"half'
    assert done.repaired[0].rejected is None


def test_repairing_what_is_repaired_changes_nothing(damaged, tmp_path):
    repair(damaged, tmp_path / "out")

    repair(tmp_path / "out", tmp_path / "again")

    assert contents(tmp_path / "again") == contents(tmp_path / "out")
    assert not [*(tmp_path / "again").rglob("*.rejected")]


def test_repairing_sound_logs_copies_them(tmp_path):
    MicroMetricLogger.register_metric("n", float)
    logger = MicroMetricLogger(
        tmp_path / "logs", metrics_to_log="all", rotate_bytes=20_000, compression="zstd"
    )
    for number in range(1000):
        logger.log("n", number)
    logger.close()
    compact(tmp_path / "logs")

    repair(tmp_path / "logs", tmp_path / "out")

    segments = {
        name: data for name, data in contents(tmp_path / "logs").items() if "manifest" not in name
    }
    repaired = contents(tmp_path / "out" / "logs")
    assert segments == {name: data for name, data in repaired.items() if "manifest" not in name}
    assert check(tmp_path / "out").defects == []


def test_missing_events_are_told_as_failed(damaged, tmp_path):
    path = damaged / "seed=1" / manifest_name(SESSION)
    manifest = read_manifest(path)
    accounting = account(logged=310, written=300, sampled_out=10)
    write_manifest(path, Manifest(manifest.metrics, manifest.session, accounting))

    done = repair(damaged, tmp_path / "out")

    (written,) = done.manifests
    total = read_manifest(written).accounting.total
    events = sum(one.mended.events for one in done.repaired)
    assert (total.logged, total.sampled_out, total.written) == (310, 10, events)
    assert total.failed == 300 - events > 0
    assert total.balances
    assert read_manifest(written).metrics == manifest.metrics


def account(**counts: int) -> Accounting:
    return Accounting(Counts(**counts), {"density": Counts(**counts)})


def test_a_manifest_that_is_missing_or_broken_is_made_anew(damaged, tmp_path):
    folder = damaged / "seed=1"
    (folder / manifest_name(SESSION)).write_text("{")
    (folder / closed_name(OTHER, 0)).write_text(
        "".join(
            event(n, name, value) + "\n"
            for n, (name, value) in enumerate(
                [
                    ("whole", 1),
                    ("mixed", 1),
                    ("mixed", 0.5),
                    ("label", "x"),
                    ("odd", 1),
                    ("odd", "y"),
                ]
            )
        )
    )

    repair(damaged, tmp_path / "out")

    made = read_manifest(tmp_path / "out" / "seed=1" / manifest_name(OTHER))
    assert {name: metric.dtype for name, metric in made.metrics.items()} == {
        "whole": "int", "mixed": "float", "label": "str", "odd": "object",
    }  # fmt: skip
    assert (made.session.id, made.session.rank, made.session.pid) == (OTHER, 3, 4712)
    assert made.session.end is not None
    assert made.accounting.total.written == 6
    assert check(tmp_path / "out").defects == []


@pytest.mark.parametrize(
    ("stamp", "year", "start", "end"),
    [
        ("99999999T999999999999Z", "2026", "2026-11-23", "2026-11-23"),
        ("99991231T080000000000Z", "2026", "9998-12-31", "2026-11-23"),
        ("20261123T080000000000Z", "9999", "2026-11-23", "9998-12-31"),
        ("00000000T000000000000Z", "0001", "0002-01-01", "0002-01-01"),
        ("99999999T999999999999Z", None, "1970-01-01", "1970-01-01"),
    ],
    ids=["no date", "last year", "event in the last year", "first year", "no events"],
)
def test_a_manifest_is_made_of_whatever_times_there_are(tmp_path, stamp, year, start, end):
    session = f"{stamp}-r0-1"
    lines = "" if year is None else event(1, "m", 1).replace("2026", year) + "\n"
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / closed_name(session, 0)).write_text(lines)

    (written,) = repair(tmp_path / "logs", tmp_path / "out").manifests

    made = read_manifest(written).session
    assert (made.start[:10], made.heartbeat[:10], made.end[:10]) == (start, end, end)


def test_doubled_lines_are_kept_where_the_account_says_so(tmp_path):
    path = tmp_path / "logs"
    path.mkdir()
    line = event(0, "density", 1) + "\n"
    (path / closed_name(SESSION, 0)).write_text(line * 2)
    told = facts(segments=(SegmentFacts(closed_name(SESSION, 0), 0, 2, 1),))
    accounting = account(logged=2, written=2)
    write_manifest(
        path / manifest_name(SESSION), Manifest({"density": Metric("float")}, told, accounting)
    )

    assert [one.mended.events for one in repair(path, tmp_path / "a").repaired] == [2]

    (path / manifest_name(SESSION)).unlink()
    assert [one.mended.events for one in repair(path, tmp_path / "b").repaired] == [1]


def test_a_live_session_is_left_out(tmp_path):
    MicroMetricLogger.register_metric("n", float)
    logger = MicroMetricLogger(tmp_path / "logs", metrics_to_log="all")
    logger.log("n", 1)
    logger.flush()

    done = repair(tmp_path / "logs", tmp_path / "out")

    assert done.repaired == []
    assert [reason for reason in done.left.values() if "lives" in reason]
    assert not done.is_whole


def test_a_session_elsewhere_that_may_live_is_left_out(damaged, tmp_path):
    path = damaged / "seed=1" / manifest_name(SESSION)
    manifest = read_manifest(path)
    told = msgspec.structs.replace(manifest.session, end=None, host="far", heartbeat_interval=None)
    write_manifest(path, msgspec.structs.replace(manifest, session=told))

    done = repair(damaged, tmp_path / "out")

    assert (done.repaired, done.manifests) == ([], [])
    assert set(done.left.values()) == {
        f"whether its session {SESSION} lives can only be told on host 'far'"
    }


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_sound_compressed_file_keeps_its_name_beside_a_plain_one(tmp_path, is_cut):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / PLAIN_NAME).write_text(event(0, "density", 1) + "\nrubbish\n")
    packed = gzip.compress((event(1, "density", 2) + "\n").encode())
    (logs / f"{PLAIN_NAME}.gz").write_bytes(packed[:-10] if is_cut else packed)

    done = repair(logs, tmp_path / "out")

    if is_cut:
        assert done.left == {logs / f"{PLAIN_NAME}.gz": "another segment has its name"}
        assert contents(tmp_path / "out" / "logs").keys() == {PLAIN_NAME}
    else:
        assert done.is_whole
        assert contents(tmp_path / "out" / "logs")[f"{PLAIN_NAME}.gz"] == packed
        assert [one.rejected is not None for one in done.repaired] == [True, False]


def test_damaged_parquet_is_left_out_and_told(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / closed_name(SESSION, 0, ".parquet")).write_bytes(b"PAR1 no PAR1")
    (tmp_path / "logs" / closed_name(SESSION, 1)).write_text(event(0, "density", 1) + "\n")

    done = repair(tmp_path / "logs", tmp_path / "out")

    assert [path.name for path in done.left] == [closed_name(SESSION, 0, ".parquet")]
    assert [one.mended.events for one in done.repaired] == [1]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_a_segment_that_may_not_be_read_is_left_out_and_told(tmp_path, monkeypatch, suffix):
    (tmp_path / "logs").mkdir()
    closed, whole = (tmp_path / "logs" / closed_name(SESSION, n, suffix) for n in range(2))
    line = (event(0, "density", 1) + "\n").encode()
    for path in (closed, whole):
        path.write_bytes(gzip.compress(line) if suffix == ".jsonl.gz" else line)
    # As without its permissions, which root has nevertheless.
    at_once = regular._at_once

    def refuse(name: str, flags: int) -> int:
        if name == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied")
        return at_once(name, flags)

    monkeypatch.setattr(regular, "_at_once", refuse)

    done = repair(tmp_path / "logs", tmp_path / "out")

    ((left, why),) = done.left.items()
    assert left == closed
    assert why.endswith(": Permission denied")
    assert [one.path for one in done.repaired] == [whole]
    assert not any((tmp_path / "out").rglob("*.0.*"))


def test_runs_keep_their_directories_and_segments_their_times(tmp_path):
    shutil.copytree(SAMPLES, tmp_path / "logs")
    for path in (tmp_path / "logs").rglob("*.jsonl"):
        os.utime(path, (1e9, 1e9))

    repair(tmp_path / "logs", tmp_path / "out")

    assert contents(tmp_path / "out").keys() >= {
        f"oracle_top_k={k}/{PLAIN_NAME}" for k in (8, 32, 128)
    }
    assert {path.stat().st_mtime for path in (tmp_path / "out").rglob("*.jsonl")} == {1e9}


@pytest.mark.parametrize("place", ["out", "logs/out", "logs"])
def test_an_output_that_would_harm_something_is_refused(damaged, tmp_path, place):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()

    with pytest.raises(SettingError, match=r"is there already|is inside of"):
        repair(damaged, tmp_path / place)

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


@pytest.mark.parametrize("place", ["real/out", "real/deep/out", "real/run/out"])
def test_an_output_where_a_link_in_logs_leads_is_refused(damaged, tmp_path, place):
    (tmp_path / "real" / "run").mkdir(parents=True)
    (tmp_path / "real" / "run" / PLAIN_NAME).write_text(event(0, "density", 0) + "\n")
    (damaged / "link").symlink_to(tmp_path / "real")
    before = state_of(tmp_path)

    with pytest.raises(SettingError, match=r"is inside of '.*/link"):
        repair(damaged, tmp_path / place)

    assert state_of(tmp_path) == before


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("lo*", "logs/out"),
        ("logs/*", "logs/seed=1/out"),
        (f"logs/seed=1/{PLAIN_NAME}", "logs/seed=1/out"),
    ],
)
def test_an_output_inside_of_logs_is_refused_however_they_are_named(
    damaged, tmp_path, monkeypatch, named, place
):
    (damaged / "seed=1" / PLAIN_NAME).write_text(event(0, "density", 0) + "\n")
    monkeypatch.chdir(tmp_path)
    before = state_of(tmp_path)

    with pytest.raises(SettingError, match="is inside of"):
        repair(named, place)

    assert state_of(tmp_path) == before


def test_a_file_of_another_name_may_be_repaired_beside_itself(tmp_path):
    (tmp_path / "export.jsonl").write_text(event(0, "density", 0) + "\n")

    assert repair(tmp_path / "export.jsonl", tmp_path / "out").is_whole


def test_standard_input_is_refused(tmp_path):
    with pytest.raises(SettingError, match="standard input"):
        repair("-", tmp_path / "out")


def test_an_empty_directory_may_be_the_output(damaged, tmp_path):
    (tmp_path / "out").mkdir()

    repair(damaged, tmp_path / "out")

    assert check(tmp_path / "out").is_clean


def test_an_empty_directory_that_cannot_be_replaced_is_told_before_the_work(
    damaged, tmp_path, monkeypatch
):
    (tmp_path / "out").mkdir()

    def refuse(*_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")  # As at a mount point.

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(repairing, "check", None)

    with pytest.raises(PathError, match="is empty, but cannot be replaced: Device or resource"):
        repair(damaged, tmp_path / "out")

    assert {path.name for path in tmp_path.iterdir()} == {"logs", "out"}


@pytest.mark.parametrize("name", ["o" * 255, "ö" * 127])
def test_an_output_may_have_as_long_a_name_as_any(damaged, tmp_path, name):
    assert repair(damaged, tmp_path / name).is_whole
    assert {path.name for path in tmp_path.iterdir()} == {"logs", name}


def test_new_files_have_the_rights_of_the_user_s_mask(damaged, tmp_path):
    mask = os.umask(0o027)
    try:
        repair(damaged, tmp_path / "out")
    finally:
        os.umask(mask)

    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o640}


CALLS = [
    (Path, "mkdir"),
    (Path, "replace"),
    (os, "utime"),
    (repairing, "write_manifest"),
    (mending, "encode_fields"),
    (repairing, "mend_segment"),
]


@pytest.mark.parametrize(("owner", "name"), CALLS, ids=[name for _, name in CALLS])
@pytest.mark.parametrize("turn", [1, 2])
def test_where_the_disk_is_full_nothing_is_left(damaged, tmp_path, monkeypatch, owner, name, turn):
    before = state_of(damaged)
    real, calls = getattr(owner, name), iter(range(1, 100))

    def fail(*arguments, **options):
        if next(calls) == turn:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, fail)
        failed = None
        try:
            repair(damaged, tmp_path / "out")
        except PathError as error:
            failed = str(error)

    assert failed is None or "No space left on device" in failed
    assert (tmp_path / "out").exists() == (failed is None)
    assert state_of(damaged) == before
    assert {path.name for path in tmp_path.iterdir()} <= {"logs", "out"}
    if (tmp_path / "out").exists():
        assert check(tmp_path / "out").is_clean


def test_an_interrupt_leaves_nothing(damaged, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> Iterator[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(repairing, "write_manifest", interrupted)

    with pytest.raises(KeyboardInterrupt):
        repair(damaged, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


def test_rows_of_parquet_that_are_no_events_are_set_aside(tmp_path):
    shutil.copytree(CORPUS / "parquet_damaged_page", tmp_path / "logs")

    done = repair(tmp_path / "logs", tmp_path / "fixed")

    assert [(one.path.suffix, one.target.suffix) for one in done.repaired] == [
        (".parquet", ".jsonl"),
        (".jsonl", ".jsonl"),
    ]
    assert [one.mended.events for one in done.repaired] == [1, 2]
    assert done.is_whole
    assert check(tmp_path / "fixed").defects == []


def test_a_directory_that_cannot_be_looked_into_is_left_out_and_told(
    damaged, tmp_path, monkeypatch
):
    (damaged / "private").mkdir()
    scandir = os.scandir

    def refused(directory):
        if directory == damaged / "private":
            raise PermissionError(13, "Permission denied")
        return scandir(directory)

    monkeypatch.setattr("micrometric.search.os.scandir", refused)

    done = repair(damaged, tmp_path / "fixed")

    assert done.left == {damaged / "private": "it cannot be looked into: Permission denied"}
    assert len(done.repaired) == 3
