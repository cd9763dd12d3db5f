"""Rank and launch: which process this is among its job's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from micrometric import place
from micrometric.machine import Machine
from tests.sessions import HERE


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        ({}, None),
        ({"RANK": "3"}, None),
        ({"RANK": "3", "WORLD_SIZE": "4"}, 3),
        ({"SLURM_PROCID": "2", "SLURM_JOB_ID": "77"}, 2),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, 1),
        ({"PMI_RANK": "5", "PMI_SIZE": "8"}, 5),
        ({"RANK": "x", "WORLD_SIZE": "4"}, None),
        ({"RANK": "9" * 20, "WORLD_SIZE": "4"}, None),
    ],
)
def test_the_rank_is_what_the_launcher_says(environment, rank) -> None:
    assert place.rank(environment) == rank


def test_a_process_hands_its_launch_to_its_children() -> None:
    environment: dict[str, str] = {}

    assert place.launch(environment, "mine", HERE) == "mine"
    assert place.launch(environment, "child", HERE) == "mine"


@pytest.mark.parametrize(
    ("environment", "launch"),
    [
        ({"SLURM_JOB_ID": "77"}, "77.0"),
        ({"SLURM_JOB_ID": "77", "SLURM_RESTART_COUNT": "2"}, "77.2"),
        ({"TORCHELASTIC_RUN_ID": "run", "TORCHELASTIC_RESTART_COUNT": "1"}, "run.1"),
        ({"PMIX_NAMESPACE": "prterun-host-1@1"}, "prterun-host-1@1.0"),
    ],
)
def test_a_job_names_the_launch_and_its_restarts(environment, launch) -> None:
    assert place.launch(environment, "own", HERE) == launch


def test_ranks_whose_job_has_no_name_share_the_launch_of_their_parent() -> None:
    torchrun = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2"}
    first = place.launch({**torchrun, "RANK": "0"}, "own", HERE)
    second = place.launch({**torchrun, "RANK": "1"}, "own", HERE)
    again = place.launch({**torchrun, "RANK": "0", "TORCHELASTIC_RESTART_COUNT": "1"}, "own", HERE)

    assert first == second
    assert again != first


def test_a_worker_of_a_rank_shares_its_launch() -> None:
    environment = {"RANK": "0", "WORLD_SIZE": "2"}
    launch = place.launch(environment, "own", HERE)

    elsewhere = Machine("another parent", "boot")
    assert place.launch(environment, "own", elsewhere) == launch


def test_configuring_again_is_a_launch_of_its_own() -> None:
    environment: dict[str, str] = {}
    first = place.launch(environment, "first", HERE)

    assert place.launch(environment, "second", HERE, [first]) == "second"
    assert environment[place.LAUNCH_VARIABLE] == "second"
    job = {"SLURM_JOB_ID": "77"}
    assert place.launch(job, "own", HERE, ["77.0"]) == "77.0.1"
    assert place.launch(job, "own", HERE, ["77.0", "77.0.1"]) == "77.0.2"


def test_the_label_is_the_rank_or_the_host() -> None:
    assert place.label(3, "host") == "r3"
    assert place.label(None, "host") == "host"


def test_the_program_is_named_without_its_arguments(monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/home/me/train.py", "--token", "secret"])
    assert place.program_name() == "train.py"
    monkeypatch.setattr(sys, "argv", [""])
    assert place.program_name() is None


def test_a_spawned_worker_is_a_child(tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(
        "import multiprocessing, os\n"
        "from micrometric import place\n"
        "def work(queue): queue.put(place.is_child(os.environ))\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    worker = context.Process(target=work, args=(queue,))\n"
        "    worker.start(); print(place.is_child(os.environ), queue.get()); worker.join()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    told = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["False", "True"]
