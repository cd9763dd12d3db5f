"""`micrometric check`: what it prints, and its exit codes."""

import json
import os
from pathlib import Path

import pytest

from micrometric.segment import PLAIN_NAME, closed_name
from tests.cli.conftest import SAMPLES, SESSION, block, event


@pytest.fixture
def damaged(run: Path) -> Path:
    """A run with four damaged lines."""
    path = run / closed_name(SESSION, 0)
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:-1] + lines[2]
    lines[3] = lines[3][:30] + "\n"
    path.write_text("".join([*lines, "\x1b[31mred\n", event(9, "density", "much") + "\n"]))
    return run


def test_sound_logs_have_nothing_to_tell(cli):
    ended = cli("check", SAMPLES)

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == ("micrometric: no defects in 4 files, 1 session (1 ended), 2,600 events\n")


def test_a_summary_by_kind_then_each_defect(cli, damaged):
    ended = cli("check", damaged.name, columns=100)

    assert ended.code == 1
    kinds, defects = ended.out.split("\n\n")
    assert [line.split()[:3] for line in kinds.splitlines()[2:]] == [
        ["dtype", "1", "1"], ["json", "1", "1"], ["merged", "1", "1"], ["torn", "1", "1"],
    ]  # fmt: skip
    assert [line.split()[0] for line in defects.splitlines()[2:]] == [
        "merged", "torn", "json", "dtype",
    ]  # fmt: skip
    assert ended.err.endswith("micrometric: 4 defects in 1 file, 1 session (1 ended), 5 events\n")


def test_machines_get_each_defect_with_its_place(cli, damaged):
    ended = cli("check", damaged.name, "--format", "json")

    rows = [json.loads(line) for line in ended.out.splitlines()]
    text = (damaged / closed_name(SESSION, 0)).read_bytes()
    assert [(row["kind"], row["line"]) for row in rows] == [
        ("merged", 2), ("torn", 4), ("json", 7), ("dtype", 8),
    ]  # fmt: skip
    for row in rows:
        assert text[: row["byte"]].count(b"\n") == row["line"] - 1
        assert text[row["byte"] - 1 :].startswith(b"\n")
        assert row["finding"] is True
        assert row["what to do"]
    assert rows[2]["excerpt"] == r"\x1b[31mred"
    assert "\x1b" not in ended.out + ended.err


def test_few_defects_are_shown_and_the_others_counted(cli, damaged):
    ended = cli("check", damaged.name, "--limit", 1)

    assert len(ended.out.split("\n\n")[1].splitlines()) == 3
    assert "micrometric: 3 more are not shown; --limit shows more" in ended.err

    only_kinds = cli("check", damaged.name, "--limit", 0)
    assert "\n\n" not in only_kinds.out
    assert only_kinds.code == 1


def test_standard_input_is_checked(cli, monkeypatch, tmp_path):
    (tmp_path / "lines").write_text(event(0, "density", 1) + "\nrubbish\n")
    with (tmp_path / "lines").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        ended = cli("check", "-", "--format", "csv")

    assert ended.code == 1
    assert ended.out.splitlines()[1].startswith("json,-,2,")


def test_no_such_path_is_wrong_use(cli):
    ended = cli("check", "nowhere")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "micrometric: no such path: 'nowhere'\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_exit_2(cli, run):
    (run / closed_name(SESSION, 0)).chmod(0)

    assert cli("check", run.name).code == 2


def test_what_is_no_defect_is_shown_and_exits_0(cli, run):
    (run / f".{PLAIN_NAME}.7.tmp").touch()

    ended = cli("check", run.name)

    assert ended.code == 0
    assert "leftover" in ended.out
    assert ended.err == (
        "micrometric: leftover: delete it; nothing reads it\n"
        "micrometric: no defects in 1 file, 1 session (1 ended), 6 events\n"
    )


def test_help_says_what_the_exit_codes_mean(cli):
    assert (
        block(
            """
        Find every defect: broken lines, files, manifests, losses.
        """
        ).strip()
        in cli("check", "--help").out
    )
