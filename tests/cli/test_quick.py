"""Values of the command line that are taken without pydantic, and those that are not."""

import subprocess
import sys
from enum import StrEnum
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from micrometric_cli.app import app as micrometric
from micrometric_cli.quick import QuickCommand


class Fruit(StrEnum):
    APPLE = "apple"
    PEAR = "pear"


@pytest.fixture
def told() -> list[object]:
    return []


@pytest.fixture
def app(told) -> typer.Typer:
    made = typer.Typer(pretty_exceptions_enable=False)

    @made.command(cls=QuickCommand)
    def show(
        names: Annotated[list[str] | None, typer.Argument()] = None,
        text: str = "text",
        number: Annotated[int | None, typer.Option(min=1, max=20)] = None,
        share: Annotated[float, typer.Option(min=0)] = 0.5,
        fruit: Fruit = Fruit.APPLE,
        many: Annotated[list[str] | None, typer.Option()] = None,
        flag: bool = False,
    ) -> None:
        told.append((names, text, number, share, fruit, many, flag))

    @made.callback()
    def group() -> None:
        """Hold the command."""

    return made


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], (None, "text", None, 0.5, Fruit.APPLE, None, False)),
        (["a", "b"], (["a", "b"], "text", None, 0.5, Fruit.APPLE, None, False)),
        (["--text", "5"], (None, "5", None, 0.5, Fruit.APPLE, None, False)),
        (["--number", "20"], (None, "text", 20, 0.5, Fruit.APPLE, None, False)),
        (["--number", " 7 "], (None, "text", 7, 0.5, Fruit.APPLE, None, False)),
        (["--share", "3"], (None, "text", None, 3.0, Fruit.APPLE, None, False)),
        (["--share", "0.25"], (None, "text", None, 0.25, Fruit.APPLE, None, False)),
        (["--share", "1e-3"], (None, "text", None, 1e-3, Fruit.APPLE, None, False)),
        (["--fruit", "pear"], (None, "text", None, 0.5, Fruit.PEAR, None, False)),
        (["--many", "x", "--many", "y"], (None, "text", None, 0.5, Fruit.APPLE, ["x", "y"], False)),
        (["--flag"], (None, "text", None, 0.5, Fruit.APPLE, None, True)),
    ],
    ids=str,
)
def test_values_are_those_that_typer_takes(app, told, words, expected) -> None:
    result = CliRunner().invoke(app, ["show", *words])

    assert (result.exit_code, result.output) == (0, "")
    assert told == [expected]
    assert [type(one) for one in told[0]] == [type(one) for one in expected]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--number", "0"], "greater than or equal to 1"),
        (["--number", "21"], "less than or equal to 20"),
        (["--number", "1.5"], "valid integer"),
        (["--share", "-1"], "greater than or equal to 0"),
        (["--share", "much"], "valid number"),
        (["--fruit", "plum"], "'plum' is not one of 'apple', 'pear'"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_the_words_of_typer(app, told, words, reason) -> None:
    result = CliRunner().invoke(app, ["show", *words])

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.replace("│", " ").split())
    assert told == []


@pytest.mark.parametrize(
    "words",
    [
        ["list", "sample_logs", "--format", "csv"],
        ["validate", "sample_logs", "--metrics", "density"],
        ["tail", "sample_logs", "--no-follow", "-n", "1", "--idle-exit", "0.5"],
        ["summarize", "sample_logs", "--top", "1", "--digits", "3"],
        ["check", "sample_logs/topk_attention"],
        ["--version"],
    ],
    ids=str,
)
def test_no_plain_command_waits_for_pydantic(words) -> None:
    assert "pydantic" not in loaded_by(words)


def test_help_tells_a_path_without_the_type_that_python_has_for_it() -> None:
    told = CliRunner().invoke(micrometric, ["tail", "--help"], terminal_width=80).output

    assert "  PATH  Files, directories" in told
    assert "<list" not in told


def test_a_command_is_imported_when_it_is_asked_for() -> None:
    commands = {name for name in loaded_by(["list", "sample_logs"]) if "_cli.commands." in name}

    assert commands == {"micrometric_cli.commands.list"}


def loaded_by(words: list[str]) -> set[str]:
    """Return the names of the modules that a command line imports."""
    body = (
        "import sys; from micrometric_cli.app import app\n"
        f"try: app({words!r}, standalone_mode=False)\n"
        "finally: sys.stderr.write('\\n' + ' '.join(sys.modules))"
    )
    finished = subprocess.run([sys.executable, "-c", body], capture_output=True, check=True)
    return {*finished.stderr.decode().splitlines()[-1].split()}
