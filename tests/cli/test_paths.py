"""Which logs are read when none are named."""

import pytest

from micrometric.errors import PathError, SettingError
from micrometric_cli.paths import default_path, paths_or_default
from tests.cli.conftest import event


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "project" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "deep")
    return tmp_path / "project" / "deep"


def logs_in(directory):
    directory.mkdir()
    (directory / "micro_metrics.jsonl").write_text(event(1, "density", 1) + "\n")


def test_named_paths_are_taken_silently(capsys):
    assert paths_or_default(["a", "b"]) == ["a", "b"]
    assert capsys.readouterr().err == ""


def test_the_environment_comes_first(here, monkeypatch, capsys):
    (here / "pyproject.toml").write_text('[tool.micrometric]\nread_path = "runs"\n')
    monkeypatch.setenv("MICROMETRIC_LOG_PATH", "/elsewhere")

    assert paths_or_default(None) == ["/elsewhere"]
    assert capsys.readouterr().err == "micrometric: reading /elsewhere (MICROMETRIC_LOG_PATH)\n"


def test_then_the_nearest_project_relative_to_its_file(here, capsys):
    (here.parent / "pyproject.toml").write_text('[tool.micrometric]\nread_path = "runs"\n')
    logs_in(here / "logs")

    assert paths_or_default(None) == ["../runs"]
    said = "micrometric: reading ../runs (read_path in ../pyproject.toml)\n"
    assert capsys.readouterr().err == said


def test_a_nearer_project_without_a_path_hides_those_above(here):
    (here.parent / "pyproject.toml").write_text('[tool.micrometric]\nread_path = "runs"\n')
    (here / "pyproject.toml").write_text("[tool.other]\n")
    logs_in(here / "logs")

    assert default_path().path == "logs/"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "cannot read"),
        pytest.param(f"x = {'[' * 10_000}", "cannot read", id="deep"),
        ("[tool.micrometric]\nread_path = 3\n", "must be a string"),
    ],
)
def test_a_project_that_cannot_be_read_is_an_error(here, text, said):
    (here / "pyproject.toml").write_text(text)

    with pytest.raises(SettingError, match=said):
        default_path()


def test_a_project_of_odd_tables_has_no_path(here):
    (here / "pyproject.toml").write_text("[tool]\nmicrometric = 3\n")
    logs_in(here / "logs")

    assert default_path().path == "logs/"


def test_then_the_first_usual_directory_that_holds_logs(here):
    (here / "logs").mkdir()
    logs_in(here / "metric_logs")

    assert default_path().path == "metric_logs/"


def test_else_it_says_where_it_looked(here):
    with pytest.raises(PathError, match=r"no path given, MICROMETRIC_LOG_PATH is not set"):
        default_path()
