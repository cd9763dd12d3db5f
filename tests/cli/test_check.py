"""`micrometric check`: what it prints, and its exit codes."""

import json
import os
from pathlib import Path

import pytest

from micrometric.manifest import Accounting, Counts, Manifest, write_manifest
from micrometric.segment import PLAIN_NAME, closed_name, manifest_name
from tests.cli.conftest import SAMPLES, SESSION, block, event, facts


@pytest.fixture
def damaged(run: Path) -> Path:
    """A run with four damaged lines."""
    path = run / closed_name(SESSION, 0)
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:-1] + lines[2]
    lines[3] = lines[3][:30] + "\n"
    path.write_text("".join([*lines, "\x1b[31mred\n", event(9, "density", "much") + "\n"]))
    return run


def of_session(directory: Path, number: int, *, there: int, counts: Counts, **changes: object):
    """Write the manifest of a session and a segment with some of its events."""
    session = f"20261123T090000000000Z-r{number}-{number}"
    directory.mkdir(exist_ok=True)
    lines = [event(n, "density", n, metadata={"rank": number}) for n in range(there)]
    (directory / closed_name(session, 0)).write_text("".join(f"{line}\n" for line in lines))
    told = facts(**({"id": session, "rank": number} | changes))
    write_manifest(directory / manifest_name(session), Manifest({}, told, Accounting(counts)))
    return session


@pytest.fixture
def ranks(tmp_path: Path) -> Path:
    """A run of three ranks: one that is sound, one that was killed, and one that lacks events."""
    directory = tmp_path / "ranks"
    of_session(directory, 0, there=4, counts=Counts(logged=9, written=4, sampled_out=5))
    killed = Counts(logged=5, written=3, pending=2)
    of_session(directory, 1, there=3, counts=killed, end=None, heartbeat_interval=1.0)
    of_session(directory, 2, there=1, counts=Counts(logged=4, written=4))
    return directory


def test_of_sound_logs_the_sessions_are_told(cli):
    ended = cli("check", SAMPLES)

    assert ended.code == 0
    assert ended.out == block(
        """
        session                         state  logged  in_files
        ───────────────────────────────────────────────────────
        20261123T151721997835Z-vm-8462  ended     800       800
        """
    )
    assert ended.err == ("micrometric: no defects in 4 files, 1 session (1 ended), 2,600 events\n")


def test_a_summary_by_kind_then_each_defect(cli, damaged):
    ended = cli("check", damaged.name, columns=100)

    assert ended.code == 1
    kinds, defects, _ = ended.out.split("\n\n")
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
    assert len(only_kinds.out.split("\n\n")) == 2
    assert only_kinds.code == 1


def test_what_became_of_each_session_and_its_events_is_told(cli, ranks):
    ended = cli("check", ranks.name, columns=120)

    assert ended.code == 1
    assert ended.out.split("\n\n")[-1] == block(
        """
        session                      rank  state   logged  sampled_out  pending  in_files  missing
        ──────────────────────────────────────────────────────────────────────────────────────────
        20261123T090000000000Z-r0-0     0  ended        9            5        0         4        0
        20261123T090000000000Z-r1-1     1  killed       5            0        2         3        0
        20261123T090000000000Z-r2-2     2  ended        4            0        0         1        3
        """
    )


def test_on_a_narrow_terminal_it_stays_which_session_lacks_events(cli, ranks):
    ended = cli("check", ranks.name, "--sessions", columns=40)

    assert ended.out == block(
        """
        session                  state   missing
        ────────────────────────────────────────
        2026112…000000000Z-r0-0  ended         0
        2026112…000000000Z-r1-1  killed        0
        2026112…000000000Z-r2-2  ended         3
        """
    )


def test_of_many_sessions_those_in_need_come_first_and_the_others_are_counted(cli, tmp_path):
    for number in range(30):
        there = 1 if number == 27 else 2
        of_session(tmp_path / "logs", number, there=there, counts=Counts(logged=2, written=2))

    ended = cli("check", "logs")
    rows = ended.out.split("\n\n")[-1].splitlines()[2:]

    assert len(rows) == 20
    assert [row.split()[1] for row in rows[:3]] == ["27", "0", "1"]
    assert "micrometric: 20 of 30 sessions shown; --sessions shows all\n" in ended.err
    assert len(cli("check", "logs", "--sessions").out.splitlines()) == 32


def test_machines_get_each_session_with_its_account(cli, ranks):
    ended = cli("check", ranks.name, "--sessions", "--format", "json")

    assert ended.code == 1
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert rows[1] == {
        "run": "ranks",
        "session": "20261123T090000000000Z-r1-1",
        "rank": 1,
        "launch": "morning",
        "state": "killed",
        "logged": 5,
        "sampled_out": 0,
        "capped": 0,
        "failed": 0,
        "pending": 2,
        "deleted": 0,
        "in_files": 3,
        "missing": 0,
        "written": 3,
        "host": "host",
        "pid": 4711,
        "start": "2026-11-23T08:00:00.000000Z",
        "heartbeat": "2026-11-23T08:00:00.000000Z",
        "end": None,
        "manifest": f"ranks/{manifest_name('20261123T090000000000Z-r1-1')}",
    }
    assert [row["missing"] for row in rows] == [0, 0, 3]


def test_a_session_without_account_has_no_counts(cli, run):
    row = json.loads(cli("check", run.name, "--sessions", "-f", "json").out)

    assert (row["state"], row["in_files"]) == ("ended", 6)
    assert row["logged"] is row["missing"] is None


def test_sessions_are_not_limited(cli, run):
    ended = cli("check", run.name, "--sessions", "--limit", 3)

    assert ended.err == "micrometric: --limit and --sessions exclude each other\n"


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
