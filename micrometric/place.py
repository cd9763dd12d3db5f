"""Which process this is among those that were started together: its rank and its launch.

Launchers tell it through the environment; a process started by another inherits its launch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence

from micrometric.event import is_rank
from micrometric.machine import Machine

LAUNCH_VARIABLE = "MICROMETRIC_LAUNCH"
"""Set for the children of a process that logs, so that they share its launch."""
RAY_VARIABLE = "RAY_RAYLET_PID"
"""Set by Ray in the workers that it starts."""

_RANKS = (
    ("RANK", "WORLD_SIZE"),  # torchrun, Ray Train and whatever follows their convention
    ("SLURM_PROCID", "SLURM_JOB_ID"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
    ("PMI_RANK", "PMI_SIZE"),  # MPICH and its kin
)
"""Pairs of the variable that holds the rank and one that must be there for it to be believed."""

_JOBS = (
    ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT"),
    ("SLURM_JOB_ID", "SLURM_RESTART_COUNT"),
    ("PMIX_NAMESPACE", ""),
)
"""Pairs of the variable that names a job and one that counts how often it was restarted, where
there is one."""


def rank(environ: Mapping[str, str]) -> int | None:
    """Return the rank of this process among those of its job, None outside any job."""
    for name, witness in _RANKS:
        told = environ.get(name, "")
        if witness in environ and told.isdecimal() and is_rank(number := int(told)):
            return number
    return None


def launch(
    environ: MutableMapping[str, str], own: str, machine: Machine, earlier: Sequence[str] = ()
) -> str:
    """Return the launch of a new session, and hand it down to the children of this process.

    Args:
        environ: the environment, which receives `LAUNCH_VARIABLE` when it names no job.
        own: the launch to begin where there is none yet.
        machine: this machine.
        earlier: the launches of this process's earlier sessions: configuring logging again is
            a run of its own, not to be averaged with the one before.
    """
    named = _job(environ)
    job = named or environ.get(LAUNCH_VARIABLE) or _siblings(environ, machine)
    if job is None or (named is None and job in earlier):
        job = own
    again = sum(known == job or known.startswith(f"{job}.") for known in earlier)
    job = f"{job}.{again}" if again else job
    if named is None:
        environ[LAUNCH_VARIABLE] = job
    return job


def _job(environ: Mapping[str, str]) -> str | None:
    """Return the name that a launcher gave the job, with the number of its restarts."""
    for name, restarts in _JOBS:
        # torchrun calls every job without rendezvous "none".
        if environ.get(name, "none") != "none":
            return f"{environ[name]}.{environ.get(restarts, '0')}"
    return None


def _siblings(environ: Mapping[str, str], machine: Machine) -> str | None:
    """Return a name for the workers on this host whose launcher, their parent, names no job."""
    if rank(environ) is None and RAY_VARIABLE not in environ:
        return None
    parent = os.getppid()
    number = environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if ray := sys.modules.get("ray"):
        number = ray.get_runtime_context().get_job_id()
    return f"{machine.host}-{parent}-{machine.process_start(parent)}.{number}"


def is_child(environ: Mapping[str, str]) -> bool:
    """Say whether another Python process started this one as its worker."""
    if RAY_VARIABLE in environ:
        return True
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def label(own_rank: int | None, host: str) -> str:
    """Return what stands for the process in a session id."""
    return host if own_rank is None else f"r{own_rank}"


def program_name() -> str | None:
    """Return the name of the program, never its arguments."""
    arguments = getattr(sys, "argv", None) or [""]
    return os.path.basename(arguments[0]) or None  # noqa: PTH119 - "-c" and "-m" are no paths
