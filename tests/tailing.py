"""`micrometric tail` as a process of its own whose events are awaited and counted.

With `-n 0` only what is appended after the command opened the files counts. So each command also
follows a file of markers, events below zero: once one of them comes, everything is open; and what
came before the last of them was all there is.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from micrometric.event import format_timestamp
from micrometric.segment import active_name
from tests.programs import environment

DEADLINE = 30.0
START = datetime(2026, 11, 23, 8, tzinfo=UTC)


def line(number: int, **fields: Any) -> str:
    """The event line of a number; its time follows from the number."""
    moment = START + timedelta(seconds=number)
    event = {"timestamp": format_timestamp(moment), "metric": "n", "value": number}
    return json.dumps(event | {"metadata": {}, "location": "a.f"} | fields) + "\n"


def lines(numbers: Iterable[int]) -> str:
    return "".join(map(line, numbers))


def append(path: Path, numbers: Iterable[int]) -> None:
    """Append events as any other program does, in one write."""
    with path.open("a") as file:
        file.write(lines(numbers))


def segment(number: int) -> str:
    """The name of the active segment of one of many sessions."""
    return active_name(f"20261123T080000000000Z-r{number}-{number + 1}")


class Tail:
    """`micrometric tail` whose lines are awaited.

    Args:
        arguments: what follows `tail`.
        wrapper: a command that starts the command it is given.
        stdin: what it reads.
    """

    def __init__(
        self, *arguments: object, wrapper: Iterable[str] = (), stdin: int = subprocess.PIPE
    ) -> None:
        self._lines: dict[str, list[str]] = {"out": [], "err": []}
        self._threads: list[threading.Thread] = []
        command = [sys.executable, "-m", "micrometric_cli", "tail", *map(str, arguments)]
        self.process = subprocess.Popen(
            [*wrapper, *command],
            env=environment() | {"PYTHONUNBUFFERED": ""},
            text=True,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name, stream in (("out", self.process.stdout), ("err", self.process.stderr)):
            self._threads.append(threading.Thread(target=self._collect, args=(name, stream)))
            self._threads[-1].start()

    def __enter__(self) -> "Tail":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._join()

    def end(self, number: int) -> tuple[int, list[str]]:
        """Send a signal; return the exit code and what was said."""
        self.process.send_signal(number)
        self.process.wait(DEADLINE)
        self._join()
        return self.process.returncode, self._lines["err"]

    def lines(self, name: str) -> list[str]:
        """Return the lines that came until now through `out` or `err`."""
        return self._lines[name]

    def wait(self, name: str, count: int) -> list[str]:
        """Wait for so many lines of `out` or `err`."""
        self.until(lambda: len(self._lines[name]) >= count)
        return self._lines[name]

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, self._tell()
            if self.process.poll() is not None:
                for thread in self._threads:
                    thread.join()
                assert condition(), self._tell()
            time.sleep(0.005)

    def _join(self) -> None:
        self.process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _tell(self) -> str:
        out = [text[:200] for text in self._lines["out"]]
        return f"code {self.process.returncode}; {len(out)} lines, at last {out[-20:]}; " + "".join(
            self._lines["err"]
        )

    def _collect(self, name: str, stream: Iterable[str]) -> None:
        for text in stream:
            self._lines[name].append(text)


class Counted(Tail):
    """`micrometric tail` that follows events whose values are the integers from 0.

    Args:
        paths: what is followed beside the markers.
        markers: file of the markers.
        options: further options of the command.
        wrapper: a command that starts the command it is given.
    """

    def __init__(
        self,
        *paths: object,
        markers: Path,
        options: Iterable[str] = (),
        wrapper: Iterable[str] = (),
    ) -> None:
        self._markers = markers
        self._marker = 0
        self._parsed: list[int] = []
        markers.touch()
        super().__init__(*paths, markers, "-f", "json", "-n", 0, *options, wrapper=wrapper)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> "Counted":
        return self

    def values(self) -> list[int]:
        """Return the values that came until now, without the markers."""
        return [value for value in self._all() if value >= 0]

    def come(self, count: int) -> None:
        """Wait until so many events have come since the beginning."""
        self.until(lambda: len(self.values()) >= count)

    def settle(self) -> None:
        """Wait until the command has seen all there is.

        The first marker may come with a look at the files that began before; the second does not.
        """
        for _ in range(2):
            self._mark()
            expected = self._marker
            self.until(lambda: expected in self._all())  # noqa: B023 - called at once

    def check(self, count: int) -> None:
        """Check that the events from 0 came each exactly once, and nothing else."""
        self.come(count)
        self.settle()
        values = self.values()
        twice = sorted(
            {value for value in values if values.count(value) > 1} if count < 5000 else ()
        )
        assert sorted(values) == [*range(count)], f"twice: {twice[:20]}; {self._tell()}"
        assert "Traceback" not in "".join(self.lines("err"))

    def _all(self) -> list[int]:
        known = self._lines["out"]
        while len(self._parsed) < len(known):
            self._parsed.append(json.loads(known[len(self._parsed)])["value"])
        return self._parsed

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while not self._all():
            assert time.monotonic() < deadline, self._tell()
            assert self.process.poll() is None, self._tell()
            self._mark()
            pause = time.monotonic() + 0.05
            while not self._all() and time.monotonic() < pause:
                time.sleep(0.005)

    def _mark(self) -> None:
        self._marker -= 1
        append(self._markers, [self._marker])


AS_ANYBODY = """
import ctypes, os, sys
for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Starts a command that permissions bind, even where the superuser starts it."""


def as_anybody() -> list[str]:
    return [sys.executable, "-c", AS_ANYBODY] if os.getuid() == 0 else []


def suspend(process: subprocess.Popen[Any]) -> None:
    """Suspend a process and wait until it is."""
    process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{process.pid}/stat")
    deadline = time.monotonic() + DEADLINE
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline
        time.sleep(0.005)


def open_fifo(path: Path) -> int:
    """Open a pipe for writing as soon as somebody reads it."""
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline, "nobody reads the pipe"
            time.sleep(0.005)
        else:
            os.set_blocking(descriptor, True)
            return descriptor


def open_files() -> set[str]:
    """The numbers of the files that this process has open, where `/proc` tells them."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}
