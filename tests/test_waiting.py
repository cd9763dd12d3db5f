"""Waiting for changes: the kernel's events say what changed, and polling stands in for them."""

import errno
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from micrometric.follower import follow
from micrometric.inotify import OVERFLOW, Inotify
from micrometric.waiting import Changes, EventWaiter, PollingWaiter, is_remote
from tests.tailing import open_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's events are Linux's")

ANYTHING = Changes(names=True, files=None)
NOTHING = Changes(names=False, files=frozenset())


@pytest.fixture
def waiter():
    waiter = EventWaiter()
    yield waiter
    waiter.close()


def identity(path):
    status = path.stat()
    return status.st_dev, status.st_ino


def test_what_was_begun_is_closed_where_the_user_may_open_no_more(monkeypatch):
    def refuse(_: int) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe2", refuse)
    before = open_files()

    with pytest.raises(OSError, match="Too many open files"):
        EventWaiter()

    assert open_files() <= before


@pytest.mark.usefixtures("many_files")
def test_any_number_of_files_may_be_open():
    waiter = EventWaiter()

    assert waiter.wait(0.0) == NOTHING
    waiter.close()


class TestEvents:
    def test_nothing_comes_of_nothing(self, waiter):
        assert waiter.wait(0.0) == NOTHING

    def test_a_new_name_in_a_directory_is_told(self, waiter, tmp_path):
        assert waiter.watch_directories({str(tmp_path): set()})
        assert not waiter.watch_directories({str(tmp_path): set()})

        (tmp_path / "micro_metrics.jsonl").touch()

        assert waiter.wait(5.0).names

    def test_names_that_do_not_matter_are_not_told(self, waiter, tmp_path):
        waiter.watch_directories({str(tmp_path): {"mine"}})

        (tmp_path / "other").touch()
        assert waiter.wait(5.0) == NOTHING
        (tmp_path / "mine").touch()
        assert waiter.wait(5.0).names

        waiter.watch_directories({str(tmp_path): {"*"}})
        (tmp_path / "any").touch()
        assert waiter.wait(5.0).names

    def test_a_file_that_grows_is_told_under_whatever_name(self, waiter, tmp_path):
        path = tmp_path / "file"
        with path.open("a") as file:
            waiter.watch_file(identity(path), file.fileno())
            path.rename(tmp_path / "renamed")

            file.write("x")
            file.flush()

            expected = frozenset([identity(tmp_path / "renamed")])
            assert waiter.wait(5.0) == Changes(names=False, files=expected)

    def test_a_file_that_is_forgotten_is_told_no_more(self, waiter, tmp_path):
        path = tmp_path / "file"
        with path.open("a") as file:
            waiter.watch_file(identity(path), file.fileno())
            waiter.forget_file(identity(path))
            waiter.forget_file(identity(path))
            waiter.wait(0.0)

            file.write("x")
            file.flush()

            assert waiter.wait(0.0).files == frozenset()

    def test_a_directory_made_again_is_watched_again(self, waiter, tmp_path):
        directory = tmp_path / "logs"
        directory.mkdir()
        waiter.watch_directories({str(directory): set()})
        directory.rmdir()
        assert waiter.wait(5.0).names

        directory.mkdir()
        assert waiter.watch_directories({str(directory): set()})
        (directory / "micro_metrics.jsonl").touch()

        assert waiter.wait(5.0).names

    def test_a_link_that_points_elsewhere_is_watched_there(self, waiter, tmp_path):
        link = tmp_path / "current"
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        link.symlink_to("one")
        waiter.watch_directories({str(link): set()})

        link.unlink()
        link.symlink_to("two")
        assert waiter.watch_directories({str(link): set()})
        waiter.wait(0.0)
        (tmp_path / "two" / "micro_metrics.jsonl").touch()

        assert waiter.wait(5.0).names

    def test_a_directory_that_is_not_there_is_none(self, waiter, tmp_path):
        assert not waiter.watch_directories({str(tmp_path / "absent"): set()})

    def test_after_a_while_everything_may_have_changed(self, waiter, monkeypatch):
        monkeypatch.setattr("micrometric.waiting._ROUND", 0.01)
        waiter._next_round = time.monotonic() + 0.01

        assert waiter.wait(5.0) == NOTHING
        assert waiter.wait(5.0) == ANYTHING

    def test_events_that_the_kernel_lost_may_be_any(self, waiter, monkeypatch):
        monkeypatch.setattr(waiter._inotify, "read", lambda: [(-1, OVERFLOW, "")])

        assert waiter.wait(0.0) == ANYTHING

    @pytest.mark.parametrize("kind", [EventWaiter, PollingWaiter])
    def test_a_ring_from_another_thread_ends_the_wait(self, kind):
        waiter = kind()
        thread = threading.Timer(0.05, waiter.ring)
        thread.start()
        start = time.monotonic()

        while time.monotonic() < start + 5 and thread.is_alive():
            waiter.wait(60.0)

        thread.join()
        assert time.monotonic() < start + 5
        waiter.close()
        waiter.close()
        waiter.ring()


class TestLimits:
    @pytest.mark.parametrize("method", ["watch_directories", "watch_file"])
    def test_without_further_watches_it_polls_and_says_so(self, tmp_path, monkeypatch, method):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        path = tmp_path / "micro_metrics.jsonl"
        path.touch()
        monkeypatch.setattr(EventWaiter, method, full)
        line = '{"timestamp":"2026-11-23T08:00:00Z","metric":"m","value":1}\n'

        with follow(tmp_path) as follower:
            path.write_text(line)
            assert next(follower).value == 1

        (note,) = follower.report.notes
        assert note.startswith("the system watches no more files for this user (No space left")

    def test_without_instances_it_polls(self, tmp_path, monkeypatch):
        def none(_):
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(EventWaiter, "__init__", none)

        with follow(tmp_path) as follower:
            assert isinstance(follower._watcher.waiter, PollingWaiter)
        assert "Too many open files" in follower.report.notes[0]

    def test_where_there_are_no_events_there_is_no_instance(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")

        with pytest.raises(OSError, match="only Linux"):
            Inotify()

    def test_what_the_kernel_refuses_raises(self, monkeypatch, tmp_path):
        inotify = Inotify()
        with pytest.raises(FileNotFoundError):
            inotify.watch(str(tmp_path / "absent"), 2)
        inotify.close()

        class Full:
            def inotify_init1(self, _):
                import ctypes

                ctypes.set_errno(errno.EMFILE)
                return -1

        monkeypatch.setattr("micrometric.inotify._libc", Full)
        with pytest.raises(OSError, match="Too many open files"):
            Inotify()


class TestRemote:
    def mounted(self, monkeypatch, path, kind):
        device = path.stat().st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        other = "36 35 98:0 / /other rw - ext4 /dev/x rw\n"
        table = f"{other}37 35 {number} / /m rw shared:1 - {kind} server:/x rw\n"
        monkeypatch.setattr(Path, "read_text", lambda *_, **__: table)

    @pytest.mark.parametrize(
        ("kind", "remote"), [("nfs4", True), ("fuse.sshfs", True), ("ext4", False)]
    )
    def test_the_kind_of_the_file_system_tells(self, tmp_path, monkeypatch, kind, remote):
        self.mounted(monkeypatch, tmp_path, kind)

        assert is_remote(tmp_path / "absent" / "below") is remote

    def test_remote_logs_are_polled_unless_told(self, tmp_path, monkeypatch):
        self.mounted(monkeypatch, tmp_path, "nfs4")

        with follow(tmp_path) as follower:
            assert isinstance(follower._watcher.waiter, PollingWaiter)
        with follow(tmp_path, poll=False) as follower:
            assert isinstance(follower._watcher.waiter, EventWaiter)

    def test_where_mounts_are_not_told_nothing_is_remote(self, tmp_path, monkeypatch):
        def refuse(*_, **__):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_text", refuse)

        assert not is_remote(tmp_path)
