"""The pages of `docs/`: what is generated is up to date, and what links, links to something."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from micrometric_cli.app import app

DOCS = Path("docs")
PAGES = sorted(DOCS.rglob("*.md"))


def test_the_command_reference_is_up_to_date(tmp_path: Path) -> None:
    made = tmp_path / "commands.md"

    subprocess.run([sys.executable, DOCS / "make_commands.py", made], check=True)

    assert made.read_text() == (DOCS / "commands.md").read_text(), "python docs/make_commands.py"


def test_the_command_reference_names_every_option_that_help_names() -> None:
    def helped(*command: str) -> str:
        return CliRunner().invoke(app, [*command, "--help"]).output

    reference = (DOCS / "commands.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", reference, re.DOTALL | re.MULTILINE))

    assert [*sections] == re.findall(r"^  (\w+)  +.*\.$", helped(), re.MULTILINE)
    for name, section in sections.items():
        options = helped(name).split("Options:")[1]
        listed = re.findall(r"^  (-.*?)(?:  |$| <| [A-Z])", options, re.MULTILINE)
        assert listed.pop() == "-h, --help"
        rows = re.findall(r"^\| `(-[^`]*)`", section, re.MULTILINE)
        assert _options(rows) == _options(listed)


def _options(texts: list[str]) -> set[str]:
    return {option for text in texts for option in re.findall(r"(?<![\w|])--?[\w-]+", text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_between_pages_lead_to_something(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
