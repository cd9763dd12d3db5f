"""Which process this is among those that were started together: its rank and its launch.

Launchers tell it through the environment; a process started by another inherits its launch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence

LAUNCH_VARIABLE = "MICROMETRIC_LAUNCH"
"""Set for the children of a process that logs, so that they share its launch."""

_RANKS = (
    ("RANK", "WORLD_SIZE"),  # torchrun and whatever follows its convention
    ("SLURM_PROCID", "SLURM_JOB_ID"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
)
"""Pairs of the variable that holds the rank and one that must be there for it to be believed."""

_JOBS = (
    ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"),
    ("SLURM_JOB_ID", "SLURM_RESTART_COUNT"),
)
"""Pairs of the variable that names a job and one that counts how often it was restarted."""


def rank(environ: Mapping[str, str]) -> int | None:
    """Return the rank of this process among those of its job, None outside any job."""
    for name, witness in _RANKS:
        if witness in environ and environ.get(name, "").isdecimal():
            return int(environ[name])
    return None


def launch(environ: MutableMapping[str, str], own: str, earlier: Sequence[str] = ()) -> str:
    """Return the launch of a new session, and hand it down to the children of this process.

    Args:
        environ: the environment, which receives `LAUNCH_VARIABLE` when it names no job.
        own: the launch to start where there is none yet.
        earlier: the launches of this process's earlier sessions: configuring logging again is
            a run of its own, not to be averaged with the one before.
    """
    for name, restarts in _JOBS:
        # torchrun calls every job without rendezvous "none".
        if environ.get(name, "none") != "none":
            job = f"{environ[name]}.{environ.get(restarts, '0')}"
            again = sum(known == job or known.startswith(f"{job}.") for known in earlier)
            return f"{job}.{again}" if again else job
    if environ.get(LAUNCH_VARIABLE, own) in earlier or LAUNCH_VARIABLE not in environ:
        environ[LAUNCH_VARIABLE] = own
    return environ[LAUNCH_VARIABLE]


def is_child() -> bool:
    """Say whether another Python process started this one as its worker."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def label(own_rank: int | None, host: str) -> str:
    """Return what stands for the process in a session id."""
    return host if own_rank is None else f"r{own_rank}"


def program_name() -> str | None:
    """Return the name of the program, never its arguments."""
    arguments = getattr(sys, "argv", None) or [""]
    return os.path.basename(arguments[0]) or None  # noqa: PTH119 - "-c" and "-m" are no paths
