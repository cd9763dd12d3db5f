"""Pruning: what the rules name goes, nothing else ever does, and manifests stay true."""

import contextlib
import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from micrometric import (
    FilterError,
    MicroMetricLogger,
    PathError,
    Pruning,
    SettingError,
    check,
    deletion,
    prune,
    pruning,
)
from micrometric.finder import find
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
from micrometric.sizes import read_size
from tests.cli.conftest import event, facts
from tests.programs import environment

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = 86_400


def session(number: int) -> str:
    return f"2026112{number}T080000000000Z-host-4711"


def make_run(root: Path, name: str, number: int, *, segments: int = 3, **changes) -> Path:
    """Make an ended session with segments of ten events, written one day after the other."""
    path = root / name
    path.mkdir(parents=True)
    told = []
    for index in range(segments):
        file = path / closed_name(session(number), index)
        file.write_text("".join(event(10 * index + n, "m", number) + "\n" for n in range(10)))
        written = NOW.timestamp() - (10 * (9 - number) - index) * DAY
        os.utime(file, (written, written))
        told.append(SegmentFacts(file.name, index, 10, file.stat().st_size))
    manifest = Manifest(
        {"m": Metric("float")},
        facts(**({"id": session(number), "segments": tuple(told)} | changes)),
        Accounting(Counts(logged=10 * segments, written=10 * segments)),
    )
    write_manifest(path / manifest_name(session(number)), manifest)
    return path


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Two ended runs of three segments: `old` of 80, 79 and 78 days ago, `new` of 10 to 8."""
    root = tmp_path / "logs"
    make_run(root, "old", 1)
    make_run(root, "new", 8)
    return root


def names(path: Path) -> set[str]:
    return {str(file.relative_to(path)) for file in path.rglob("*") if not file.is_dir()}


def doomed(pruning: Pruning) -> list[str]:
    return [f"{one.run}/{one.index}" for one in pruning.doomed]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"older_than": "30d"}, ["old/0", "old/1", "old/2"]),
        ({"older_than": "79.5d"}, ["old/0"]),
        ({"older_than": datetime(2026, 11, 22, 12, tzinfo=UTC)},
         ["old/0", "old/1", "old/2", "new/0", "new/1"]),
        ({"keep_runs": 1}, ["old/0", "old/1", "old/2"]),
        ({"keep_runs": 0}, ["old/0", "old/1", "old/2", "new/0", "new/1", "new/2"]),
        ({"keep_runs": 5}, []),
        ({"keep_segments": 1}, ["old/0", "old/1", "new/0", "new/1"]),
        ({"run": "new"}, ["new/0", "new/1", "new/2"]),
        ({"run": "n*", "keep_segments": 2}, ["new/0"]),
        ({"run": "other"}, []),
        ({"max_size": 0}, ["old/0", "old/1", "old/2", "new/0", "new/1", "new/2"]),
        ({"max_size": "1MB"}, []),
        ({"keep_segments": 2, "older_than": "79.5d"}, ["old/0", "new/0"]),
    ],
)  # fmt: skip
def test_rules_choose_the_oldest(logs, rules, expected):
    before = names(logs)

    assert doomed(prune(logs, now=NOW, **rules)) == expected
    assert names(logs) == before

    done = prune(logs, now=NOW, yes=True, **rules)

    assert doomed(done) == [f"{one.run}/{one.index}" for one in done.deleted] == expected
    left = {f"{run}/{n}" for run in ("old", "new") for n in range(3)} - set(expected)
    files = {f"{name.split('/')[0]}/{name.split('.')[-2]}" for name in names(logs) if
             not name.endswith("manifest.json")}  # fmt: skip
    assert files == left
    assert left == set() or check(logs).defects == []


def test_a_size_is_that_of_all_together(logs):
    sizes = {path.name: path.stat().st_size for path in logs.rglob("*.jsonl")}
    one = sizes[closed_name(session(1), 0)]

    done = prune(logs, now=NOW, max_size=sum(sizes.values()) - one - 1)

    assert doomed(done) == ["old/0", "old/1"]


def test_a_manifest_tells_what_is_gone_and_goes_with_the_last_segment(logs):
    prune(logs / "old", now=NOW, keep_segments=1, yes=True)

    path = logs / "old" / manifest_name(session(1))
    told = read_manifest(path).session
    assert [fact.index for fact in told.segments] == [2]
    assert (told.deleted.segments, told.deleted.events, told.going) == (2, 20, ())
    assert check(logs / "old").defects == []

    done = prune(logs / "old", now=NOW, keep_segments=0, yes=True)

    assert done.manifests == [path]
    assert names(logs / "old") == set()


def test_nothing_named_is_a_mistake(logs):
    with pytest.raises(SettingError, match="nothing says what may go"):
        prune(logs)


@pytest.mark.parametrize("rule", ["keep_runs", "keep_segments"])
def test_to_keep_less_than_nothing_is_a_mistake(logs, rule):
    before = names(logs)

    with pytest.raises(SettingError, match=f"{rule} must be a number to keep, 0 or more, not -1"):
        prune(logs, now=NOW, yes=True, **{rule: -1})

    assert names(logs) == before


@pytest.mark.parametrize("text", ["much", "10 apples", "-1", "5i", ""])
def test_a_size_that_is_none_is_a_mistake(logs, text):
    with pytest.raises(SettingError, match="--max-size"):
        prune(logs, max_size=text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("1kB", 1000), ("1.5 MB", 1_500_000), ("2GiB", 2 << 30), ("1T", 10**12)],
)
def test_sizes_are_read_as_people_write_them(text, size):
    assert read_size(text, "--max-size") == size


def test_an_age_that_is_none_is_a_mistake(logs):
    with pytest.raises(FilterError, match="--older-than"):
        prune(logs, older_than="ancient")


@pytest.mark.parametrize("path", ["-", "memory://bucket/logs"])
def test_only_files_here_are_deleted(path):
    with pytest.raises((SettingError, PathError)):
        prune(path, run="*")


def test_a_live_session_is_never_touched(tmp_path):
    MicroMetricLogger.register_metric("n", float)
    logger = MicroMetricLogger(tmp_path / "logs", metrics_to_log="all", rotate_bytes=5000)
    for number in range(500):
        logger.log("n", number)
    logger.flush()
    before = names(tmp_path / "logs")

    done = prune(tmp_path / "logs", run="*", yes=True)

    assert done.doomed == []
    assert {reason for reason in done.left.values() if "lives" in reason}
    assert names(tmp_path / "logs") >= before


def test_a_session_elsewhere_that_may_live_is_never_touched(tmp_path):
    make_run(tmp_path, "run", 1, end=None, host="elsewhere")

    done = prune(tmp_path, run="*", yes=True, now=NOW)

    assert done.doomed == []
    assert {reason for reason in done.left.values() if "can only be told on host" in reason}


def later_version(path: Path) -> None:
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))


def cut_off(path: Path) -> None:
    path.write_text(path.read_text()[:200])


def of_another_session(path: Path) -> None:
    path.write_text(path.read_text().replace(session(1), session(2)))


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [later_version, cut_off, of_another_session, a_directory])
def test_a_session_whose_manifest_cannot_be_used_is_left_alone(tmp_path, damage):
    """It may be of a later version, which logs still."""
    path = make_run(tmp_path, "run", 1)
    damage(path / manifest_name(session(1)))
    (path / PLAIN_NAME).write_text(event(0, "m", 1) + "\n")
    os.utime(path / PLAIN_NAME, (1e9, 1e9))
    make_run(tmp_path, "other", 2)
    before = names(path)

    done = prune(tmp_path, run="*", yes=True, now=NOW)

    assert names(path) == before
    assert {one.run for one in done.deleted} == {"other"}
    assert len(done.left) == 4
    (reason,) = set(done.left.values())
    assert reason.startswith(f"manifest {str(path / manifest_name(session(1)))!r} cannot be used")


@pytest.mark.parametrize("damage", [later_version, cut_off, of_another_session, a_directory])
def test_a_manifest_that_cannot_be_used_any_more_is_noticed_when_deleting(
    logs, monkeypatch, damage
):
    path = logs / "old" / manifest_name(session(1))
    real = deletion.read_manifest

    def meanwhile(asked):
        if asked == path and path.is_file():
            damage(path)
        return real(asked)

    monkeypatch.setattr(deletion, "read_manifest", meanwhile)

    done = prune(logs, run="old", now=NOW, yes=True)

    assert done.deleted == []
    assert len([*path.parent.glob("*.jsonl")]) == 3
    assert all("cannot be used" in reason for reason in done.left.values())


def test_what_a_killed_session_left_may_go(tmp_path):
    path = make_run(tmp_path, "run", 1, end=None, host="elsewhere", heartbeat_interval=1.0)

    prune(tmp_path, keep_segments=1, yes=True, now=NOW)

    told = read_manifest(path / manifest_name(session(1))).session
    assert (told.deleted.events, [fact.index for fact in told.segments]) == (20, [2])


def test_a_fresh_segment_without_a_manifest_stays(tmp_path):
    (tmp_path / PLAIN_NAME).write_text(event(0, "m", 1) + "\n")

    done = prune(tmp_path, run="*", yes=True)

    assert done.doomed == []
    assert "10 minutes" in done.left[tmp_path / PLAIN_NAME]
    later = datetime.now(UTC) + timedelta(hours=1)
    assert doomed(prune(tmp_path, run="*", now=later)) == [f"{tmp_path.name}/None"]


def test_files_of_others_stay(logs):
    mine = [
        "old/notes.txt",
        "old/model.jsonl",
        f"old/{PLAIN_NAME}.rejected",
        "old/micro_metrics.parquet.bak",
        f"old/{closed_name(session(1), 0)}.tmp",
    ]
    for name in mine:
        (logs / name).write_text("mine")

    prune(logs, run="*", now=NOW, yes=True)

    assert names(logs) == set(mine)


def test_a_file_that_was_named_and_is_no_segment_stays(logs):
    path = logs / "model.jsonl"
    path.write_text(event(0, "m", 1) + "\n")

    done = prune(path, run="*", now=NOW, yes=True)

    assert done.left == {path: "its name is not that of a segment"}
    assert path.exists()


def test_what_is_behind_links_stays(logs, tmp_path):
    kept = make_run(tmp_path / "elsewhere", "kept", 2)
    (logs / "link").symlink_to(kept)
    (logs / "old" / closed_name(session(5), 0)).symlink_to(kept / closed_name(session(2), 0))
    (logs / "old" / closed_name(session(6), 0)).hardlink_to(kept / closed_name(session(2), 1))
    before = names(kept)

    done = prune(logs, run="*", now=NOW, yes=True)

    assert names(kept) == before
    assert (logs / "old" / closed_name(session(6), 0)).exists()
    assert {one.run for one in done.deleted} == {"old", "new"}


def test_a_link_that_was_named_is_followed(logs, tmp_path):
    (tmp_path / "link").symlink_to(logs)

    assert len(prune(tmp_path / "link", run="*", now=NOW).doomed) == 6
    assert len(prune(str(tmp_path / "link" / "o*"), run="*", now=NOW).doomed) == 3
    file = tmp_path / "link" / "old" / closed_name(session(1), 0)
    assert len(prune(file, run="*", now=NOW).doomed) == 1


@pytest.mark.parametrize("glob", ["l*", "*/old", "**/old"])
def test_a_link_that_a_glob_matches_is_not_followed(logs, tmp_path, glob):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "link").symlink_to(logs)

    done = prune(str(tmp_path / "inside" / glob), run="*", now=NOW)

    assert done.doomed == []
    assert all(reason.startswith("it is reached by a link") for reason in done.left.values())


def test_a_directory_of_the_name_of_a_segment_stays(logs):
    path = logs / "old" / closed_name(session(1), 0, ".parquet")
    path.mkdir()

    prune(logs, run="old", now=NOW, yes=True)

    assert [*path.parent.iterdir()] == [path]
    assert path.is_dir()


def test_what_is_no_file_any_more_since_it_was_found_stays(logs, monkeypatch):
    gone, strange, sound = (logs / "old" / closed_name(session(1), index) for index in range(3))

    def meanwhile(paths):
        found = find(paths)
        gone.unlink()
        strange.unlink()
        os.mkfifo(strange)
        return found

    monkeypatch.setattr(pruning, "find", meanwhile)

    done = prune(logs / "old", run="old", now=NOW)

    assert done.left == {strange: "it is no regular file"}
    assert [one.path for one in done.doomed] == [sound]


@pytest.mark.parametrize("form", ["parquet", "jsonl.gz", "gz"])
def test_twins_go_together(logs, form):
    path = logs / "old" / closed_name(session(1), 0)
    shutil.copy2(path, path.with_suffix(f".{form}"))

    prune(logs, run="old", now=NOW, yes=True)

    assert not [name for name in names(logs) if name.startswith("old/")]


@pytest.fixture
def twins(tmp_path: Path) -> Path:
    """A run of two segments; the first, which is the oldest, has a twin cut off, written later."""
    path = make_run(tmp_path, "twins", 1, segments=2)
    whole = path / closed_name(session(1), 0)
    twin = path / closed_name(session(1), 0, ".jsonl.gz")
    twin.write_bytes(gzip.compress(whole.read_bytes())[:60])
    last = (path / closed_name(session(1), 1)).stat().st_mtime
    os.utime(twin, (last - 1, last - 1))
    return path


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ({"keep_segments": 2}, {0, 1}),
        ({"keep_segments": 1}, {1}),
        ({"older_than": "80d"}, {0, 1}),
        ({"older_than": "79d"}, {1}),
        ({"max_size": 1500}, {1}),
    ],
)
def test_twins_are_one_segment(twins, rules, left):
    before = names(twins)

    done = prune(twins, now=NOW, yes=True, **rules)

    assert {int(name.split(".")[2]) for name in names(twins) if "manifest" not in name} == left
    assert len({one.segment for one in done.deleted}) == 2 - len(left)
    told = read_manifest(twins / manifest_name(session(1))).session
    assert (told.deleted.segments, told.deleted.events) == (2 - len(left), 10 * (2 - len(left)))
    assert {fact.index for fact in told.segments} == left
    if 0 in left:
        assert names(twins) == before
    else:
        assert check(twins).is_clean


def test_twins_of_a_killed_session_are_counted_by_the_one_that_is_read(twins):
    path = twins / manifest_name(session(1))
    killed = facts(id=session(1), end=None, host="elsewhere", heartbeat_interval=1.0)
    account = Accounting(Counts(logged=20, written=20))
    write_manifest(path, Manifest({"m": Metric("float")}, killed, account))

    prune(twins, now=NOW, keep_segments=1, yes=True)

    assert read_manifest(path).session.deleted.events == 10


def test_twins_stay_together(twins, tmp_path):
    whole, twin = (twins / closed_name(session(1), 0, form) for form in (".jsonl", ".jsonl.gz"))
    (tmp_path / "elsewhere").hardlink_to(twin)

    done = prune(twins, now=NOW, keep_segments=1, yes=True)

    assert done.deleted == []
    assert done.left == {
        twin: "its file has another name too",
        whole: f"another form of it stays, {twin.name!r}",
    }


def test_of_one_date_the_last_segments_are_the_newest(tmp_path):
    path = make_run(tmp_path, "run", 1, segments=12)
    for file in path.glob("*.jsonl"):
        os.utime(file, (1e9, 1e9))

    done = prune(path, now=NOW, keep_segments=2, yes=True)

    assert [one.index for one in done.deleted] == [*range(10)]
    assert check(path).is_clean


def test_a_file_that_is_another_one_by_now_stays(logs, monkeypatch):
    victim = logs / "old" / closed_name(session(1), 1)
    real = deletion.write_manifest

    def meanwhile(path, manifest):
        victim.unlink(missing_ok=True)
        victim.write_text("precious")
        return real(path, manifest)

    monkeypatch.setattr(deletion, "write_manifest", meanwhile)

    done = prune(logs, run="old", now=NOW, yes=True)

    assert done.left[victim] == "it is another file by now"
    assert victim.read_text() == "precious"
    assert (victim.parent / manifest_name(session(1))).exists()


def test_a_directory_that_became_a_link_is_not_followed(logs, tmp_path, monkeypatch):
    other = make_run(tmp_path / "other", "precious", 1)
    real, moved = deletion.os.unlink, []

    def meanwhile(name, *, dir_fd):
        if not moved:
            moved.append((logs / "old").rename(logs / "moved"))
            (logs / "old").symlink_to(other)
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(deletion.os, "unlink", meanwhile)

    prune(logs, run="old", now=NOW, keep_segments=1, yes=True)

    assert len([*other.glob("*.jsonl")]) == 3


def test_a_session_that_came_to_life_is_left_alone(logs, monkeypatch):
    path = logs / "old" / manifest_name(session(1))
    real = deletion.read_manifest

    def alive(asked):
        manifest = real(asked)
        told = facts(id=session(1), segments=manifest.session.segments, end=None, host="elsewhere")
        return Manifest(manifest.metrics, told, manifest.accounting)

    monkeypatch.setattr(deletion, "read_manifest", alive)

    done = prune(logs, run="old", now=NOW, yes=True)

    assert done.deleted == []
    assert len([*path.parent.glob("*.jsonl")]) == 3


def test_wherever_it_is_interrupted_files_are_whole_and_manifests_true(logs, tmp_path, monkeypatch):
    for turn in range(12):
        folder = tmp_path / f"turn{turn}"
        shutil.copytree(logs, folder)
        calls = iter(range(100))

        def interrupting(real, calls=calls, turn=turn):
            def call(*arguments, **options):
                if next(calls) == turn:
                    raise KeyboardInterrupt
                return real(*arguments, **options)

            return call

        with monkeypatch.context() as patch:
            patch.setattr(deletion, "write_manifest", interrupting(deletion.write_manifest))
            patch.setattr(deletion.os, "unlink", interrupting(os.unlink))
            interrupted = False
            try:
                prune(folder, keep_segments=1, now=NOW, yes=True)
            except KeyboardInterrupt:
                interrupted = True
        assert interrupted == (turn < 8)
        assert check(folder).defects == []

        prune(folder, keep_segments=1, now=NOW, yes=True)

        assert check(folder).defects == []
        assert len([*folder.rglob("*.jsonl")]) == 2


def test_a_disk_that_refuses_is_told(logs, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(deletion.os, "unlink", refused)

    with pytest.raises(PathError, match=r"cannot delete from .*Permission denied"):
        prune(logs, run="*", now=NOW, yes=True)

    assert check(logs).defects == []


WRITER = """
import sys, time
from micrometric import MicroMetricLogger
MicroMetricLogger.register_metric("n", int)
end = time.monotonic() + float(sys.argv[1])
number = 0
while time.monotonic() < end:
    # A session of its own each time: the ended ones may go, this one may not.
    logger = MicroMetricLogger(sys.argv[2], metrics_to_log="all", rotate_bytes=20_000)
    for _ in range(2000):
        logger.log("n", number)
        number += 1
    logger.flush()
    time.sleep(0.05)
    logger.close()
print(number)
"""


def prune_under_way(folder: Path, seconds: float) -> None:
    """Prune again and again while a program writes and another follows."""
    folder.mkdir()
    followed = folder.parent / "followed"
    writing = [sys.executable, "-c", WRITER, str(seconds), str(folder)]
    tailing = [sys.executable, "-m", "micrometric_cli", "tail", str(folder), "--from-start"]
    tailing += ["--format", "json", "--fields", "value"]
    with contextlib.ExitStack() as ends:
        out = ends.enter_context(followed.open("w"))
        follower = ends.enter_context(subprocess.Popen(tailing, stdout=out, env=environment()))
        ends.callback(follower.kill)
        writer = ends.enter_context(
            subprocess.Popen(writing, stdout=subprocess.PIPE, env=environment(), text=True)
        )
        ends.callback(writer.kill)
        deleted = 0
        while writer.poll() is None:
            # What is closed for three seconds, every follower has seen, on a busy machine too.
            try:
                done = prune(folder, older_than="3s", yes=True)
            except PathError:  # There is nothing yet.
                continue
            deleted += len(done.deleted)
            time.sleep(0.1)
        written = int(writer.communicate()[0])
        deadline = time.monotonic() + 20
        while followed.read_text().count("\n") < written:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        follower.send_signal(signal.SIGINT)
        follower.wait()
    lines = followed.read_text().splitlines()
    assert len(lines) == len(set(lines)) == written
    assert deleted > 0
    assert check(folder).is_clean


def test_under_a_writer_and_a_follower_only_what_is_closed_goes(tmp_path):
    prune_under_way(tmp_path / "logs", 6)


def test_the_active_segment_keeps_its_number_when_all_before_it_are_gone(logs):
    path = logs / "old"
    last = path / closed_name(session(1), 2)
    last.rename(path / PLAIN_NAME)
    manifest = read_manifest(path / manifest_name(session(1)))
    told = (*manifest.session.segments[:2], SegmentFacts(PLAIN_NAME, 2, 10, 1))
    changed = facts(id=session(1), segments=told, plain=True)
    write_manifest(
        path / manifest_name(session(1)), Manifest(manifest.metrics, changed, manifest.accounting)
    )

    prune(path, keep_segments=1, now=NOW, yes=True)

    assert check(path).defects == []
    (segment,) = find(path).segments
    assert (segment.path.name, segment.index) == (PLAIN_NAME, 2)
