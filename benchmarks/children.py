"""Processes that read logs: started, waited for, timed and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from select import select

from benchmarks.bursts import lines
from benchmarks.rounds import EventsDifferError

_PATIENCE = 30.0
"""Seconds to wait for a reader before it counts as lost."""
_TIMED = """
import os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
start = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - start, usage.ru_maxrss, status)
"""


class Following:
    """A reader that follows, and the pipe on which its lines arrive."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        self.pid = process.pid
        self._pipe = process.stdout.fileno()

    def arrived(self, timeout: float) -> int:
        """Return how many lines came, waiting for the first bytes at most so many seconds."""
        if not select([self._pipe], [], [], timeout)[0]:
            return 0
        read = os.read(self._pipe, 2**20)
        if not read:
            raise EventsDifferError("a reader ended while it was to follow")
        return read.count(b"\n")

    def wait_until_ready(self, path: Path) -> None:
        """Append events until one arrives, then wait until no more do."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            append(path)
            if self.arrived(0.1):
                break
            if time.monotonic() > deadline:
                raise EventsDifferError("a reader shows nothing of what is appended")
        while self.arrived(0.3):
            pass

    def wait_for_line(self) -> None:
        """Wait until a line arrives."""
        deadline = time.monotonic() + _PATIENCE
        while not self.arrived(1.0):
            if time.monotonic() > deadline:
                raise EventsDifferError("an event never arrived")

    def processor_seconds(self) -> float:
        """Return the user and system time that the process has used, to a tick of the clock."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def can_tell_time() -> bool:
    """Return whether the system tells what processor time another process has used."""
    return Path("/proc/self/stat").exists()


def append(path: Path) -> None:
    """Append one event."""
    with path.open("ab", buffering=0) as file:
        file.write(lines(1))


@contextmanager
def following(command: Sequence[str]) -> Iterator[Following]:
    """Start a reader, and end it with all processes it started."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield Following(process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def run_timed(command: Sequence[str]) -> tuple[float, float]:
    """Return the wall seconds of a command and its peak memory in MiB.

    A bare interpreter starts it: a child's peak is at least that of whoever started it, so peaks
    below about 10 MiB are not told apart.
    """
    launcher = [sys.executable, "-I", "-S", "-c", _TIMED, *command]
    told = subprocess.run(launcher, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    seconds, peak, status = told.stdout.split()
    if int(status):
        raise EventsDifferError(f"{' '.join(command)} failed")
    return float(seconds), int(peak) / 1024


def run_counted(command: Sequence[str]) -> tuple[float, int]:
    """Return the wall seconds of a command that prints to a pipe, and its lines."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        pipe, count = process.stdout.fileno(), 0
        while read := os.read(pipe, 2**20):
            count += read.count(b"\n")
    return time.perf_counter() - start, count
