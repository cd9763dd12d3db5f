"""What the shell is offered."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from micrometric_cli.completion import (
    complete_condition,
    complete_key,
    complete_launch,
    complete_metric,
)
from tests.cli.conftest import SAMPLES


@pytest.fixture
def here(run):
    """A command line that names the run."""
    return SimpleNamespace(params={"paths": [str(run)]})


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["debug_scores", "density", "phase", "stray"]),
        ("de", ["debug_scores", "density"]),
        ("phase,st", ["phase,stray"]),
        ("!de", ["!debug_scores", "!density"]),
        ("all,!deb", ["all,!debug_scores"]),
        ("x", []),
    ],
)
def test_metrics_continue_the_last_term(here, typed, offered):
    assert complete_metric(here, typed) == offered


def test_keys_continue_the_last_of_a_list(here):
    assert complete_key(here, "run,l") == ["run,launch", "run,layer_idx", "run,location"]


def test_keys_of_the_path_are_among_them():
    here = SimpleNamespace(params={"paths": [str(SAMPLES)]})

    assert complete_key(here, "o") == ["oracle_top_k"]


def test_keys_continue_the_last_word_of_a_condition(here):
    assert complete_condition(here, "value > 1 and (la") == [
        "value > 1 and (launch",
        "value > 1 and (layer_idx",
    ]


def test_launches_are_offered(here):
    assert complete_launch(here, "") == ["last", "morning"]


def test_without_paths_the_default_is_looked_at(run, monkeypatch):
    monkeypatch.setenv("MICROMETRIC_LOG_PATH", str(run))

    assert complete_metric(SimpleNamespace(params={}, args=[]), "ph") == ["phase"]


def test_without_logs_nothing_is_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert complete_metric(SimpleNamespace(params={}, args=[]), "") == []


def test_the_shell_is_answered(run):
    words = f"micrometric summarize {run} --metrics ph"
    environment = {
        **os.environ,
        "_MICROMETRIC_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": "4",
    }

    ended = subprocess.run(
        [sys.executable, "-m", "micrometric_cli"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.strip() == "phase"
