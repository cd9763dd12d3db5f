"""`micrometric compact`: what it prints, and its exit codes."""

import json
import os
from pathlib import Path

import pytest

from micrometric.segment import PLAIN_NAME, closed_name
from tests.cli.conftest import block
from tests.tailing import lines

FIRST = "20261123T080000000000Z-r0-11"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    for index in range(2):
        segment = path / closed_name(FIRST, index)
        segment.write_text(lines(range(1000)))
        os.utime(segment, (0, 0))
    return path


def test_a_row_for_each_segment(cli, logs):
    ended = cli("compact", "logs", "--format", "json")

    rows = [json.loads(row) for row in ended.out.splitlines()]
    assert (ended.code, ended.err) == (0, "")
    assert [(row["segment"], row["became"], row["events"]) for row in rows] == [
        (f"logs/{closed_name(FIRST, n)}", f"logs/{closed_name(FIRST, n, '.parquet')}", 1000)
        for n in range(2)
    ]
    for row in rows:
        assert row["bytes_after"] == Path(row["became"]).stat().st_size
        assert row["ratio"] == row["bytes_before"] / row["bytes_after"] > 5


def test_a_dry_run_says_so(cli, logs):
    ended = cli("compact", "logs", "--dry-run")

    assert ended.code == 0
    assert ended.err == "micrometric: a dry run: nothing was written\n"
    assert len(ended.out.splitlines()) == 4
    assert "ratio" not in ended.out
    assert len([*logs.glob("*.jsonl")]) == 2


def test_what_is_left_alone_is_said_once_for_a_reason(cli, logs):
    for path in logs.iterdir():
        os.utime(path)

    ended = cli("compact", "logs")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == block(
        f"""
        micrometric: left alone: logs/{closed_name(FIRST, 0)} and 1 more: no manifest says that \
its session has ended, and it was written less than 10 minutes ago
        micrometric: nothing to compact
        """
    )


def test_lines_that_are_no_events_give_exit_1(cli, logs):
    path = logs / PLAIN_NAME
    path.write_text("garbage\n")
    os.utime(path, (0, 0))

    ended = cli("compact", "logs", "--format", "json")

    assert ended.code == 1
    assert len(ended.out.splitlines()) == 2
    assert ended.err == (
        f"micrometric: not compacted: logs/{PLAIN_NAME}: line 1 is no event: not JSON; Parquet "
        "holds events alone, so the segment stays as it is\n"
    )


def test_no_such_path_gives_exit_2(cli):
    ended = cli("compact", "nowhere")

    assert ended.code == 2
    assert ended.err == "micrometric: no such path: 'nowhere'\n"


def test_progress_is_on_a_terminal_alone_and_goes_at_the_end(cli, logs, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")

    ended = cli("compact", "logs", columns=120)

    assert "compacting 1 of 2" in ended.err
    assert ended.err.endswith("\r\x1b[K")


def test_a_segment_that_has_gone_is_told_like_any_other(cli, logs, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")

    def compact(paths, *, progress, **options):
        progress(logs / "gone.jsonl", 1, 1)

    monkeypatch.setattr("micrometric.compaction.compact", compact)
    ended = cli("compact", "logs", columns=120)

    assert ended.code == 0
    assert "compacting 1 of 1: gone.jsonl" in ended.err
