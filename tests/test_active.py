"""The active segment: appended to by one session, whatever happens to its file."""

import itertools
import os
from pathlib import Path

import pytest

from micrometric import active
from micrometric.active import ActiveSegment
from micrometric.segment import PLAIN_NAME, active_name, closed_name
from tests.sessions import OURS


@pytest.fixture
def segment(tmp_path: Path) -> ActiveSegment:
    """A segment under the plain name whose clock goes on by a second at each look."""
    segment = ActiveSegment(tmp_path, OURS, itertools.count().__next__)
    segment.is_plain = True
    return segment


def append(segment: ActiveSegment, *lines: bytes, begun: int = 0) -> None:
    segment.write([memoryview(line) for line in lines], begun)


def test_lines_are_appended_and_counted(segment: ActiveSegment, tmp_path: Path) -> None:
    append(segment, b"a\n", b"b\n")
    append(segment, b"c\n")

    assert (tmp_path / PLAIN_NAME).read_bytes() == b"a\nb\nc\n"
    assert segment.position == segment.size == 6


def test_a_file_that_was_removed_is_made_again(segment: ActiveSegment, tmp_path: Path) -> None:
    append(segment, b"a\n")
    segment.path.unlink()

    append(segment, b"b\n")

    assert segment.path.read_bytes() == b"b\n"
    assert (segment.position, segment.size) == (4, 2)


def test_what_was_begun_in_a_removed_file_is_to_be_written_again(segment: ActiveSegment) -> None:
    append(segment, b"line of w")
    segment.path.unlink()

    append(segment, b"hich a part is gone\n", begun=9)

    assert segment.position == 0
    assert segment.path.read_bytes() == b""


def test_a_plain_name_that_another_session_took_is_left_to_it(
    segment: ActiveSegment, tmp_path: Path
) -> None:
    append(segment, b"a\n")
    segment.path.rename(tmp_path / "kept")  # Its inode stays in use.
    (tmp_path / PLAIN_NAME).write_bytes(b"theirs\n")

    append(segment, b"b\n")

    assert not segment.is_plain
    assert (tmp_path / PLAIN_NAME).read_bytes() == b"theirs\n"
    assert (tmp_path / active_name(OURS)).read_bytes() == b"b\n"


def test_an_interrupted_write_is_noted_at_the_next(
    segment: ActiveSegment, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(segment, b"a\n")
    write_all = active._write_all

    def interrupted(descriptor: int, data: list[memoryview]) -> int:
        write_all(descriptor, data)
        raise KeyboardInterrupt

    monkeypatch.setattr(active, "_write_all", interrupted)
    with pytest.raises(KeyboardInterrupt):
        append(segment, b"b\n")
    monkeypatch.setattr(active, "_write_all", write_all)
    assert segment.position == 2

    append(segment, b"b\n")  # Notes it and writes nothing: the caller has not known yet.
    assert segment.position == 4
    append(segment, b"c\n")

    assert segment.path.read_bytes() == b"a\nb\nc\n"


def test_a_write_that_fails_closes_the_file_until_the_next(
    segment: ActiveSegment, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(segment, b"a\n")
    with monkeypatch.context() as patch:
        patch.setattr(active, "_write_all", lambda *_: os.write(-1, b""))
        with pytest.raises(OSError, match="Bad file descriptor"):
            append(segment, b"b\n")
    assert not segment.is_open

    append(segment, b"b\n")

    assert segment.path.read_bytes() == b"a\nb\n"
    assert segment.position == segment.size == 4


@pytest.mark.parametrize("links", [True, False], ids=["hard-links", "no-hard-links"])
def test_a_new_file_takes_the_place_of_the_closed_one(
    segment: ActiveSegment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: os.write(-1, b""))
    closed = tmp_path / closed_name(OURS, 0)
    append(segment, b"a\n")

    segment.begin_anew(closed)
    append(segment, b"b\n")

    assert (closed.read_bytes(), segment.path.read_bytes()) == (b"a\n", b"b\n")
    assert (segment.position, segment.size) == (4, 2)
    assert sorted(tmp_path.iterdir()) == sorted([closed, segment.path])


def test_a_file_that_cannot_be_closed_goes_on(segment: ActiveSegment, tmp_path: Path) -> None:
    closed = tmp_path / closed_name(OURS, 0)
    closed.write_bytes(b"theirs\n")
    append(segment, b"a\n")

    with pytest.raises(FileExistsError):
        segment.begin_anew(closed)
    append(segment, b"b\n")

    assert segment.path.read_bytes() == b"a\nb\n"
    assert closed.read_bytes() == b"theirs\n"
    assert sorted(tmp_path.iterdir()) == sorted([closed, segment.path])


def test_the_age_is_that_of_the_file(segment: ActiveSegment, tmp_path: Path) -> None:
    assert not segment.has_begun
    append(segment, b"a\n")
    first, second = segment.age, segment.age
    segment.begin_anew(tmp_path / closed_name(OURS, 0))

    assert segment.has_begun
    assert (first, second, segment.age) == (1, 2, 1)
