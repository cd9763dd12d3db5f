"""What the shell is offered."""

import os
import shutil
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
from tests.cli.conftest import SAMPLES, event


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


@pytest.mark.parametrize(
    "name",
    [
        *("de$(touch${IFS}ran)", "de`touch ran`", "de;touch ran", "de&ran", "de|ran", "de>ran"),
        *("de ran", "de*", "de?", "de[s]", "de{a,b}", "de\\ran", "de'ran", 'de"ran', "~", "!1"),
        *("de\nran", "de\r", "de\x07", "de\x1b]52;c;cmFu\x07", "de\x9b2J", "de\u202eran"),
        *("de\u200b", ""),
    ],
    ids=ascii,
)
def test_only_plain_words_are_offered(name, tmp_path):
    line = event(0, name, 1, metadata={name: 1}, launch=name)
    whole = event(1, "density", 1, metadata={"größe": 1})
    (tmp_path / "micro_metrics.jsonl").write_text(f"{line}\n{whole}\n")
    here = SimpleNamespace(params={"paths": [str(tmp_path)]})

    assert complete_metric(here, "") == ["density"]
    assert complete_key(here, "") == KEYS
    assert complete_condition(here, "") == KEYS


KEYS = ["größe", "launch", "location", "rank", "run", "session", "value"]


def test_launches_and_keys_of_paths_are_plain_words(run):
    manifest = next(run.glob("*.manifest.json"))
    manifest.write_text(manifest.read_text().replace("morning", "$(touch ran)"))
    run = run.rename(run.with_name("k$(touch ran)=1"))
    here = SimpleNamespace(params={"paths": [str(run)]})

    assert complete_launch(here, "") == ["last"]
    assert not [key for key in complete_key(here, "") if "$" in key]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_what_bash_is_offered_runs_nothing(tmp_path):
    names = ("density", "density$(touch${IFS}ran)", "dens\ntouch ran", "dens*", "dens`touch ran`")
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "micro_metrics.jsonl").write_text("".join(f"{event(0, n, 1)}\n" for n in names))
    program = tmp_path / "micrometric"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m micrometric_cli "$@"\n')
    program.chmod(0o755)
    # As Tab and Enter do: what is offered stands on the line, and the line is run.
    script = """
        source <(./micrometric --show-completion bash)
        COMP_WORDS=(micrometric summarize logs -m dens) COMP_CWORD=4
        _micrometric_completion ./micrometric
        for offered in "${COMPREPLY[@]}"; do eval "echo $offered"; done
    """

    ended = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert ended.stdout == "density\n"
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "micrometric"}


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
