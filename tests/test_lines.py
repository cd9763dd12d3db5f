"""The lines of one growing file: each once, whatever else happens to its bytes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from micrometric.lines import HEAD_BYTES, GrowingFile, LineBuffer

Opened = Callable[..., GrowingFile]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def opened(path: Path) -> Iterator[Opened]:
    """Write bytes to the path and open it."""
    files = []

    def write_and_open(content: bytes = b"") -> GrowingFile:
        path.write_bytes(content)
        files.append(GrowingFile(path))
        return files[-1]

    yield write_and_open
    for file in files:
        file.close()


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def rewrite(path: Path, content: bytes) -> None:
    """Give the file other bytes and a time of its own, also where its clock is slow."""
    path.write_bytes(content)
    os.utime(path, ns=(1, len(content)))


def test_a_line_comes_once_and_when_its_end_is_there(path, opened):
    file = opened(b"a\nb")

    assert file.new_lines() == b"a\n"
    assert file.new_lines() == b""
    append(path, b"c")
    assert file.new_lines() == b""
    append(path, b"d\ne\n")

    assert file.new_lines() == b"bcd\ne\n"
    assert file.new_lines() == b""


def test_what_has_another_name_by_now_is_the_same_file(path, opened):
    file = opened(b"a\n")
    status = path.stat()
    path.rename(path.with_name("other"))
    path.write_bytes(b"new\n")
    append(path.with_name("other"), b"b\n")

    assert file.identity == (status.st_dev, status.st_ino)
    assert os.fstat(file.descriptor).st_ino == status.st_ino
    assert file.new_lines() == b"a\nb\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\n", b"c\n"),
        (b"a\nb\n", b"a\n"),
        (b"a\nb\n", b"c\nd\n"),
        (b"a\nb\n", b"c\nb\n"),
        (b"a\nb\n", b"a\nc\nd\n"),
        (b"x" * 63 + b"\n", b"y" + b"x" * 62 + b"\nb\n"),
        (b"a\nhalf", b"b\n"),
        (b"a\nhalf", b"a\nhals\n"),
    ],
    ids=[
        "shorter", "cut", "as long", "first byte", "longer", "64 bytes ago", "half", "other half",
    ],
)  # fmt: skip
def test_a_file_that_was_written_anew_is_read_from_its_start(path, opened, before, after):
    file = opened(before)
    file.new_lines()

    rewrite(path, after)

    assert file.new_lines() == after
    append(path, b"more\n")
    assert file.new_lines() == b"more\n"


def test_bytes_of_many_looks_are_remembered(path, opened):
    file = opened()
    for byte in b"abcdef\n":
        append(path, bytes([byte]))
        file.new_lines()

    rewrite(path, b"abXdef\ng\n")

    assert file.new_lines() == b"abXdef\ng\n"


def test_a_file_that_stayed_as_it_was_is_not_read_again(path, opened):
    file = opened(b"a\n")
    file.new_lines()
    times = path.stat()

    path.write_bytes(b"b\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert file.new_lines() == b""


def test_a_block_is_read_at_a_time(path, opened, monkeypatch):
    monkeypatch.setattr("micrometric.lines._BLOCK", 4)
    file = opened(b"a\nb\nc\nd\n")

    assert (file.unread, file.behind) == (8, False)
    assert (file.new_lines(), file.behind, file.unread) == (b"a\nb\n", True, 4)
    assert (file.new_lines(), file.behind, file.unread) == (b"c\nd\n", True, 0)
    assert (file.new_lines(), file.behind) == (b"", False)
    append(path, b"e\nf\n")
    assert (file.new_lines(), file.behind) == (b"e\nf\n", True)
    path.write_bytes(b"")
    assert file.unread == 0


def test_a_line_of_many_blocks_comes_whole(opened, monkeypatch):
    monkeypatch.setattr("micrometric.lines._BLOCK", 4)
    file = opened(b"a\n123456789\nb\n")

    assert [file.new_lines() for _ in range(4)] == [b"a\n", b"", b"123456789\n", b"b\n"]


def test_a_line_beyond_the_limit_is_told_by_its_start_and_passed(path, opened, monkeypatch):
    monkeypatch.setattr("micrometric.lines.LINE_LIMIT", 10)
    file = opened(b"x" * 10)
    assert file.new_lines() == b""
    append(path, b"x")
    assert file.new_lines() == b"x" * 11 + b"\n"

    for count in (20, 20, 5):
        append(path, b"y" * count)
        assert file.new_lines() == b""
    assert file.take_half() == b""
    append(path, b"z\na\nb")

    assert file.new_lines() == b"a\n"
    append(path, b"\n")
    assert file.new_lines() == b"b\n"


@pytest.mark.parametrize(
    "before", [b"x" * 11 + b"\n", b"x" * 9 + b"\n", b"xx"], ids=["beyond", "within", "half"]
)
def test_a_line_may_be_as_long_as_the_limit_whatever_was_before(path, opened, monkeypatch, before):
    monkeypatch.setattr("micrometric.lines.LINE_LIMIT", 10)
    file = opened(before[:11])
    file.new_lines()
    append(path, before[11:])
    file.new_lines()
    file.take_half()

    append(path, b"y" * 10)
    assert file.new_lines() == b""
    append(path, b"\n")

    assert file.new_lines() == b"y" * 10 + b"\n"


def test_what_was_read_of_the_next_line_counts_towards_the_limit(path, opened, monkeypatch):
    monkeypatch.setattr("micrometric.lines.LINE_LIMIT", 10)
    file = opened(b"a\n" + b"x" * 6)
    assert file.new_lines() == b"a\n"

    append(path, b"x" * 4)
    assert file.new_lines() == b""
    append(path, b"x")

    assert file.new_lines() == b"x" * 11 + b"\n"


def test_a_file_written_anew_has_no_line_to_pass(path, opened, monkeypatch):
    monkeypatch.setattr("micrometric.lines.LINE_LIMIT", 10)
    file = opened(b"x" * 11)
    file.new_lines()

    rewrite(path, b"y" * 10)
    assert file.new_lines() == b""
    append(path, b"\n")

    assert file.new_lines() == b"y" * 10 + b"\n"


def test_a_long_line_takes_no_more_time_a_block_than_a_short_one():
    buffer = LineBuffer()

    # Were the line copied with each block, this would be a terabyte.
    for _ in range(200_000):
        assert buffer.whole_lines(b"x" * 64) == b""

    assert len(buffer.whole_lines(b"\nrest")) == 200_000 * 64 + 1
    assert buffer.take_half() == b"rest"


@pytest.mark.parametrize(("content", "number"), [(b"", 1), (b"ab", 1), (b"a\n", None)])
def test_lines_have_numbers_where_none_was_passed(opened, content, number):
    file = opened(content)
    assert file.count.next == 1

    file.seek_end()

    assert file.count.take(3) == number
    assert file.count.next == (number and 4)


def test_half_a_line_is_told_once(path, opened):
    file = opened(b"a\nb")
    file.new_lines()
    append(path, b"c")
    file.new_lines()

    assert file.take_half() == b"bc"
    assert file.take_half() == b""
    append(path, b"\nd\n")
    assert file.new_lines() == b"\nd\n"


@pytest.mark.parametrize("block", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("content", "half"), [(b"", b""), (b"bc", b"bc"), (b"a\n", b""), (b"a\na\nbc", b"bc")]
)
def test_at_the_end_only_what_comes_is_new(path, opened, monkeypatch, content, half, block):
    monkeypatch.setattr("micrometric.lines._BLOCK", block)
    file = opened(content)
    file.seek_end()
    assert file.unfinished() == half
    monkeypatch.setattr("micrometric.lines._BLOCK", 100)

    append(path, b"d\n")

    assert file.unfinished() == half
    assert file.new_lines() == half + b"d\n"


def test_what_is_unfinished_at_the_end_may_count_as_read(path, opened):
    file = opened(b"a\nbc")
    file.seek_end()

    file.take_unfinished()
    append(path, b"\nd\n")

    assert file.new_lines() == b"\nd\n"


def test_what_stood_before_the_end_is_remembered(path, opened):
    file = opened(b"a\nb\n")
    file.seek_end()

    rewrite(path, b"c\nd\ne\n")

    assert file.new_lines() == b"c\nd\ne\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([b"a", b"b", b"\n"]), max_size=12), st.integers(1, 5))
@example([b"a", b"\n", b"\n", b"b", b"\n", b"a"], 2)
def test_lines_come_back_the_last_first(opened, parts, block):
    content = b"".join(parts)
    whole = content[: content.rfind(b"\n") + 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("micrometric.lines._BLOCK", block)
        file = opened(content)
        file.seek_end()

        assert [*file.lines_back()] == whole.split(b"\n")[::-1]


@pytest.mark.parametrize(
    ("content", "head"),
    [
        (b"", b"\n"),
        (b"a", b"a\n"),
        (b"a\nb\nc\n", b"a\n"),
        (b"x" * (HEAD_BYTES + 1) + b"\n", b"x" * HEAD_BYTES + b"\n"),
    ],
    ids=["empty", "half", "line", "long"],
)
def test_the_head_is_the_first_line_as_far_as_it_tells_files_apart(opened, content, head):
    file = opened(content)
    file.new_lines()

    assert file.head() == head
    assert file.new_lines() == b""


def test_a_file_is_quiet_since_something_was_read(path, opened, monkeypatch):
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr("micrometric.lines.time", clock)
    file = opened(b"a")
    clock.now = 105.0
    assert file.quiet_time == 5.0

    file.new_lines()
    clock.now = 106.0
    file.new_lines()
    os.utime(path, ns=(1, 1))
    file.new_lines()

    assert file.quiet_time == 1.0


def test_a_closed_file_is_read_no_more(opened):
    file = opened(b"a\n")

    file.close()

    with pytest.raises(ValueError, match="closed file"):
        file.new_lines()


def test_a_line_without_end_is_not_taken_into_memory_backwards(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.lines.LINE_LIMIT", 200_000)
    monkeypatch.setattr("micrometric.intake.LINE_LIMIT", 200_000)
    path = tmp_path / "micro_metrics.jsonl"
    path.write_bytes(b"first\n" + b"x" * 5_000_000 + b"\nlast\n" + b"y" * 5_000_000)
    file = GrowingFile(path)
    file.seek_end()

    last, long, first = filter(None, file.lines_back())
    unfinished = file.unfinished()
    file.close()

    assert (first, last) == (b"first", b"last")
    assert 200_000 < len(long) < 300_000
    assert len(unfinished) == 200_001
