"""`--strict`: every reading command ends with 1 where lines were skipped, after its work."""

import os
from pathlib import Path

import pytest

from micrometric.segment import closed_name
from tests.cli.conftest import SESSION

COMMANDS = [
    ("summarize", "logs"),
    ("summarize", "logs", "--pivot", "layer_idx", "-g", "layer_idx,location", "--engine", "pandas"),
    ("compare", "logs", "--by", "layer_idx"),
    ("list", "logs"),
    ("files", "logs"),
    ("tail", "logs", "--no-follow", "--from-start"),
    ("tail", "logs", "--no-follow", "--from-start", "--format", "json"),
    ("tail", "logs", "--no-follow", "--summary"),
    ("tail", "logs", "--idle-exit", "0", "--from-start"),
    ("summarize", "logs", "--watch", "--until", "2026-11-23T08:01:00Z"),
    ("plot", "logs", "-m", "density"),
    ("export", "logs", "-o", "out.csv", "--force"),
    ("report", "logs", "-o", "out.html", "--force"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_skipped_lines_end_a_strict_command_with_1(cli, run: Path, command):
    sound = cli(*command, "--strict")
    assert sound.code == 0

    path = run / closed_name(SESSION, 0)
    path.write_text(path.read_text() + "rubbish\nrubbish\n")
    strict, lenient = cli(*command, "--strict"), cli(*command)

    assert (strict.code, lenient.code) == (1, 0)
    if not {"--summary", "--watch"} & {*command}:  # These begin with the time it is.
        assert strict.out == lenient.out
    assert strict.err == lenient.err + (
        "micrometric: --strict: 2 lines were skipped; `micrometric check` tells each\n"
    )


def test_a_last_line_without_an_end_is_no_defect_to_a_strict_reader(cli, run):
    path = run / closed_name(SESSION, 0)
    path.write_text(path.read_text() + '{"half')

    assert cli("summarize", "logs", "--strict").code == 0


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_directory_that_cannot_be_read_ends_a_strict_command_with_1(
    cli, run: Path, monkeypatch, command
):
    (run / "private").mkdir()
    scandir = os.scandir

    def refused(directory: object):
        if Path(str(directory)).name == "private":
            raise PermissionError(13, "Permission denied")
        return scandir(directory)

    monkeypatch.setattr("micrometric.search.os.scandir", refused)
    strict, lenient = cli(*command, "--strict"), cli(*command)

    assert (strict.code, lenient.code) == (1, 0)
    assert "cannot read 'logs/private': Permission denied; what is in it is left out" in lenient.err
    assert strict.err.endswith(
        "micrometric: --strict: 1 directory could not be read; `micrometric check` tells each\n"
    )


def test_what_is_worse_counts(cli, run):
    path = run / closed_name(SESSION, 0)
    path.write_text(path.read_text() + "rubbish\n")

    assert cli("summarize", "logs", "--strict", "--where", "1 +").code == 2
