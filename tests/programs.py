"""Programs that log in processes of their own, and what they leave behind.

A program counts for itself: it marks every event in a side file after `log` has returned, and the
tests compare these marks with the segments and the manifests. The segments are read as plain text
here, so that nothing of the read side vouches for the write side.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from micrometric import place
from micrometric.machine import this_machine
from micrometric.manifest import Manifest, read_manifest, session_state

ROOT = Path(__file__).parents[1]
FIELDS = ["timestamp", "metric", "value", "metadata", "location"]

PRELUDE = '''
import os, signal, sys, threading, time
from collections import defaultdict
from itertools import count

from micrometric import MicroMetricLogger

MicroMetricLogger.register_metric("n", int)
logger = MicroMetricLogger("logs", metrics_to_log="all", **SETTINGS)
marks = os.open("marks", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
numbers = defaultdict(count)

def mark(*words):
    os.write(marks, (" ".join(map(str, words)) + "\\n").encode())

def log(who, events):
    """Log the next integers of somebody, and mark each."""
    for _ in range(events):
        number = next(numbers[who])
        logger.log("n", number, {"who": who, "pid": os.getpid()})
        mark("logged", who, number, os.getpid())

def wait_for(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited in vain")
        time.sleep(0.005)

def marked(*words):
    with open("marks", "rb") as file:
        return " ".join(map(str, words)).encode() in file.read().splitlines()
'''
"""What most programs begin with. It runs again in each process that is spawned."""


def program(body: str, **settings: object) -> str:
    """Return a program that logs with these settings into the directory `logs`."""
    return f"SETTINGS = {settings!r}\n{PRELUDE}\n{body}"


TROUBLE = """
import json, random, resource, shutil, subprocess, warnings

told = []
warnings.simplefilter("always")
warnings.showwarning = lambda message, *_: told.append(str(message))

def log_some(events):
    for _ in range(events):
        logger.log("n", next(numbers["me"]), {{"who": "me", "pid": os.getpid()}})

log_some({before})
logger.flush()
{begin}
log_some(300)
logger.flush()
during = len(logger.log_queue)
if during:
    wait_for(lambda: told)
warned = len(told)
{end}
log_some(100)
logger.flush()
after = len(logger.log_queue)
logger.close()
print(json.dumps({{"told": told, "warned": warned, "during": during, "after": after}}))
"""
"""Log before, during and after some trouble, and tell what was said and what had to wait."""


LAUNCHERS = {name for pair in (*place._RANKS, *place._JOBS) for name in pair}
"""Variables by which launchers tell of ranks and jobs."""


def is_strange(name: str) -> bool:
    """Whether a variable would tell a test of settings or a launcher of the tests themselves."""
    is_setting = name.startswith("MICROMETRIC_")
    return is_setting or name == place.RAY_VARIABLE or name in LAUNCHERS


def environment() -> dict[str, str]:
    """Return an environment without settings, ranks and launches of this process."""
    kept = {name: text for name, text in os.environ.items() if not is_strange(name)}
    # From Python 3.12 on it remarks that a process which forks has any other thread.
    quiet = "ignore:This process:DeprecationWarning"
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": quiet}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


def start(directory: Path, source: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program in a directory, in a process group of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "program.py"
    # Several may be started in one place, and the first may be reading it by now.
    if not path.exists() or path.read_text() != source:
        path.write_text(source)
    return subprocess.Popen(
        [sys.executable, "program.py", *map(str, arguments)],
        cwd=directory,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def finish(process: subprocess.Popen[str], seconds: float = 40.0) -> Finished:
    """Wait until a program and all its children ended; kill them and fail after the deadline."""
    try:
        stdout, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        message = f"the program still ran after {seconds} s\n{stdout}\n{stderr}"
        raise AssertionError(message) from None
    return Finished(process.returncode, stdout, stderr)


def run(directory: Path, source: str, *arguments: object, seconds: float = 40.0) -> Finished:
    """Run a program in a directory to its end."""
    return finish(start(directory, source, *arguments), seconds)


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@dataclass(frozen=True, slots=True)
class Left:
    """What is in a log directory."""

    segments: dict[str, list[dict[str, Any]]]
    """The lines of each segment, by its name."""
    tails: dict[str, bytes]
    """What follows the last newline of a segment, where something does."""
    manifests: list[Manifest]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines, segment after segment."""
        return [line for lines in self.segments.values() for line in lines]

    def values(self, who: str | None = None) -> list[Any]:
        """Return the values of somebody in the order of the files, or all."""
        return [
            line["value"] for line in self.lines if who is None or line["metadata"]["who"] == who
        ]

    def states(self) -> dict[int, str]:
        """Return for each process what its manifest tells of it now."""
        now, machine = datetime.now(UTC), this_machine()
        return {
            manifest.session.pid: session_state(manifest.session, now=now, machine=machine)
            for manifest in self.manifests
            if manifest.session is not None
        }


def read_left(logs: Path) -> Left:
    """Read a log directory; each line must be a whole event in strict JSON."""
    segments, tails = {}, {}
    for path in sorted(logs.glob("micro_metrics*.jsonl")):
        *whole, tail = path.read_bytes().split(b"\n")
        segments[path.name] = [strict(line) for line in whole]
        if tail:
            tails[path.name] = tail
    manifests = [read_manifest(path) for path in sorted(logs.glob("*.manifest.json"))]
    return Left(segments, tails, manifests)


def strict(line: bytes) -> dict[str, Any]:
    """Read a line, which must be an event in strict JSON with its keys in order."""
    fields = json.loads(line, parse_constant=_refuse)
    assert list(fields) == FIELDS
    return fields


def _refuse(token: str) -> None:
    raise AssertionError(f"{token} is not JSON")


def check_accounts(left: Left, logged: dict[int, int]) -> None:
    """Check the manifest of each process against its lines and the number of its calls of `log`.

    Args:
        left: the log directory after everything in it ended in order.
        logged: calls of `log` by process id, as the program counted them.
    """
    written: dict[int, int] = defaultdict(int)
    for line in left.lines:
        written[line["metadata"]["pid"]] += 1
    told = {
        manifest.session.pid: manifest.accounting.total
        for manifest in left.manifests
        if manifest.session is not None and manifest.accounting is not None
    }
    for pid, events in logged.items():
        account = told[pid]
        assert account.balances
        assert (account.logged, account.written, account.pending) == (events, written[pid], 0)
