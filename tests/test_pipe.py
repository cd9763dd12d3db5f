"""Events from a pipe: as they come, to its end."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from micrometric.filters import Filter
from micrometric.intake import Intake
from micrometric.pace import Pace
from micrometric.pipe import piped_batches
from micrometric.report import Report, Skipped
from tests.tailing import lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "runs" / "pipe"
    path.parent.mkdir()
    os.mkfifo(path)
    return path


@pytest.fixture
def write(path: Path) -> Iterator[int]:
    """An end to write to, held open as by a program that pauses."""
    end = os.open(path, os.O_RDWR)
    yield end
    os.close(end)


def batches(path: Path, *, raw: bool = False, pulse: float = 0.001, idle_exit: float | None = None):
    intake = Intake(Filter.read(), None, Report(), raw=raw)
    return piped_batches(path, intake, Pace(pulse, idle_exit, None, None))


def next_values(coming) -> list[object]:
    """Wait for the next batch that is not empty."""
    return [event.value for event in next(filter(None, coming))]


def test_lines_come_when_their_end_is_there(path, write):
    coming = batches(path)
    assert next(coming) == []
    assert next(coming) == []
    text = lines([1, 2, 3]).encode()

    os.write(write, text[:-5])
    (first, second) = next(filter(None, coming))
    assert next(coming) == []
    os.write(write, text[-5:])

    assert (first.value, second.value, first.run) == (1, 2, "runs")
    assert next_values(coming) == [3]
    assert next(coming) == []


def test_a_pipe_tells_what_has_no_end_when_it_ends(path):
    write = os.open(path, os.O_RDWR)
    coming = batches(path)
    next(coming)
    os.write(write, lines([1, 2]).encode()[:-1])

    assert next_values(coming) == [1]
    os.close(write)

    assert next_values(coming) == [2]
    assert [*coming] == []


def test_a_line_beyond_the_limit_is_given_up_before_its_end_is_there(path, write, monkeypatch):
    for reader in ("lines", "intake"):
        monkeypatch.setattr(f"micrometric.{reader}.LINE_LIMIT", 1000)
    report = Report()
    coming = piped_batches(path, Intake(Filter.read(), None, report), Pace(0.001, None, None, None))
    next(coming)

    os.write(write, b"x" * 1001)
    assert [next(coming) for _ in range(3)] == [[]] * 3
    assert [skipped.kind for skipped in report.examples] == ["length"]
    os.write(write, b"x" * 5000 + b"\n" + lines([1]).encode())

    assert next_values(coming) == [1]
    assert report.skipped == 1


def test_lines_may_pass_as_they_are(path, write):
    coming = batches(path, raw=True)
    next(coming)

    os.write(write, lines([1]).encode())

    assert next(filter(None, coming)) == lines([1]).encode()[:-2] + b',"run":"runs"}\n'


def test_it_ends_when_it_is_closed(path, write):
    pace = Pace(0.001, None, None, None)
    coming = piped_batches(path, Intake(Filter.read(), None, Report()), pace)
    assert next(coming) == []

    pace.is_closed = True

    assert [*coming] == []


def test_what_is_no_event_is_told_with_the_pipe(path, write):
    report = Report()
    coming = piped_batches(path, Intake(Filter.read(), None, report), Pace(0.001, None, None, None))
    next(coming)

    os.write(write, b"rubbish\n")
    os.write(write, lines([1]).encode())

    assert next_values(coming) == [1]
    assert report.examples == [Skipped(path, 1, "not JSON", "json")]


def test_what_is_there_comes_although_nothing_is_waited_for(path, write):
    os.write(write, lines([1]).encode())
    coming = batches(path, idle_exit=0.0)

    assert [event.value for event in next(coming)] == [1]
    assert [*coming] == [[]]


def test_it_ends_when_nothing_came_for_so_long(path, write):
    coming = batches(path, idle_exit=0.2)
    next(coming)
    os.write(write, lines([1]).encode())
    assert next_values(coming) == [1]
    start = time.monotonic()

    assert not any(coming)
    assert time.monotonic() - start > 0.1


def test_it_waits_until_something_comes_or_is_due(path, write):
    coming = batches(path, pulse=0.1)
    next(coming)
    start = time.monotonic()

    assert next(coming) == []
    assert time.monotonic() - start >= 0.1


@pytest.mark.usefixtures("many_files")
def test_any_number_of_files_may_be_open(path):
    write = os.open(path, os.O_RDWR)
    coming = batches(path)
    assert next(coming) == []

    os.write(write, lines([1]).encode())

    assert next_values(coming) == [1]
    os.close(write)


def test_it_may_wait_for_as_long_as_one_likes(path, write):
    coming = batches(path, pulse=1e9, idle_exit=1e10)
    assert next(coming) == []
    os.write(write, lines([1]).encode())

    assert next_values(coming) == [1]
