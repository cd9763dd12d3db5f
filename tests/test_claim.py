"""Who gets the plain name, and where the segment of an ended session goes."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from micrometric.claim import claim_plain_name
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name, new_session_id
from tests.sessions import GONE, HERE, NOW, OURS, leave


def test_the_first_session_gets_the_plain_name(tmp_path: Path) -> None:
    assert claim_plain_name(tmp_path, HERE, NOW, OURS)
    assert (tmp_path / PLAIN_NAME).read_bytes() == b""


def test_only_one_contender_creates_the_plain_name(tmp_path: Path) -> None:
    assert [claim_plain_name(tmp_path, HERE, NOW, OURS) for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(
    "ended",
    [
        {"end": NOW.isoformat()},
        {"pid": GONE},
        {"process_start": "another process with this pid"},
        {"host": "elsewhere", "heartbeat_interval": 1.0},
    ],
    ids=["told", "pid-gone", "pid-reused", "heartbeat-stale"],
)
def test_the_segment_of_an_ended_session_is_archived_under_its_own_name(
    tmp_path: Path, ended: dict[str, object]
) -> None:
    session = leave(tmp_path, **ended)

    assert claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=1), OURS)

    assert (tmp_path / closed_name(session.id, 0)).read_text() == f"{session.id}\n"
    assert (tmp_path / PLAIN_NAME).read_bytes() == b""


@pytest.mark.parametrize(
    "living",
    [
        {"process_start": HERE.process_start(os.getpid())},
        {"host": "elsewhere", "heartbeat_interval": 30.0},
        {"host": "elsewhere"},
        {"boot": "another boot"},
    ],
    ids=["here", "elsewhere", "elsewhere-unknown", "another-boot-unknown"],
)
def test_the_segment_of_a_session_that_may_live_is_left_alone(
    tmp_path: Path, living: dict[str, object]
) -> None:
    session = leave(tmp_path, **living)

    assert not claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=1), OURS)

    assert (tmp_path / PLAIN_NAME).read_text() == f"{session.id}\n"


def test_a_file_of_the_original_logger_is_archived_when_it_was_quiet(tmp_path: Path) -> None:
    plain = tmp_path / PLAIN_NAME
    plain.write_text("old\n")
    written = NOW.timestamp()
    os.utime(plain, (written, written))

    assert not claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=9), OURS)
    assert claim_plain_name(tmp_path, HERE, NOW + timedelta(minutes=11), OURS)

    assert (tmp_path / closed_name("20261123T120000000000Z-original-0", 0)).read_text() == "old\n"


def test_the_plain_name_belongs_to_the_last_that_claimed_it(tmp_path: Path) -> None:
    leave(tmp_path, end=NOW.isoformat())
    leave(tmp_path, start=NOW + timedelta(hours=1), process_start=HERE.process_start(os.getpid()))

    assert not claim_plain_name(tmp_path, HERE, NOW + timedelta(hours=2), OURS)


def test_a_contender_that_was_slower_leaves_everything_as_it_is(tmp_path: Path) -> None:
    session = leave(tmp_path, end=NOW.isoformat())
    archive = tmp_path / closed_name(session.id, 0)
    os.link(tmp_path / PLAIN_NAME, archive)  # Another has won, and is about to go on.

    assert not claim_plain_name(tmp_path, HERE, NOW, OURS)

    assert (tmp_path / PLAIN_NAME).samefile(archive)


def test_a_name_that_is_being_claimed_is_left_alone(tmp_path: Path) -> None:
    """Between taking the name and telling so, nothing but this protects a live session."""
    leave(tmp_path, end=NOW.isoformat())
    leave(
        tmp_path,
        start=NOW + timedelta(seconds=1),
        plain=False,
        claims_plain=True,
        process_start=HERE.process_start(os.getpid()),
    )

    assert not claim_plain_name(tmp_path, HERE, NOW, OURS)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst"])
def test_a_segment_closed_after_the_last_manifest_keeps_its_name(tmp_path: Path, suffix) -> None:
    session = leave(tmp_path, pid=GONE)
    closed = tmp_path / closed_name(session.id, 0, suffix)
    closed.write_text("closed just before the end\n")

    assert claim_plain_name(tmp_path, HERE, NOW, OURS)

    assert closed.read_text() == "closed just before the end\n"
    assert (tmp_path / closed_name(session.id, 1)).read_text() == f"{session.id}\n"


def test_a_segment_that_was_swapped_meanwhile_is_not_archived(tmp_path: Path) -> None:
    session = leave(tmp_path, end=NOW.isoformat())

    def slow_link(source: Path, target: Path) -> None:
        source.unlink()
        source.write_text("a live session's\n")
        # The old inode is held, so that the new file cannot have its number.
        os.link(source, target)

    keep = (tmp_path / PLAIN_NAME).open()
    assert not claim_plain_name(tmp_path, HERE, NOW, OURS, link=slow_link)
    keep.close()

    assert (tmp_path / PLAIN_NAME).read_text() == "a live session's\n"
    assert not (tmp_path / closed_name(session.id, 0)).exists()


def test_without_hard_links_the_session_takes_its_own_name(tmp_path: Path) -> None:
    leave(tmp_path, end=NOW.isoformat())

    def no_link(*_: Path) -> None:
        raise PermissionError

    assert not claim_plain_name(tmp_path, HERE, NOW, OURS, link=no_link)


def test_a_broken_manifest_beside_it_does_not_hinder_a_session(tmp_path: Path) -> None:
    session = leave(tmp_path, end=NOW.isoformat())
    (tmp_path / manifest_name(new_session_id(NOW, "z", 1))).write_text("{")

    assert claim_plain_name(tmp_path, HERE, NOW, OURS)
    assert (tmp_path / closed_name(session.id, 0)).exists()
