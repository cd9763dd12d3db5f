"""Following files that are quiet for long, and what is in the way of a look."""

import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from micrometric.follower import follow
from micrometric.segment import PLAIN_NAME, closed_name
from tests.tailing import append, lines, segment

FIRST = "20261123T080000000000Z-r0-11"
PATIENCE = 0.2
DEADLINE = 10.0

Values = Callable[..., list[Any]]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    (path / PLAIN_NAME).write_text(lines([1000]))
    return path


@pytest.fixture(params=["events", "poll"])
def come(request: pytest.FixtureRequest, logs: Path, monkeypatch) -> Iterator[Values]:
    """Return what came, so many at least, until no more came for some time; files go soon."""
    monkeypatch.setattr("micrometric.watcher._PATIENCE", PATIENCE)
    poll = request.param == "poll"
    with follow(logs, poll=poll or None, poll_interval=0.001, pulse=0.001) as follower:
        batches = follower.batches()

        def values(count: int = 0) -> list[Any]:
            found, quiet = [], 0
            deadline = time.monotonic() + DEADLINE
            while quiet < 20 or (len(found) < count and time.monotonic() < deadline):
                events = next(batches)
                found += [event.value for event in events]
                quiet = 0 if events else quiet + 1
            return found

        yield values


def let_patience_pass(come: Values) -> None:
    end = time.monotonic() + 1.5 * PATIENCE
    while time.monotonic() < end:
        assert come() == []


def test_what_a_quiet_file_gains_just_before_it_is_rotated_comes(logs, come):
    append(logs / PLAIN_NAME, range(3))
    assert come(3) == [0, 1, 2]
    let_patience_pass(come)

    append(logs / PLAIN_NAME, range(3, 6))
    (logs / PLAIN_NAME).rename(logs / closed_name(FIRST, 0))
    append(logs / PLAIN_NAME, range(6, 9))

    assert come(6) == [3, 4, 5, 6, 7, 8]


def test_a_new_file_with_the_inode_of_one_that_was_let_go_is_read(logs, come):
    closed, active = logs / closed_name(FIRST, 0), logs / segment(5)
    append(closed, range(3))
    assert come(3) == [0, 1, 2]
    let_patience_pass(come)
    (logs / "other").touch()
    come()
    inode = closed.stat().st_ino

    closed.unlink()
    append(active, range(3, 6))
    if active.stat().st_ino != inode:
        pytest.skip("this file system gave the new file another inode")

    assert come(3) == [3, 4, 5]


@pytest.mark.parametrize(
    "cut", [b"rubbish" * 10, gzip.compress(b"x" * 100)[:6]], ids=["rubbish", "half a header"]
)
def test_a_damaged_compressed_segment_does_not_end_following(logs, come, cut):
    (logs / closed_name(FIRST, 0, ".jsonl.gz")).write_bytes(cut)
    append(logs / PLAIN_NAME, [1])

    assert come(1) == [1]


def test_a_compressed_segment_that_fills_up_slowly_is_told_once(logs, come):
    packed = logs / closed_name(FIRST, 0, ".jsonl.gz")
    packed.touch()
    assert come() == []

    packed.write_bytes(gzip.compress(lines(range(3)).encode()))
    (logs / segment(3)).touch()

    assert come(3) == [0, 1, 2]


def test_a_pipe_that_appears_in_a_directory_does_not_end_following(logs, come):
    os.mkfifo(logs / segment(3))
    append(logs / PLAIN_NAME, [1])

    assert come(1) == [1]


def test_a_directory_made_again_during_a_look_does_not_end_following(logs, come, monkeypatch):
    """It was not there when it was taken for a directory, and is when it is taken for a file."""
    with monkeypatch.context() as patch:
        patch.setattr("micrometric.watcher.names_under", lambda path, places: iter([str(path)]))
        append(logs / segment(1), [1])
        come()

    append(logs / PLAIN_NAME, [2])

    assert set(come(1)) >= {2}
