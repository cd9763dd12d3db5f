from __future__ import annotations

import gc
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from micrometric import Report, compare, export, iter_events, make_report, plot, summarize
from micrometric.absence import why_empty
from micrometric.errors import NoDataError, PathError, SettingError
from micrometric.finder import find
from micrometric.listing import list_metrics
from micrometric.opening import open_found
from micrometric.spool import STDIN, Spool, held, is_pipe, run_of_pipe

LINES = b"".join(
    b'{"timestamp":"2026-11-23T08:29:37.581670Z","metric":"density","value":%d,'
    b'"metadata":{"layer_idx":%d},"location":"a.b"}\n' % (number, number % 2)
    for number in range(4)
)


@pytest.fixture(params=["standard input", "FIFO", "descriptor"])
def piped(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[bytes], Path]]:
    """Return what makes a pipe from which some bytes come, once."""
    writers: list[threading.Thread] = []
    descriptors: list[int] = []

    def make(content: bytes) -> Path:
        if request.param == "standard input":
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
            return STDIN
        if request.param == "descriptor":  # As a shell gives <(…).
            read, write = os.pipe()
            os.write(write, content)
            os.close(write)
            descriptors.append(read)
            return Path(f"/dev/fd/{read}")
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writers.append(threading.Thread(target=path.write_bytes, args=[content]))
        writers[0].start()
        return path

    yield make
    for writer in writers:
        writer.join()
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_pipe_is_told_from_a_file(piped, tmp_path):
    path = tmp_path / "file"
    path.touch()

    pipe = piped(b"")

    assert is_pipe(pipe)
    assert not is_pipe(path)
    Spool.of(pipe).whole()  # So that its writer ends.


def test_what_cannot_be_looked_at_is_no_pipe():
    assert not is_pipe(Path("x" * 5000))


def test_the_run_of_a_pipe_is_its_directory_where_it_has_one(tmp_path):
    assert run_of_pipe(tmp_path / "pipe") == tmp_path.name
    assert run_of_pipe(STDIN) == run_of_pipe(Path("/dev/fd/63")) == "-"


def test_it_is_read_again_and_again(piped):
    spool = Spool.of(piped(LINES))

    assert spool.open().read(10) == LINES[:10]
    assert spool.open().read() == LINES
    assert spool.open().readlines() == LINES.splitlines(keepends=True)
    assert spool.whole().read_bytes() == LINES


def test_who_holds_it_shares_it_and_with_the_last_its_file_goes(piped):
    path = piped(LINES)
    spool = Spool.of(path)

    assert Spool.of(path) is spool is Spool.known(path)
    kept = spool.whole()
    del spool
    gc.collect()

    assert not kept.exists()
    assert Spool.known(path) is None


def test_events_are_read_as_they_come_and_not_kept(piped):
    path = piped(LINES)
    (segment,) = find(path, again=False).segments

    assert segment.spool is None
    with open_found(segment) as file:
        assert file.read() == LINES


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
def test_a_summary_of_a_pipe_is_that_of_a_file(piped, tmp_path, engine):
    content = b"none\n" + LINES + LINES[:20]
    file = tmp_path / "file.jsonl"
    file.write_bytes(content)
    told = summarize(file, "layer_idx", engine=engine, totals=True)

    summary = summarize(path := piped(content), "layer_idx", engine=engine, totals=True)

    assert summary.rows == told.rows
    assert summary.totals == told.totals
    assert summary.report.skipped == told.report.skipped == 1
    assert str(summary.report.examples[0]) == f"{path}:1: not JSON"
    assert summary.report.unfinished == [path]


def test_a_key_that_is_not_there_has_its_nearest_named(piped):
    with pytest.raises(NoDataError, match="did you mean 'layer_idx'"):
        summarize(piped(LINES), "layer")


def test_every_question_is_answered(piped, tmp_path):
    path = piped(LINES)
    file = tmp_path / "file.jsonl"
    file.write_bytes(LINES)

    with held(path):
        assert len([*iter_events(path)]) == 4
        assert [listed.seen.events for listed in list_metrics(path).metrics] == [4]
        (row,) = compare(path, file, by=(), stats="mean").rows
        assert (row.before, row.after) == (1.5, 1.5)
        assert export(path, tmp_path / "out.csv").events == 4
        picture = plot(path, kind="ecdf")
        assert picture.panels
        told = make_report(path)
        assert told.summary.rows[0]["count"] == 4
        assert told.check.events == 4
        assert why_empty(path, metrics="dens") == (
            "no event is of metric 'dens'; did you mean 'density'?"
        )


def test_why_nothing_came_is_not_asked_of_a_pipe_that_is_over(piped):
    path = piped(LINES)

    assert [*iter_events(path, metrics="other")] == []
    name = "standard input" if path == STDIN else repr(str(path))
    assert why_empty(path, metrics="other") == f"no event in {name} passes the filters"


def test_a_pipe_that_cannot_be_read_is_one_clear_error(monkeypatch):
    class Broken(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    def stdin() -> Any:
        return io.TextIOWrapper(Broken())

    for engine in ("duckdb", "pandas"):
        monkeypatch.setattr(sys, "stdin", stdin())
        with pytest.raises(PathError, match=r"^cannot read '-': Input/output error$"):
            summarize("-", engine=engine)


def test_spark_takes_no_pipes(piped, monkeypatch):
    path = piped(b"")
    monkeypatch.setattr("micrometric.query.check_engine", lambda *_: None)

    with pytest.raises(SettingError, match="'spark' reads files and URLs, not standard input"):
        summarize(path, engine="spark")
    Spool.of(path).whole()  # So that its writer ends.


def test_a_fifo_in_a_directory_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "micro_metrics.jsonl")
    (tmp_path / "micro_metrics.20261123T080000000000Z-host-4711.jsonl").write_bytes(LINES)
    report = Report()

    assert len([*iter_events(tmp_path, report=report)]) == 4
    assert report.sentences() == []
