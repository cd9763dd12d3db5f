"""Compaction: what is closed becomes Parquet, nothing is lost, and what lives is left alone."""

import errno
import gzip
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from micrometric import (
    MicroMetricLogger,
    PathError,
    SettingError,
    compact,
    compaction,
    iter_events,
    packing,
    summarize,
)
from micrometric.engines.duckdb_engine import DuckDBEngine
from micrometric.manifest import Manifest, SessionFacts, read_manifest, write_manifest
from micrometric.parquet_writer import write_parquet
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name, parse_segment_name
from tests.programs import environment, program, run
from tests.tailing import lines

LATER = datetime.now(UTC) + timedelta(hours=1)
SAMPLES = Path(__file__).parents[1] / "sample_logs"
FIRST, SECOND = "20261123T080000000000Z-r0-11", "20261123T090000000000Z-r1-12"


def values(path: Path) -> list[object]:
    return [event.value for event in iter_events(path)]


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def age(path: Path) -> None:
    """Let all that is there be so old that a session without a manifest must have ended."""
    for file in path.rglob("*"):
        os.utime(file, (0, 0), follow_symlinks=False)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A run: an ended session with a segment in each form, and a plain one of another program."""
    path = tmp_path / "logs"
    path.mkdir()
    (path / closed_name(FIRST, 0)).write_text(lines(range(10)))
    with gzip.open(path / closed_name(FIRST, 1, ".jsonl.gz"), "wt") as file:
        file.write(lines(range(10, 20)))
    (path / PLAIN_NAME).write_text(lines(range(20, 30)))
    age(path)
    return path


def test_closed_segments_become_parquet_with_the_same_events(logs):
    before = [*iter_events(logs / closed_name(FIRST, 0))]

    done = compact(logs)

    assert [(one.path.name, one.events) for one in done.compacted] == [
        (PLAIN_NAME, 10),
        (closed_name(FIRST, 0), 10),
        (closed_name(FIRST, 1, ".jsonl.gz"), 10),
    ]
    assert (done.left, done.refused) == ({}, {})
    assert {parse_segment_name(name).suffix for name in names(logs)} == {".parquet"}
    assert sorted(values(logs)) == [*range(30)]
    assert [*iter_events(logs / closed_name(FIRST, 0, ".parquet"))] == before
    assert compact(logs).compacted == []


@pytest.mark.parametrize(
    "written",
    [datetime(999, 6, 1, tzinfo=UTC).timestamp(), -63_000_000_000.0, 400_000_000_000.0],
    ids=["before-1000", "before-1", "beyond-9999"],
)
def test_a_plain_segment_of_any_date_stays_readable(written):
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("no file system here that keeps such dates")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        path = Path(folder) / PLAIN_NAME
        path.write_text(lines(range(10)))
        os.utime(path, (written, written))
        assert path.stat().st_mtime == written

        compact(folder, now=datetime.max.replace(tzinfo=UTC))

        assert values(Path(folder)) == [*range(10)]


def test_summaries_and_manifests_are_as_before(tmp_path):
    logs = tmp_path / "logs"
    shutil.copytree(SAMPLES, logs)
    age(logs)
    (path,) = logs.rglob("*.manifest.json")
    before, told = summarize(logs, "location,layer_idx,head"), read_manifest(path)

    done = compact(logs)

    after, now = summarize(logs, "location,layer_idx,head"), read_manifest(path)
    assert len(done.compacted) == 4
    assert [*logs.rglob("*.jsonl")] == []
    # The order in which numbers are added is the engine's.
    assert [
        {key: pytest.approx(value, rel=1e-12) if isinstance(value, float) else value}
        for row in after
        for key, value in row.items()
    ] == [{key: value} for row in before for key, value in row.items()]
    assert (now.accounting, now.metrics) == (told.accounting, told.metrics)
    assert sum(fact.events for fact in now.session.segments) == now.accounting.total.written
    for fact in now.session.segments:
        assert (path.parent / fact.name).stat().st_size == fact.bytes
    assert [event.session for event in iter_events(path.parent)] == [now.session.id] * 800


def test_a_rotated_session_keeps_its_order_and_its_manifest(tmp_path):
    body = "for number in range(2000):\n    logger.log('n', number)"
    ended = run(tmp_path, program(body, rotate_bytes=20_000, compression="zstd", flush_every=37))
    assert ended.returncode == 0
    logs = tmp_path / "logs"
    before = [*iter_events(logs)]

    done = compact(logs)

    assert len(done.compacted) > 5
    assert [*iter_events(logs)] == before
    (path,) = logs.glob("*.manifest.json")
    manifest = read_manifest(path)
    assert [fact.name for fact in manifest.session.segments] == [
        one.target.name for one in sorted(done.compacted, key=lambda one: _index(one.target))
    ]
    assert manifest.session.plain is False
    assert sum(fact.events for fact in manifest.session.segments) == 2000


def _index(path: Path) -> int:
    return parse_segment_name(path.name).index


def test_a_session_that_lives_is_left_alone(tmp_path):
    MicroMetricLogger.register_metric("n", int)
    logger = MicroMetricLogger(tmp_path, metrics_to_log="n", flush_every=1)
    logger.log("n", 1)
    logger.flush()
    before = names(tmp_path)

    done = compact(tmp_path)

    assert done.compacted == []
    assert [reason.endswith(" lives") for reason in done.left.values()] == [True]
    assert names(tmp_path) == before
    logger.close()
    assert len(compact(tmp_path).compacted) == 1
    assert values(tmp_path) == [1]


def test_a_file_without_manifest_may_still_be_written(tmp_path):
    (tmp_path / PLAIN_NAME).write_text(lines([1]))

    (reason,) = compact(tmp_path).left.values()

    assert "written less than 10 minutes ago" in reason
    assert names(tmp_path) == [PLAIN_NAME]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (lines([1]) + "garbage\n" + lines([2]), "line 2 is no event: not JSON"),
        (lines([1]) + "\n[1]\n", "line 3 is no event: expected a JSON object, found a list"),
        (lines([1, 2])[:-5], "line 2 is no event: not JSON"),
    ],
)
def test_a_segment_with_a_line_that_is_no_event_stays(tmp_path, text, reason):
    path = tmp_path / PLAIN_NAME
    path.write_text(text)
    age(tmp_path)

    done = compact(tmp_path)

    assert done.compacted == []
    assert done.refused[path].startswith(reason)
    assert names(tmp_path) == [PLAIN_NAME]
    assert path.read_text() == text


def test_a_line_beyond_the_limit_is_not_taken_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.packing.LINE_LIMIT", 1000)
    path = tmp_path / closed_name(FIRST, 0, ".jsonl.gz")
    path.write_bytes(gzip.compress((lines([1]) + "x" * 5000 + "\n" + lines([2])).encode()))
    age(tmp_path)

    done = compact(tmp_path)

    assert done.refused[path].startswith("line 2 is no event: longer than")
    assert names(tmp_path) == [path.name]


def test_a_damaged_compressed_segment_stays(logs):
    path = logs / closed_name(FIRST, 1, ".jsonl.gz")
    path.write_bytes(path.read_bytes()[:-12])
    age(logs)

    done = compact(logs)

    assert "damaged" in done.refused[path]
    assert len(done.compacted) == 2
    assert path.exists()


def test_elsewhere_the_originals_stay_and_manifests_come_along(tmp_path):
    run(tmp_path, program("for number in range(9):\n    logger.log('n', number)"))
    logs, to = tmp_path / "logs", tmp_path / "packed"
    before = {path: path.read_bytes() for path in logs.iterdir()}
    (manifest,) = logs.glob("*.manifest.json")

    done = compact(logs, to=to)

    assert {path: path.read_bytes() for path in logs.iterdir()} == before
    assert [one.target.parent for one in done.compacted] == [to / "logs"]
    assert values(to) == [*range(9)]
    (fact,) = read_manifest(to / "logs" / manifest.name).session.segments
    assert (to / "logs" / fact.name).exists()
    (reason,) = compact(logs, to=to).left.values()
    assert "is there already" in reason


def test_a_dry_run_changes_nothing(logs):
    before = names(logs)

    done = compact(logs, dry_run=True)

    assert len(done.compacted) == 3
    assert {one.events for one in done.compacted} == {None}
    assert names(logs) == before


def test_what_is_reached_by_links_is_left_alone(tmp_path, logs):
    named, inside = tmp_path / "named", tmp_path / "all"
    named.symlink_to(logs)
    inside.mkdir()
    (inside / "run").symlink_to(logs)
    (inside / PLAIN_NAME).symlink_to(logs / closed_name(FIRST, 0))

    done = compact(inside)

    assert done.compacted == []
    assert {"reached by a link" in reason for reason in done.left.values()} == {True}
    assert compact(f"{named}*", dry_run=True).compacted == []
    assert len(compact(f"{named}/*", dry_run=True).compacted) == 3
    assert len(compact(named).compacted) == 3  # Who names a link means what it leads to.


def test_a_second_name_that_an_archiving_program_left_goes(logs):
    (logs / PLAIN_NAME).unlink()
    os.link(logs / closed_name(FIRST, 0), logs / PLAIN_NAME)

    assert "about to archive" in next(iter(compact(logs).left.values()))
    compact(logs, now=LATER)

    assert values(logs) == [*range(20)]
    assert len(names(logs)) == 2


def test_a_file_that_has_a_name_elsewhere_is_left_alone(logs, tmp_path):
    os.link(logs / closed_name(FIRST, 0), tmp_path / "backup")

    done = compact(logs, now=LATER)

    assert done.left == {logs / closed_name(FIRST, 0): "its file has another name elsewhere"}


@pytest.mark.parametrize("ours", [True, False])
def test_parquet_that_is_there_is_replaced_only_if_it_is_ours(logs, ours):
    target = logs / closed_name(FIRST, 0, ".parquet")
    if ours:
        write_parquet([lines([99]).encode()], target)  # Twins count once: the lines.
        assert 99 not in values(logs)
    else:
        target.write_text("mine")

    done = compact(logs)

    assert sorted(values(logs)) == [*range(30)]
    assert (target.read_bytes() == b"mine") is not ours
    assert len(done.left) == (0 if ours else 1)


def test_files_of_other_names_and_standard_input_are_refused(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text(lines([1]))
    age(tmp_path)

    assert compact(path).left == {path: "its name is not that of a segment"}
    with pytest.raises(SettingError, match="not standard input"):
        compact("-")


def test_what_would_read_differently_is_not_used(logs, monkeypatch):
    def forget(stream, target):
        return write_parquet([*stream][:-1], target)

    monkeypatch.setattr(packing, "write_parquet", forget)
    before = names(logs)

    done = compact(logs)

    assert set(done.refused.values()) == {"event 10 would read differently from Parquet"}
    assert names(logs) == before


def test_a_session_elsewhere_that_promised_no_heartbeat_may_live(logs):
    facts = SessionFacts(FIRST, "2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "far", "b", 1)
    write_manifest(logs / manifest_name(FIRST), Manifest({}, facts))

    done = compact(logs)

    assert [one.path.name for one in done.compacted] == [PLAIN_NAME]
    assert set(done.left.values()) == {
        f"whether its session {FIRST} lives can only be told on host 'far'"
    }


@pytest.mark.parametrize("text", ['{"format": "micrometric-manifest", "version": 2}', '{"for'])
def test_a_session_whose_manifest_cannot_be_used_may_live(logs, text):
    path = logs / manifest_name(FIRST)
    path.write_text(text)
    before = names(logs)

    done = compact(logs)

    assert names(logs) == before
    assert len(done.left) == 3  # The plain segment may be of that session, too.
    assert all(f"{str(path)!r} cannot be used" in reason for reason in done.left.values())


def test_empty_segments_stay(logs):
    path = logs / closed_name(FIRST, 0)
    path.write_text("")
    age(logs)

    assert compact(logs).left == {path: "it is empty"}


def test_what_is_parquet_already_is_not_copied(logs, tmp_path):
    compact(logs)

    done = compact(logs, to=tmp_path / "to")

    assert set(done.left.values()) == {"it is Parquet already"}


def test_what_goes_away_meanwhile_is_told(logs):
    path = logs / closed_name(FIRST, 0)

    def delete(current, number, count):
        path.unlink(missing_ok=True)

    assert compact(logs, progress=delete).left == {path: "it went away meanwhile"}


def test_without_hard_links_the_plain_name_is_renamed(logs, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)

    assert len(compact(logs).compacted) == 3
    assert sorted(values(logs)) == [*range(30)]


@pytest.mark.parametrize("taken", [True, False], ids=["archived", "claimed"])
def test_a_session_that_takes_the_plain_name_meanwhile_keeps_it(logs, monkeypatch, taken):
    link = os.link

    def late(source, target):
        if taken:
            link(source, target)
        else:
            source.rename(source.with_name(closed_name(SECOND, 0)))
            source.write_text(lines([77]))
        link(source, target)

    monkeypatch.setattr(os, "link", late)

    done = compact(logs)

    assert [path.name for path in done.left] == [PLAIN_NAME]
    assert (logs / PLAIN_NAME).exists()
    assert sorted(values(logs)) == [*range(30)] + ([] if taken else [77])


def test_compacting_under_a_summary_changes_nothing(logs, monkeypatch):
    before = summarize(logs).rows
    load = DuckDBEngine.load

    def late(engine, request):
        compact(logs)
        return load(engine, request)

    monkeypatch.setattr(DuckDBEngine, "load", late)

    assert [(row["count"], row["max"]) for row in summarize(logs)] == [
        (row["count"], row["max"]) for row in before
    ]


# What may fail.


def fail_in(owner: object, name: str) -> Callable[[pytest.MonkeyPatch, int], None]:
    """Let a function fail at one of its calls, on Parquet or in the directory of the logs."""

    def arm(monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
        real, calls = getattr(owner, name), []

        def failing(*args, **kwargs):
            if name != "unlink" or ".tmp" not in str(args[0]):
                calls.append(args)
                if len(calls) == turn:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, failing)

    arm.name = name
    return arm


@pytest.mark.parametrize("turn", [1, 2, 3])
@pytest.mark.parametrize(
    "arm",
    [
        pytest.param(fail_in(packing, "write_parquet"), id="write"),
        pytest.param(fail_in(os, "fsync"), id="fsync"),
        pytest.param(fail_in(Path, "replace"), id="rename"),
        pytest.param(fail_in(Path, "unlink"), id="unlink"),
        pytest.param(fail_in(compaction, "write_manifest"), id="manifest"),
    ],
)
def test_whatever_fails_every_event_counts_once(tmp_path, monkeypatch, arm, turn):
    body = "for number in range(300):\n    logger.log('n', number)"
    run(tmp_path, program(body, rotate_bytes=10_000, flush_every=37))
    logs = tmp_path / "logs"

    told = []
    with monkeypatch.context() as broken:
        arm(broken, turn)
        try:
            compact(logs)
        except PathError as error:
            told = str(error).splitlines()
    # That a directory cannot be synced is survived; else there is one line.
    assert [one.endswith(os.strerror(errno.ENOSPC)) for one in told] in ([True], [])
    assert told or arm.name == "fsync"
    assert values(logs) == [*range(300)]
    assert [path for path in logs.iterdir() if path.name.endswith(".tmp")] == []

    compact(logs, now=LATER)
    assert values(logs) == [*range(300)]
    assert {path.suffix for path in logs.iterdir()} == {".parquet", ".json"}


def test_a_disk_that_takes_no_more_leaves_all_as_it_was(tmp_path):
    path = tmp_path / "logs" / closed_name(FIRST, 0)
    path.parent.mkdir()
    path.write_text(lines(range(20_000)))
    age(path.parent)

    ended = subprocess.run(
        [sys.executable, "-m", "micrometric_cli", "compact", path.parent],
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert str(path) in ended.stderr
    assert names(path.parent) == [path.name]


def test_killed_at_any_moment_every_event_counts_once(tmp_path):
    body = "for number in range(3000):\n    logger.log('n', number)"
    run(tmp_path, program(body, rotate_bytes=30_000, flush_every=37))
    logs = tmp_path / "logs"
    code = "import sys, micrometric; print(flush=True); micrometric.compact(sys.argv[1])"

    kills = 0
    while any(path.suffix == ".jsonl" for path in logs.iterdir()):
        worker = subprocess.Popen(
            [sys.executable, "-c", code, logs], env=environment(), stdout=subprocess.PIPE
        )
        worker.stdout.readline()
        try:
            worker.wait(0.1 + 0.02 * kills)
        except subprocess.TimeoutExpired:
            worker.kill()
            kills += 1
        worker.communicate()
        assert values(logs) == [*range(3000)]

    assert kills > 0


def test_remains_of_a_killed_compaction_go(logs):
    remains = logs / f".{closed_name(FIRST, 0, '.parquet')}.123.tmp"
    remains.write_bytes(b"half")
    os.utime(remains, (0, 0))
    fresh = remains.with_name(remains.name.replace("123", "124"))
    fresh.write_bytes(b"half")

    compact(logs)

    assert not remains.exists()
    assert fresh.exists()  # Somebody may be at it.
