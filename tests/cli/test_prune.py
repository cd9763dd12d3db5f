"""`micrometric prune`: what it says will go, what goes, and its exit codes."""

import json
import os
from pathlib import Path

import pytest

from micrometric.segment import closed_name, manifest_name
from tests.cli.conftest import SESSION


@pytest.fixture
def old(run: Path) -> Path:
    os.utime(run / closed_name(SESSION, 0), (1e9, 1e9))
    return run


def test_without_yes_it_is_only_told(cli, old):
    ended = cli("prune", "logs", "--older-than", "30d")

    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()[2:]] == ["logs", "-"]
    assert ended.err == (
        "micrometric: a dry run: nothing was deleted; --yes deletes 1 segment, 879 B\n"
    )
    assert len([*old.iterdir()]) == 2


def test_with_yes_it_goes_and_machines_are_told(cli, old):
    size = (old / closed_name(SESSION, 0)).stat().st_size

    ended = cli("prune", "logs", "--older-than", "30d", "--yes", "--format", "json")

    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [(row["file"], row["size"]) for row in rows] == [
        (f"logs/{closed_name(SESSION, 0)}", size),
        (f"logs/{manifest_name(SESSION)}", None),
    ]
    assert ended.err == "micrometric: deleted 1 segment, 879 B\n"
    assert [*old.iterdir()] == []


def test_a_manifest_that_cannot_be_used_is_told(cli, old):
    path = Path("logs") / manifest_name(SESSION)
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))

    ended = cli("prune", "logs", "--run", "*", "--yes")

    first, second, third = ended.err.splitlines()
    assert "has version 2, this micrometric reads up to 1" in first
    assert second.startswith(f"micrometric: left alone: logs/{closed_name(SESSION, 0)}: manifest ")
    assert third == "micrometric: nothing to prune"
    assert len([*old.iterdir()]) == 2


def test_nothing_that_may_go_is_said(cli, old):
    ended = cli("prune", "logs", "--keep-runs", 1, "--yes")

    assert (ended.code, ended.out) == (0, "")
    assert ended.err == "micrometric: nothing to prune\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("logs",), "nothing says what may go"),
        (("logs", "--max-size", "lots"), "--max-size 'lots' is no size"),
        (("logs", "--older-than", "old"), "--older-than 'old' is no time"),
        (("nowhere", "--keep-runs", "1"), "no such path"),
        (("-", "--keep-runs", "1"), "on this machine"),
        ((), "missing argument"),
    ],
)
def test_wrong_use_is_told(cli, old, arguments, said):
    ended = cli("prune", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len([*old.iterdir()]) == 2
