"""`micrometric repair`: what it prints, and its exit codes."""

import json
from pathlib import Path

import pytest

from micrometric.segment import closed_name
from tests.cli.conftest import SESSION


@pytest.fixture
def damaged(run: Path) -> Path:
    path = run / closed_name(SESSION, 0)
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:-1] + lines[2]
    lines[3] = lines[3][:30] + "\n"
    del lines[2]
    path.write_text("".join(lines))
    return run


def test_the_table_adds_up_to_the_byte(cli, damaged):
    size = (damaged / closed_name(SESSION, 0)).stat().st_size

    ended = cli("repair", "logs", "-o", "fixed", "--format", "json")

    (row,) = map(json.loads, ended.out.splitlines())
    assert ended.code == 0
    assert row["bytes"] == size == row["kept"] + row["set aside"]
    assert Path(row["became"]).stat().st_size == row["kept"] + row["added"]
    assert (row["events"], row["split"], row["rejected"], row["added"]) == (5, 1, 1, 1)
    assert ended.err == (
        "micrometric: 1 part of a line is set aside, with the reasons, in "
        f"fixed/logs/{closed_name(SESSION, 0)}.rejected\n"
        "micrometric: wrote 5 events in 1 segment to fixed\n"
    )
    assert cli("check", "fixed").code == 0


def test_people_get_a_row_for_each_segment(cli, damaged):
    ended = cli("repair", "logs", "-o", "fixed", columns=80)

    assert ended.code == 0
    assert all(len(line) <= 80 for line in ended.out.splitlines())
    assert len(ended.out.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("logs",), "missing option '--output' / '-o'"),
        (("nowhere", "-o", "fixed"), "no such path: 'nowhere'"),
        (("logs", "-o", "logs/fixed"), "is inside of"),
        (("logs", "-o", "logs"), "is there already"),
    ],
)
def test_wrong_use_is_told_in_a_line(cli, damaged, arguments, said):
    ended = cli("repair", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_segment_of_which_nothing_is_left_exits_1(cli, run):
    (run / closed_name(SESSION, 1, ".parquet")).write_bytes(b"PAR1 no PAR1")

    ended = cli("repair", "logs", "-o", "fixed")

    assert ended.code == 1
    assert "micrometric: left out: logs/" in ended.err
