"""The tutorial is true: walked through in a fresh folder, it prints what it shows."""

import re
from pathlib import Path

from tests.terminal import in_terminal
from tests.test_drawing import texts
from tests.test_readme import commands

PAGE = Path("docs/tutorial.md").read_text()
BLOCKS = re.findall(r"(?:<!-- (.*?) -->\n)?```(\w+)\n(.*?)```", PAGE, re.DOTALL)
TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3,6}Z")


def test_the_walk_through_works_in_a_fresh_folder(tmp_path: Path) -> None:
    ran = 0
    for note, language, text in BLOCKS:
        if language == "python":
            (tmp_path / note.removeprefix("file: ")).write_text(text)
        elif language == "console":
            for command, shown in commands(text):
                printed = in_terminal(command, columns=100, cwd=tmp_path)
                assert TIME.sub("TIME", printed) == TIME.sub("TIME", shown)
                ran += 1

    assert ran >= 13
    kept = Path("docs/tutorial_pictures/pareto.svg").read_text()
    assert texts((tmp_path / "pareto.svg").read_text()) == texts(kept)


def test_only_the_installation_is_not_run() -> None:
    unrun = [text for _, language, text in BLOCKS if language not in ("python", "console")]

    assert len(unrun) == 1
    assert "pip install" in unrun[0]
