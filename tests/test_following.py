"""Following in a process of its own, while files change as other programs change them.

Whatever happens to the files, each event comes exactly once: the values are the integers from 0,
and any that were lost or came twice are seen.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from micrometric.segment import PLAIN_NAME, closed_name
from tests.programs import environment, program, run
from tests.tailing import (
    DEADLINE,
    Counted,
    Tail,
    append,
    as_anybody,
    line,
    lines,
    open_fifo,
    segment,
    suspend,
)

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


@pytest.fixture
def bound(tmp_path: Path) -> list[str]:
    """A command that starts another so that permissions bind it, whoever runs the tests."""
    secret = tmp_path / "secret"
    secret.touch(0)
    reading = [*as_anybody(), sys.executable, "-c", f"open({str(secret)!r})"]
    if subprocess.run(reading, capture_output=True).returncode == 0:
        pytest.skip("no process can be started here that permissions bind")
    return as_anybody()


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

    def test_2000_files(self, logs, follow):
        files = [logs / f"seed={number % 50}" / segment(number) for number in range(2000)]
        for number in range(50):
            (logs / f"seed={number}").mkdir()
        for path in files:
            append(path, [10_000])
        tail = follow(logs)

        for number, path in enumerate(files):
            append(path, [number])

        tail.check(2000)

    def test_200_new_files_within_a_second(self, logs, follow):
        tail = follow(logs)

        for number in range(200):
            append(logs / segment(number), [number])
        for number in range(200):
            append(logs / segment(number), [200 + number])

        tail.check(400)


class TestDirectories:
    def test_a_link_to_a_directory_that_is_led_to_another(self, tmp_path, follow):
        current = tmp_path / "current"
        runs = [tmp_path / f"run{number}" for number in range(3)]
        for path in runs:
            path.mkdir()
        append(runs[0] / PLAIN_NAME, [1000])
        current.symlink_to(runs[0])
        tail = follow(current)
        append(current / PLAIN_NAME, range(10))
        tail.come(10)

        for number in (1, 2):
            append(runs[number] / PLAIN_NAME, range(20 * number - 10, 20 * number))
            link = tmp_path / "new"
            link.symlink_to(runs[number])
            link.rename(current)
            tail.come(20 * number)
            append(runs[number] / PLAIN_NAME, range(20 * number, 20 * number + 10))
            tail.come(20 * number + 10)

        tail.check(50)

    def test_a_link_below_that_is_led_to_another(self, tmp_path, logs, follow):
        runs = [tmp_path / f"run{number}" for number in range(2)]
        for path in runs:
            path.mkdir()
        (logs / "current").symlink_to(runs[0])
        tail = follow(logs)
        append(logs / "current" / PLAIN_NAME, range(10))
        tail.come(10)

        (tmp_path / "new").symlink_to(runs[1])
        (tmp_path / "new").rename(logs / "current")
        append(logs / "current" / PLAIN_NAME, range(10, 20))
        tail.come(20)
        append(runs[0] / PLAIN_NAME, range(20, 30))
        append(runs[1] / PLAIN_NAME, range(30, 40))

        tail.check(40)

    def test_a_directory_deleted_and_made_again(self, logs, follow):
        tail = follow(logs)
        append(logs / PLAIN_NAME, range(10))
        tail.come(10)

        for turn in range(1, 4):
            shutil.rmtree(logs)
            logs.mkdir()
            append(logs / PLAIN_NAME, range(20 * turn - 10, 20 * turn))
            (logs / "lr=0.1").mkdir()
            append(logs / "lr=0.1" / PLAIN_NAME, range(20 * turn, 20 * turn + 10))
            tail.come(20 * turn + 10)

        tail.check(70)

    def test_trees_that_come_and_go_beside(self, logs, follow):
        """A directory may vanish between being listed and being looked into."""
        tail = follow(logs)

        for turn in range(300):
            deep = logs / f"lr={turn}" / "seed=1"
            deep.mkdir(parents=True)
            shutil.rmtree(deep.parent)
        append(logs / PLAIN_NAME, range(10))

        tail.check(10)

    def test_hard_links_in_one_directory_and_in_another(self, logs, tmp_path, follow):
        other = tmp_path / "other"
        other.mkdir()
        tail = follow(logs, other)
        append(logs / PLAIN_NAME, range(10))

        os.link(logs / PLAIN_NAME, logs / segment(1))
        os.link(logs / PLAIN_NAME, other / PLAIN_NAME)
        append(logs / segment(1), range(10, 20))
        tail.settle()
        append(other / PLAIN_NAME, range(20, 30))
        (logs / PLAIN_NAME).unlink()
        append(other / PLAIN_NAME, range(30, 40))
        tail.settle()
        append(logs / segment(1), range(40, 50))

        tail.check(50)

    def test_a_directory_that_may_not_be_read_for_a_while(self, logs, follow, bound):
        tail = follow(logs, wrapper=bound)
        append(logs / PLAIN_NAME, range(10))
        tail.come(10)

        logs.chmod(0)
        tail.settle()
        logs.chmod(0o700)
        append(logs / segment(1), range(10, 20))
        append(logs / PLAIN_NAME, range(20, 30))

        tail.check(30)


class TestTroubles:
    def test_a_file_that_is_emptied_and_never_grows(self, logs, follow):
        append(logs / segment(1), [1000])
        tail = follow(logs)
        append(logs / segment(1), range(10))
        tail.come(10)

        os.truncate(logs / segment(1), 0)
        tail.settle()
        append(logs / PLAIN_NAME, range(10, 20))

        tail.check(20)

    def test_a_file_that_may_not_be_read_for_a_while(self, logs, follow, bound):
        tail = follow(logs, wrapper=bound)

        hidden = logs / segment(1)
        hidden.touch(0)
        append(hidden, range(10))
        tail.until(lambda: "Permission denied" in "".join(tail.lines("err")))
        append(logs / PLAIN_NAME, range(10, 20))
        tail.come(10)
        hidden.chmod(0o600)
        tail.come(20)
        hidden.chmod(0)
        append(hidden, range(20, 30))

        tail.check(30)

    def test_a_clock_set_back(self, logs, follow):
        tail = follow(logs)
        path = logs / PLAIN_NAME

        for turn in range(5):
            append(path, [2 * turn])
            tail.come(2 * turn + 1)
            past = 1_700_000_000 - turn
            with path.open("a") as writer:
                writer.write(line(2 * turn + 1, timestamp=f"2026-11-2{2 - turn % 3}T08:00:00Z"))
            os.utime(path, (past, past))

        tail.check(10)

    def test_suspended_and_continued(self, logs, follow):
        tail = follow(logs)
        append(logs / PLAIN_NAME, range(10))
        tail.come(10)

        suspend(tail.process)
        append(logs / PLAIN_NAME, range(10, 20))
        for turn in range(3):
            (logs / PLAIN_NAME).rename(logs / closed_name(FIRST, turn))
            append(logs / PLAIN_NAME, range(20 + 10 * turn, 30 + 10 * turn))
        append(logs / segment(7), range(50, 60))
        tail.process.send_signal(signal.SIGCONT)

        tail.check(60)

    def test_a_logger_that_rotates_and_compresses(self, tmp_path, logs, follow):
        tail = follow(logs)
        settings = {"rotate_bytes": 20_000, "compression": "gzip", "flush_every": 37}
        body = "for number in range(20_000):\n    logger.log('n', number)"

        ended = run(tmp_path, program(body, **settings))

        assert (ended.returncode, ended.stderr) == (0, "")
        assert len([*logs.glob("*.gz")]) > 50
        tail.check(20_000)

    def test_segments_that_are_compacted(self, tmp_path, logs, follow):
        with gzip.open(logs / closed_name(FIRST, 0, ".jsonl.gz"), "wt") as packed:
            packed.write(lines(range(2000, 2010)))
        tail = follow(logs)
        append(logs / closed_name(FIRST, 1), range(10))
        append(logs / segment(7), range(10, 20))
        tail.come(20)

        for path in logs.iterdir():
            os.utime(path, (0, 0))  # So long ago that its session must have ended.
        compacted = subprocess.run(
            [sys.executable, "-m", "micrometric_cli", "compact", logs], env=environment()
        )
        append(logs / segment(8), range(20, 30))

        assert compacted.returncode == 0
        assert len([*logs.glob("*.parquet")]) == 4
        tail.check(30)


class TestPipes:
    def test_a_named_pipe(self, tmp_path, options):
        fifo = tmp_path / "pipe"
        os.mkfifo(fifo)
        with Tail(fifo, "-f", "json", *options) as tail:
            check_pipe(tail, open_fifo(fifo))

    def test_a_named_pipe_as_standard_input(self, tmp_path, options):
        fifo = tmp_path / "pipe"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        writer = open_fifo(fifo)
        os.set_blocking(reader, True)
        with Tail("-", "-f", "json", *options, stdin=reader) as tail:
            os.close(reader)
            check_pipe(tail, writer)


def check_pipe(tail: Tail, writer: int) -> None:
    with open(writer, "w") as pipe:
        pipe.write(lines(range(3)) + line(3)[:20])
        pipe.flush()
        tail.wait("out", 3)
        pipe.write(line(3)[20:] + "rubbish\n" + lines(range(4, 2000)))

    assert tail.process.wait(DEADLINE) == 0
    values = [json.loads(text)["value"] for text in tail.wait("out", 2000)]
    assert values == [*range(2000)]
    assert "Traceback" not in "".join(tail.lines("err"))


class TestEnd:
    @pytest.mark.parametrize(
        ("number", "codes"),
        [(signal.SIGINT, {130}), (signal.SIGTERM, {-signal.SIGTERM, 128 + signal.SIGTERM})],
        ids=["SIGINT", "SIGTERM"],
    )
    def test_a_signal_ends_it_at_once_and_quietly(self, logs, follow, number, codes):
        tail = follow(logs)
        append(logs / PLAIN_NAME, range(10))
        tail.come(10)
        start = time.monotonic()

        code, said = tail.end(number)

        assert code in codes
        assert said == []
        assert time.monotonic() - start < 2

    def test_it_ends_when_nobody_reads_any_more(self, logs, options):
        command = [sys.executable, "-m", "micrometric_cli", "tail", str(logs), "-f", "json"]
        with subprocess.Popen(
            [*command, *options],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()

            process.stdout.close()

            assert process.wait(DEADLINE) == 0
            assert process.stderr is not None
            assert process.stderr.read() == b""
