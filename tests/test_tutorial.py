"""The tutorial is true: walked through in a fresh folder, it prints what it shows."""

from pathlib import Path

from tests.pages import blocks, walk
from tests.test_drawing import texts

PAGE = Path("docs/tutorial.md")


def test_the_walk_through_works_in_a_fresh_folder(tmp_path: Path) -> None:
    ran = 0
    for command, shown, printed in walk(PAGE, tmp_path):
        assert printed == shown, command
        ran += 1

    assert ran >= 13
    kept = Path("docs/tutorial_pictures/pareto.svg").read_text()
    assert texts((tmp_path / "pareto.svg").read_text()) == texts(kept)


def test_only_the_installation_is_not_run() -> None:
    (unrun,) = [block for block in blocks(PAGE) if block.note.startswith("not run: ")]

    assert "pip install" in unrun.text
