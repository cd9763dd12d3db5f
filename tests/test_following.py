"""Following in a process of its own, while files change as other programs change them.

Whatever happens to the files, each event comes exactly once: the values are the integers from 0,
and any that were lost or came twice are seen.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from micrometric.segment import PLAIN_NAME, closed_name
from tests.tailing import Counted, append, line, lines, segment

FIRST = "20261123T080000000000Z-r0-11"

Follow = Callable[..., Counted]


@pytest.fixture(params=["events", "poll"])
def options(request: pytest.FixtureRequest) -> list[str]:
    return ["--poll"] if request.param == "poll" else []


@pytest.fixture
def follow(options: list[str], tmp_path: Path) -> Iterator[Follow]:
    """Start following some paths; it ends with the test."""
    with ExitStack() as stack:

        def begin(*paths: object, **more: object) -> Counted:
            given = {"markers": tmp_path / "markers.jsonl"} | more
            return stack.enter_context(Counted(*paths, options=options, **given))

        yield begin


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with some events of before."""
    path = tmp_path / "events.jsonl"
    path.write_text(lines([1000, 1001]))
    return path


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A directory whose plain segment has some events of before."""
    path = tmp_path / "logs"
    path.mkdir()
    (path / PLAIN_NAME).write_text(lines([1000, 1001]))
    return path


class TestOneFile:
    def test_a_renamed_file_that_is_still_written_and_its_successor(self, file, follow):
        tail = follow(file)
        append(file, range(10))

        with file.open("a") as late:
            file.rename(file.with_name("events.jsonl.1"))
            append(file, range(10, 20))
            tail.come(20)
            late.write(lines(range(20, 30)))
            late.flush()
            tail.come(30)
            late.write(lines(range(30, 40)))

        tail.check(40)

    def test_a_file_copied_and_truncated(self, file, follow):
        tail = follow(file)
        with file.open("a") as writer:
            for rotation in range(3):
                writer.write(lines(range(10 * rotation, 10 * rotation + 10)))
                writer.flush()
                tail.come(10 * rotation + 10)

                shutil.copy(file, file.with_name(f"events.jsonl.{rotation}"))
                os.truncate(file, 0)

        append(file, range(30, 35))

        tail.check(35)

    def test_a_file_truncated_and_grown_beyond_what_was_read(self, file, follow):
        tail = follow(file)
        append(file, range(10))
        tail.come(10)

        file.write_text(lines(range(10, 100)))

        tail.check(100)

    def test_a_file_deleted_and_made_again(self, file, follow):
        tail = follow(file)
        append(file, range(10))
        tail.come(10)

        for start in (10, 20, 30):
            file.unlink()
            file.write_text(lines(range(start, start + 10)))
            tail.come(start + 10)

        tail.check(40)

    def test_a_path_that_is_not_there_at_the_start(self, tmp_path, follow):
        path = tmp_path / "some" / "where" / "events.jsonl"
        tail = follow(path)

        path.parent.mkdir(parents=True)
        append(path, range(10))
        tail.come(10)
        append(path, range(10, 20))

        tail.check(20)

    def test_half_a_line(self, file, follow):
        tail = follow(file)
        text = line(0)

        for piece in (text[:1], text[1:30], text[30:-1]):
            with file.open("a") as writer:
                writer.write(piece)
            tail.settle()
            assert tail.values() == []
        with file.open("a") as writer:
            writer.write("\n" + line(1)[:20])
        tail.come(1)
        with file.open("a") as writer:
            writer.write(line(1)[20:] + line(2))

        tail.check(3)

    def test_bad_bytes_and_bad_json_between_good_lines(self, file, follow):
        tail = follow(file)
        bad = [b"\xff\xfe\xfa", b'{"value": ', b"\0" * 100, b"[]", b'"\xc3("', b'{"metric": "n"}']

        with file.open("ab") as writer:
            for number, rubbish in enumerate(bad):
                writer.write(line(number).encode() + rubbish + b"\n")
            writer.write(line(len(bad)).encode())

        tail.check(len(bad) + 1)
        tail.until(lambda: "skipped a line" in "".join(tail.lines("err")))

    def test_a_line_of_10_million_bytes(self, file, follow):
        tail = follow(file)
        long = line(1, metadata={"note": "x" * 10_000_000})

        append(file, [0])
        with file.open("a") as writer:
            for start in range(0, len(long), 3_000_000):
                writer.write(long[start : start + 3_000_000])
                writer.flush()
        append(file, [2])

        tail.check(3)


class TestManyFiles:
    def test_a_new_file_in_a_directory(self, logs, follow):
        tail = follow(logs)

        append(logs / segment(0), range(10))
        append(logs / PLAIN_NAME, range(10, 20))
        tail.come(20)
        append(logs / segment(0), range(20, 30))

        tail.check(30)

    def test_nested_directories(self, logs, follow):
        tail = follow(logs)
        deep = logs / "model=a" / "lr=0.1" / "seed=1"

        deep.mkdir(parents=True)
        append(deep / PLAIN_NAME, range(10))
        tail.come(10)
        append(deep.parent / PLAIN_NAME, range(10, 20))
        (deep / "more" / "still").mkdir(parents=True)
        append(deep / "more" / "still" / PLAIN_NAME, range(20, 30))
        append(deep / PLAIN_NAME, range(30, 40))

        tail.check(40)

    def test_200_files(self, logs, follow):
        files = [logs / segment(number) for number in range(200)]
        for path in files:
            append(path, [1000])
        tail = follow(logs)

        for turn in range(5):
            for number, path in enumerate(files):
                append(path, [turn * 200 + number])

        tail.check(1000)

    def test_a_rotated_name_that_is_followed_too(self, logs, follow):
        tail = follow(logs)

        for turn in range(5):
            append(logs / PLAIN_NAME, range(20 * turn, 20 * turn + 10))
            with (logs / PLAIN_NAME).open("a") as late:
                (logs / PLAIN_NAME).rename(logs / closed_name(FIRST, turn))
                append(logs / PLAIN_NAME, range(20 * turn + 10, 20 * turn + 15))
                late.write(lines(range(20 * turn + 15, 20 * turn + 20)))

        tail.check(100)

    def test_a_rotated_name_that_a_glob_matches_too(self, file, follow):
        tail = follow(file.with_name("events.jsonl*"))

        for turn in range(5):
            append(file, range(20 * turn, 20 * turn + 10))
            with file.open("a") as late:
                file.rename(file.with_name(f"events.jsonl.{turn}"))
                append(file, range(20 * turn + 10, 20 * turn + 15))
                late.write(lines(range(20 * turn + 15, 20 * turn + 20)))

        tail.check(100)
