"""Watching: which files are followed, what is told of them, and when they are let go."""

import gzip
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from micrometric import PathError
from micrometric.finder import find
from micrometric.lines import GrowingFile
from micrometric.manifest import Accounting, Counts, Manifest, SessionFacts, write_manifest
from micrometric.registry import Metric
from micrometric.report import Report
from micrometric.segment import PLAIN_NAME, active_name, closed_name, manifest_name
from micrometric.waiting import PollingWaiter
from micrometric.watcher import Watcher
from tests.tailing import lines, segment

FIRST, SECOND = "20261123T080000000000Z-r0-11", "20261123T090000000000Z-r1-12"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    (path / PLAIN_NAME).write_text(lines([1000]))
    return path


@pytest.fixture
def report() -> Report:
    return Report()


@pytest.fixture
def watcher(logs: Path, report: Report) -> Iterator[Watcher]:
    watcher = Watcher([logs], None, report, PollingWaiter())
    watcher.look()
    yield watcher
    watcher.close()


def test_a_compressed_segment_that_cannot_be_read_is_noted_and_tried_again(logs, watcher, report):
    packed = logs / closed_name(FIRST, 0, ".jsonl.gz")
    packed.write_bytes(b"rubbish")
    watcher.look()
    assert watcher.missed == []
    assert [note.partition("': ")[0] for note in report.notes] == [f"cannot read '{packed}"]

    packed.write_bytes(gzip.compress(lines([1]).encode()))
    watcher.look()

    assert [segment.path for segment in watcher.missed] == [packed]


def test_a_compressed_segment_without_a_line_is_looked_at_until_it_has_one(logs, watcher, report):
    packed = logs / closed_name(FIRST, 0, ".jsonl.gz")
    packed.write_bytes(gzip.compress(b""))
    watcher.look()
    assert (watcher.missed, report.notes) == ([], [])

    packed.write_bytes(gzip.compress(lines([1]).encode()))
    watcher.look()

    assert [segment.path for segment in watcher.missed] == [packed]


def test_a_second_copy_of_a_compressed_segment_is_not_told_again(logs, watcher):
    for place in (logs / "a", logs / "b"):
        place.mkdir()
        packed = place / closed_name(FIRST, 0, ".jsonl.gz")
        packed.write_bytes(gzip.compress(lines([1]).encode()))
        watcher.look()

    assert [segment.path.parent.name for segment in watcher.missed] == ["a"]


def test_what_is_compressed_at_the_start_is_not_missed(logs, report):
    packed = logs / closed_name(FIRST, 0, ".jsonl.gz")
    packed.write_bytes(gzip.compress(lines([1]).encode()))
    watcher = Watcher([logs], None, report, PollingWaiter())

    for _ in range(2):
        watcher.look()
        assert [segment.path for segment in watcher.compressed] == [packed]
    assert watcher.missed == []
    watcher.close()


def test_where_no_name_changed_nothing_is_searched_again(logs, watcher, monkeypatch):
    (logs / closed_name(FIRST, 0, ".jsonl.gz")).write_bytes(gzip.compress(lines([1]).encode()))
    (logs / segment(3)).touch()
    searches = []
    monkeypatch.setattr(
        "micrometric.watcher.find", lambda paths: searches.append("search") or find(paths)
    )

    for _ in range(3):
        watcher.look()

    assert searches == ["search"]


def test_a_file_that_is_renamed_on_the_way_to_it_is_worth_another_look(
    logs, watcher, report, monkeypatch
):
    new = logs / segment(3)
    new.touch()
    other = logs / "other"
    other.touch()

    with monkeypatch.context() as patch:
        patch.setattr(
            "micrometric.watcher.GrowingFile", lambda path: GrowingFile(path.with_name("gone"))
        )
        watcher.look()
    assert (watcher.is_settled, len(watcher.files)) == (False, 1)
    with monkeypatch.context() as patch:
        patch.setattr("micrometric.watcher.GrowingFile", lambda path: GrowingFile(other))
        watcher.look()
    assert (watcher.is_settled, len(watcher.files)) == (False, 1)
    watcher.look()

    assert (watcher.is_settled, len(watcher.files), report.notes) == (True, 2, [])


def test_what_manifests_tell_is_gathered(tmp_path, report):
    place = tmp_path / "lr=0.1"
    place.mkdir()
    metrics = {"m": Metric("float", dims=("head",)), "phase": Metric("str"), "n": Metric("int")}
    counts = Counts(logged=9, sampled_out=1, failed=2)
    path = place / manifest_name(FIRST)
    write_manifest(path, Manifest(metrics, accounting=Accounting(counts)))
    (place / PLAIN_NAME).touch()
    watcher = Watcher([tmp_path], None, report, PollingWaiter())

    watcher.look()

    assert watcher.directories == {"lr"}
    assert watcher.dims == {"m": ("head",)}
    assert watcher.text_metrics == {"phase"}
    assert watcher.partial == {path.name: "sampled out or failed"}
    path.unlink()
    (place / PLAIN_NAME).rename(tmp_path / PLAIN_NAME)
    place.rmdir()
    watcher.look()
    assert (watcher.directories, watcher.text_metrics) == ({"lr"}, {"phase"})
    assert watcher.dims == {"m": ("head",)}
    watcher.close()
    assert watcher.files == {}


def test_only_the_first_look_tells_of_several_launches(logs, report):
    for session, launch in ((FIRST, "one"), (SECOND, "two"), (SECOND[:-1] + "9", "three")):
        if launch == "three":
            watcher = Watcher([logs], None, report, PollingWaiter())
            watcher.look()
        start = "2026-11-23T08:00:00Z"
        facts = SessionFacts(session, start, start, "host", "boot", 1, launch=launch)
        write_manifest(logs / manifest_name(session), Manifest({}, facts))
        (logs / closed_name(session, 0)).touch()

    watcher.look()

    assert len(watcher.files) == 4
    assert report.notes == [
        "run 'logs' holds 2 launches, read together; --launch last chooses the last, 'two'"
    ]
    watcher.close()


def test_the_first_look_is_repeated_while_files_change_their_names(logs, report, monkeypatch):
    losses = ["once", "twice"]

    def lose(path):
        return GrowingFile(path.with_name(losses.pop()) if losses else path)

    monkeypatch.setattr("micrometric.watcher.GrowingFile", lose)
    watcher = Watcher([logs], None, report, PollingWaiter())

    watcher.look()

    assert (watcher.is_settled, len(watcher.files), losses) == (True, 1, [])
    watcher.close()


def test_what_is_closed_on_the_way_to_it_does_not_seem_new_afterwards(
    tmp_path, report, monkeypatch
) -> None:
    """As where a session closes segments faster than they can be looked at."""
    logs = tmp_path / "sessions"
    logs.mkdir()
    active = logs / active_name(FIRST)
    active.write_text(lines([0]))
    numbers = itertools.count()

    def close(path):
        if path == active:
            number = next(numbers)
            active.rename(logs / closed_name(FIRST, number))
            active.write_text(lines([number + 1]))
        return GrowingFile(path)

    monkeypatch.setattr("micrometric.watcher.GrowingFile", close)
    monkeypatch.setattr("micrometric.watcher._FIRST_LOOKS", 0)  # Each is as late as the last.
    watcher = Watcher([logs], None, report, PollingWaiter())

    watcher.look()

    (first, *_) = watcher.files.values()
    assert first.segment.path == logs / closed_name(FIRST, 0)
    assert first.file.head() == lines([0]).encode()
    watcher.close()


def test_what_is_compressed_during_the_first_look_is_not_missed(logs, report, monkeypatch):
    closed = logs / closed_name(FIRST, 0)
    closed.write_text(lines([1]))
    packed = closed.with_name(f"{closed.name}.gz")

    def compress(path):
        if path == closed:
            packed.write_bytes(gzip.compress(closed.read_bytes()))
            closed.unlink()
        return GrowingFile(path)

    monkeypatch.setattr("micrometric.watcher.GrowingFile", compress)
    monkeypatch.setattr("micrometric.watcher._FIRST_LOOKS", 0)  # As where each finds another one.
    watcher = Watcher([logs], None, report, PollingWaiter())

    for _ in range(2):
        watcher.look()
        assert [segment.path for segment in watcher.compressed] == [packed]
    assert watcher.missed == []
    watcher.close()


def test_a_pipe_among_others_is_refused_with_a_way_out(tmp_path, report):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(PathError) as caught:
        Watcher([pipe], None, report, PollingWaiter()).look()

    assert str(caught.value) == (
        f"{str(pipe)!r} is neither a file nor a directory; to follow a pipe beside others, let it "
        f"be standard input of its own: micrometric tail - < {pipe}"
    )


def test_a_closed_segment_that_was_let_go_is_not_told_under_another_name(
    logs, watcher, monkeypatch
):
    closed = logs / closed_name(FIRST, 0)
    closed.write_text(lines([1]))
    watcher.look()
    (identity,) = [
        file for file, watched in watcher.files.items() if watched.segment.path == closed
    ]
    watcher.files[identity].file.new_lines()
    monkeypatch.setattr("micrometric.watcher._PATIENCE", -1.0)
    forgotten = []
    monkeypatch.setattr(watcher.waiter, "forget_file", forgotten.append)
    watcher.look()
    assert identity not in watcher.files
    assert forgotten == [identity]
    watcher.fresh.clear()

    for index in (1, 2):
        closed = closed.rename(closed.with_name(closed_name(FIRST, index)))
        watcher.look()

    assert identity not in watcher.files
    assert watcher.fresh == set()
    (logs / closed_name(SECOND, 0)).write_text(lines([1]))
    watcher.look()
    assert len(watcher.fresh) == 1


class Exhausted(PollingWaiter):
    """A waiter of which the system gives no more."""

    is_closed = False

    def watch_file(self, identity, descriptor):
        raise OSError(28, "No space left on device")

    def close(self):
        self.is_closed = True


def test_where_the_system_watches_no_more_files_are_looked_at(logs, report):
    waiter = Exhausted()
    watcher = Watcher([logs], None, report, waiter)

    watcher.look()

    assert waiter.is_closed
    assert type(watcher.waiter) is PollingWaiter
    assert [note.partition(",")[0] for note in report.notes] == [
        "the system watches no more files for this user (No space left on device)"
    ]
    assert len(watcher.files) == 1
    watcher.close()
