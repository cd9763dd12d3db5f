"""Rotation, compression and retention: nothing is lost or doubled, also under a live reader."""

import gzip
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from micrometric import (
    MicroMetricLogger,
    SettingError,
    check,
    closed,
    follow,
    iter_events,
    summarize,
)
from micrometric.closed import ClosedSegments
from micrometric.finder import find
from micrometric.machine import this_machine
from micrometric.manifest import Accounting, DeletedFacts, SegmentFacts
from micrometric.segment import PLAIN_NAME, parse_segment_name
from micrometric.session import new_session
from micrometric.settings import Settings
from tests.programs import wait_for


@pytest.fixture
def _at_once(monkeypatch) -> None:
    """Let closed segments be compressed and deleted without a rest."""
    monkeypatch.setattr(closed, "REST", 0.0)
    monkeypatch.setattr(closed, "_REST_AT_END", 0.0)


def begin(logs: Path, **settings: object) -> MicroMetricLogger:
    MicroMetricLogger.register_metric("n", int)
    return MicroMetricLogger(logs, **{"flush_interval": None, "metrics_to_log": "n", **settings})


def log(logger: MicroMetricLogger, *numbers: int) -> None:
    for number in numbers:
        logger.log("n", number)


def numbers(logs: Path) -> list[object]:
    return [event.value for event in iter_events(logs)]


def names(logs: Path) -> list[str]:
    """The kinds of the segments, without their sessions, in the order they were begun."""
    found = [parse_segment_name(segment.path.name) for segment in find(logs).segments]
    return [f"{'active' if name.index is None else name.index}{name.suffix}" for name in found]


# When a segment is closed.


def test_a_segment_is_closed_when_it_is_full(logs, manifest) -> None:
    logger = begin(logs, flush_every=10, rotate_bytes=1000)

    log(logger, *range(100))
    logger.close()

    assert numbers(logs) == [*range(100)]
    segments = find(logs).segments
    sizes = [segment.path.stat().st_size for segment in segments]
    assert len(segments) > 5
    assert all(1000 <= size < 3000 for size in sizes[:-1])
    assert len({segment.session for segment in segments}) == 1
    facts = manifest().session
    assert [segment.name for segment in facts.segments] == [s.path.name for s in segments]
    assert [segment.bytes for segment in facts.segments] == sizes
    lines = [len(segment.path.read_text().splitlines()) for segment in segments]
    assert [segment.events for segment in facts.segments] == lines


def test_a_segment_is_closed_by_age_whatever_the_wall_clock_says(tmp_path: Path) -> None:
    now = [0.0]
    settings = Settings(str(tmp_path), rotate_seconds=60.0)
    session = new_session(
        tmp_path,
        this_machine(),
        datetime.now(UTC),
        settings=settings,
        spec="",
        launch=None,
        may_claim=True,
        clock=lambda: now[0],
    )
    session.begin({})
    for written, moment in enumerate((0.0, 59.0, 61.0, 62.0), start=1):
        now[0] = moment
        session.write([memoryview(b"%d\n" % written)], 0)
        session.rotate_if_due(written)

    first, plain = find(tmp_path).segments
    assert first.path.read_text() == "1\n2\n3\n"
    assert plain.path.read_text() == "4\n"


def test_a_quiet_segment_is_closed_by_the_thread(logs) -> None:
    logger = begin(logs, flush_interval=0.01, rotate_seconds=0.05)
    log(logger, 1)

    wait_for(lambda: [*logs.glob("*.0.jsonl")] != [])

    logger.close()
    assert numbers(logs) == [1]


def test_the_plain_name_always_stands_for_a_file(logs) -> None:
    """So that no other session can take it between two segments."""
    logger = begin(logs, flush_every=1, rotate_bytes=1)
    log(logger, 0)
    ended = threading.Event()
    gone: list[int] = []

    def look() -> None:
        while not ended.is_set():
            if not (logs / PLAIN_NAME).exists():
                gone.append(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    log(logger, *range(1, 300))
    ended.set()
    watcher.join()

    assert gone == []
    assert numbers(logs) == [*range(300)]


def test_a_disk_that_refuses_a_new_segment_keeps_the_old_one(logs, monkeypatch) -> None:
    logger = begin(logs, flush_every=1, rotate_bytes=100)
    log(logger, 0)

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    log(logger, *range(1, 20))
    logger.close()

    assert numbers(logs) == [*range(20)]
    assert not [*logs.glob(".*")]


def test_without_hard_links_a_segment_is_renamed(logs, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    logger = begin(logs, flush_every=1, rotate_bytes=100)

    log(logger, *range(20))
    logger.close()

    assert numbers(logs) == [*range(20)]
    assert len(names(logs)) > 5


# Compression.


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize(("compression", "suffix"), [("gzip", ".jsonl.gz"), ("zstd", ".jsonl.zst")])
@pytest.mark.parametrize("flush_interval", [None, 0.01], ids=["by-caller", "thread"])
def test_closed_segments_are_compressed(
    logs, manifest, compression, suffix, flush_interval
) -> None:
    logger = begin(
        logs,
        flush_every=10,
        flush_interval=flush_interval,
        rotate_bytes=1000,
        compression=compression,
    )

    log(logger, *range(100))
    logger.close()

    assert numbers(logs) == [*range(100)]
    *packed, active = find(logs).segments
    assert len(packed) >= 1
    assert {segment.suffix for segment in packed} == {suffix}
    assert active.suffix == ".jsonl"
    assert not [*logs.glob(".*")]
    unpack = {"gzip": gzip.decompress, "zstd": unpack_zstd}[compression]
    assert json.loads(unpack(packed[0].path.read_bytes()).splitlines()[0])["value"] == 0
    facts = manifest().session.segments
    assert [segment.name for segment in facts] == [
        segment.path.name for segment in (*packed, active)
    ]
    assert [fact.bytes for fact in facts] == [
        segment.path.stat().st_size for segment in (*packed, active)
    ]


def unpack_zstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


@pytest.mark.usefixtures("_at_once")
def test_a_disk_without_room_for_compressing_keeps_the_lines(logs, monkeypatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    logger = begin(logs, flush_every=10, rotate_bytes=1000, compression="gzip")

    log(logger, *range(100))
    logger.close()

    assert numbers(logs) == [*range(100)]
    assert not [*logs.glob(".*")]
    assert not [*logs.glob("*.gz")]


def test_a_live_segment_rests_before_it_is_compressed(tmp_path: Path) -> None:
    now = [0.0]
    (tmp_path / "0").write_text("line\n")
    segments = ClosedSegments(tmp_path, "s", Settings(compression="gzip"), lambda: now[0])
    (tmp_path / "micro_metrics.s.0.jsonl").write_text("line\n")
    segments.add(SegmentFacts("micro_metrics.s.0.jsonl", 0, 1, 5))

    assert not segments.step(0, at_once=False)
    now[0] = closed.REST
    while segments.step(0, at_once=False):
        pass

    assert [segment.name for segment in segments.facts] == ["micro_metrics.s.0.jsonl.gz"]


# Retention.


@pytest.mark.usefixtures("_at_once")
def test_the_newest_segments_are_kept(logs, manifest) -> None:
    logger = begin(logs, flush_every=10, rotate_bytes=1000, keep_segments=2)

    log(logger, *range(200))
    logger.close()

    left = numbers(logs)
    assert left == [*range(200)][-len(left) :]
    assert names(logs)[-1] == "active.jsonl"
    assert len(names(logs)) == 3
    document = manifest()
    deleted = document.session.deleted
    assert deleted.events == 200 - len(left)
    assert document.accounting.total.written == 200
    assert deleted.segments == int(names(logs)[0].split(".")[0])


@pytest.mark.usefixtures("_at_once")
def test_no_more_bytes_are_kept_than_asked_for(logs) -> None:
    logger = begin(logs, flush_every=10, rotate_bytes=1000, keep_bytes=4000)

    log(logger, *range(200))
    logger.close()

    assert 2000 < sum(segment.path.stat().st_size for segment in find(logs).segments) <= 4000


def refuse_deletion(monkeypatch) -> None:
    """Let the disk delete nothing; called off by `monkeypatch.undo`."""

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)


@pytest.mark.usefixtures("_at_once")
def test_a_segment_that_the_disk_keeps_does_not_count_as_deleted(logs, manifest, monkeypatch):
    logger = begin(logs, flush_every=10, rotate_bytes=1000, keep_segments=1)
    refuse_deletion(monkeypatch)

    log(logger, *range(100))
    logger.close()

    assert numbers(logs) == [*range(100)]
    assert manifest().session.deleted.segments == 0
    assert check(logs).defects == []


def test_a_segment_that_the_disk_kept_is_deleted_later(tmp_path, monkeypatch) -> None:
    now = [10.0]
    segments = ClosedSegments(tmp_path, "s", Settings(keep_segments=0), lambda: now[0])
    path = tmp_path / "micro_metrics.s.0.jsonl"
    path.write_text("line\n")
    segments.add(SegmentFacts(path.name, 0, 1, 5))
    now[0] += closed.REST
    refuse_deletion(monkeypatch)

    assert not segments.step(0, at_once=False)
    monkeypatch.undo()
    assert not segments.step(0, at_once=False)
    assert path.exists()

    now[0] += closed._RETRY
    assert segments.step(0, at_once=False)
    assert (path.exists(), segments.facts) == (False, [])
    assert segments.deleted == DeletedFacts(1, 1, 5)


def test_a_segment_that_went_away_by_itself_counts_as_deleted(tmp_path) -> None:
    segments = ClosedSegments(tmp_path, "s", Settings(keep_segments=0), lambda: 0.0)
    segments.add(SegmentFacts("micro_metrics.s.0.jsonl", 0, 1, 5))

    assert segments.step(0, at_once=True)
    assert segments.deleted == DeletedFacts(1, 1, 5)


@pytest.mark.usefixtures("_at_once")
def test_segments_of_others_are_left_alone(logs) -> None:
    first = begin(logs, flush_every=10)
    log(first, *range(100))
    first.configure_logging(logs, "n", rotate_bytes=1000, keep_segments=0)

    log(first, *range(100, 200))
    first.close()

    assert numbers(logs)[:100] == [*range(100)]


@pytest.mark.parametrize(
    ("setting", "wrong", "message"),
    [
        ("rotate_bytes", 0, "rotate_bytes must be a number of bytes, 1 or more, or None, not 0"),
        ("rotate_seconds", -1, "rotate_seconds must be seconds, more than 0, or None, not -1"),
        ("keep_segments", "x", "keep_segments must be a number of events"),
        ("compression", "zip", "compression must be gzip or zstd, or None, not 'zip'"),
        ("sampling_seed", 0.5, "sampling_seed must be a whole number or None, not 0.5"),
    ],
)
def test_settings_that_cannot_be_used_are_told_early(logs, setting, wrong, message) -> None:
    with pytest.raises(SettingError, match=message):
        begin(logs, **{setting: wrong})


# Readers that are alive meanwhile.


LOOP = """
import itertools, time
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("n", int)
logger = MicroMetricLogger(
    "logs", 50, 0.005, "n", rotate_bytes=20_000, compression="gzip"
)
for number in itertools.count():
    logger.log("n", number)
    if number % 50 == 0:
        time.sleep(0.002)
"""


@pytest.fixture
def _loop(tmp_path, logs) -> Iterator[None]:
    """A process whose segments are closed and compressed many times a second."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    process = subprocess.Popen([sys.executable, "-c", LOOP], cwd=tmp_path, env=environment)
    try:
        wait_for(lambda: len([*logs.glob("*.gz")]) > 5)
        yield
        assert process.poll() is None, "the loop has ended by itself"
    finally:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("_loop")
def test_a_follower_loses_and_repeats_nothing(logs) -> None:
    with follow(logs, last=0, poll_interval=0.01) as following:
        told = [event.value for event in itertools.islice(following, 30_000)]

    assert told == [*range(told[0], told[0] + 30_000)]


@pytest.mark.usefixtures("_loop")
def test_a_reader_loses_and_repeats_nothing(logs) -> None:
    for _ in range(10):
        events = iter_events(logs)
        read = [next(events).value]
        packed = len([*logs.glob("*.gz")])
        wait_for(lambda packed=packed: len([*logs.glob("*.gz")]) > packed + 5)
        read += [event.value for event in events]

        assert read == [*range(len(read))]


@pytest.mark.usefixtures("_loop")
def test_a_summary_counts_each_event_once(logs) -> None:
    for _ in range(5):  # Each takes longer than the one before: the log grows.
        (row,) = summarize(logs)

        assert row["count"] == row["max"] + 1


def test_a_late_follower_tells_a_segment_that_was_packed_too_soon(logs, monkeypatch) -> None:
    """As when a follower did not look between the closing and the compressing of a segment."""
    monkeypatch.setattr(closed, "REST", 0.0)
    logger = begin(logs, flush_every=10, rotate_bytes=500, compression="zstd")
    log(logger, 0)
    logger.flush()

    with follow(logs, last=0, poll_interval=0.001) as following:
        log(logger, *range(1, 200))
        logger.close()
        told = sorted(event.value for event in itertools.islice(following, 199))

    assert told == [*range(1, 200)]


def test_the_account_of_a_rotated_session_balances(logs, manifest) -> None:
    logger = begin(logs, flush_every=10, rotate_bytes=500, max_records=120, sampling_factor=0.5)
    log(logger, *range(500))
    logger.close()

    account: Accounting = manifest().accounting
    assert account.total.balances
    assert account.total.logged == 500
    assert account.total.written == len(numbers(logs)) == 120
    assert account.total.written == sum(s.events for s in manifest().session.segments)
