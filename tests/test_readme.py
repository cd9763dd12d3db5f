"""The README is true: its programs run, and its commands print what it shows."""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import COLUMNS, blocks, commands
from tests.terminal import in_terminal

README = Path("README.md").read_text()
BLOCKS = blocks(Path("README.md"))
PROGRAMS = {
    block.note.removeprefix("file: "): block.text
    for block in BLOCKS
    if block.note.startswith("file: ")
}
SESSIONS = [block.text for block in BLOCKS if block.language == "console"]


@pytest.mark.parametrize("session", SESSIONS, ids=lambda text: text.splitlines()[0][2:50])
def test_commands_print_what_the_readme_shows(session: str, tmp_path: Path) -> None:
    for name, program in PROGRAMS.items():
        (tmp_path / name).write_text(program)
    for name in ("sample_logs", "examples", "pyproject.toml"):
        (tmp_path / name).symlink_to(Path(name).resolve())

    for command, shown in commands(session):
        assert in_terminal(command, columns=COLUMNS, cwd=tmp_path) == shown


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_run(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(PROGRAMS[name])

    subprocess.run([sys.executable, name], cwd=tmp_path, check=True, capture_output=True)

    assert (tmp_path / "logs" / "micro_metrics.jsonl").read_text().count("\n") in (2, 3)


def test_transcripts_are_what_python_says() -> None:
    failed, tried = doctest.testfile(str(Path("README.md").resolve()), module_relative=False)

    assert failed == 0
    assert tried >= 6


def test_the_event_line_is_one(tmp_path: Path) -> None:
    from micrometric.event import decode_line, encode_event

    (line,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)

    assert encode_event(decode_line(line.encode())) == line.encode()


def test_the_settings_are_those_there_are() -> None:
    from micrometric.settings import PREFIX, Settings, environment_settings

    rows = re.findall(rf"^\| `(\w+)(?:=\S+)?` \|.*\| `{PREFIX}([A-Z_]+)` \|$", README, re.MULTILINE)
    variables = {variable for _, variable in rows}

    known = environment_settings({PREFIX + name: "1" for name in variables})
    assert {name.upper() for name in known} == variables
    assert {name for name, _ in rows} == {*Settings.__slots__, "metrics_to_log"}


def test_ci_calls_the_test_command_of_the_readme() -> None:
    script = Path(".ci/run").read_text()
    (wanted,) = re.findall(r"<!-- test -->\n```sh\n(.*?)\n```", README, re.DOTALL)
    extract = re.search(r"test_command=\$\((.*)\)\n", script)
    assert extract is not None

    told = subprocess.run(["bash", "-c", extract[1]], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == wanted
    assert shutil.which("bash")
    assert os.access(".ci/run", os.X_OK)
