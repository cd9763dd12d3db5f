"""A real terminal for commands: what they print depends on whether there is one, and its width."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import sysconfig
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

ENVIRONMENT = {
    **os.environ,
    "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
    "TERM": "xterm",
    "TZ": "UTC",
    "NO_COLOR": "1",
    "PYTHONUTF8": "1",
}
"""Of the commands that tests run: this Python first, times in UTC, no colour."""


def in_terminal(
    command: str, *, columns: int = 80, cwd: Path | None = None, **environment: str
) -> str:
    """Run a shell command in a terminal so wide, and return what the terminal was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    command = command.replace("python ", f"{sys.executable} ", 1)
    process = subprocess.Popen(
        command,
        shell=True,
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**ENVIRONMENT, **environment},
        start_new_session=True,
    )
    os.close(theirs)
    sent = b""
    while block := _read(ours):
        sent += block
    process.wait()
    os.close(ours)
    return sent.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux says so when the other side is closed.
        return b""


class Display:
    """What a terminal shows of what it is sent; of control sequences it knows those we send.

    Lines are wrapped, again when it becomes narrower, as most terminals do.
    """

    _TOKEN = re.compile(r"\x1b\[(\d*)([AJK])|\x1b\[[0-9;]*m|(\r|\n|[^\x00-\x1f])")

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self._row = self._column = 0

    def send(self, text: str) -> None:
        """Show a text, which must hold nothing but printable signs and the known sequences."""
        position = 0
        while position < len(text):
            token = self._TOKEN.match(text, position)
            assert token is not None, text[position : position + 20]
            position = token.end()
            if token[3] is not None:
                self._put(token[3])
            elif token[2] is not None:
                self._command(token[2], token[1])

    def narrow(self, columns: int) -> None:
        """Become narrower, with the cursor at the start of a line."""
        assert self._column == 0
        wrapped = [_wrapped(line, columns) for line in self.lines]
        self._row = sum(map(len, wrapped[: self._row]))
        self.columns = columns
        self.lines = [piece for pieces in wrapped for piece in pieces]

    def text(self) -> str:
        """Return the lines that are not blank, without spaces at their ends."""
        return "".join(f"{line.rstrip()}\n" for line in self.lines if line.strip())

    def _put(self, sign: str) -> None:
        if sign == "\r":
            self._column = 0
        elif sign == "\n":
            self._row, self._column = self._row + 1, 0
        else:
            if self._column == self.columns:
                self._put("\n")
            line = self._line().ljust(self._column)
            self.lines[self._row] = line[: self._column] + sign + line[self._column + 1 :]
            self._column += 1
        self._line()

    def _line(self) -> str:
        self.lines += [""] * (self._row + 1 - len(self.lines))
        return self.lines[self._row]

    def _command(self, name: str, count: str) -> None:
        if name == "A":
            self._row = max(0, self._row - int(count))
        elif name == "K":
            self.lines[self._row] = ""
        else:
            self.lines[self._row] = self.lines[self._row][: self._column]
            del self.lines[self._row + 1 :]


def _wrapped(line: str, columns: int) -> list[str]:
    return [line[at : at + columns] for at in range(0, max(1, len(line)), columns)]


class Session:
    """A command that goes on in a terminal, which shows what it prints on a `Display`."""

    def __init__(self, *arguments: object, columns: int, lines: int, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.display = Display(columns)
        self._resize(columns, lines)
        self.process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**ENVIRONMENT, **environment},
            start_new_session=True,
            # So that Ctrl-C reaches it.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._show)
        self._reader.start()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)

    def press(self, keys: str) -> None:
        """Press keys, such as `\\x03` for Ctrl-C."""
        os.write(self._ours, keys.encode())

    def narrow(self, columns: int, lines: int) -> None:
        """Make the terminal narrower."""
        with self._lock:
            self.display.narrow(columns)
            self._resize(columns, lines)

    def wait(self, holds: Callable[[str], bool]) -> str:
        """Return what is shown once something holds for it."""
        deadline = time.monotonic() + 30
        while True:
            with self._lock:
                text = self.display.text()
            if holds(text):
                return text
            assert time.monotonic() < deadline, text
            time.sleep(0.01)

    def end(self) -> tuple[int, str]:
        """Wait for the end of the command, and return its code and what is left to see."""
        code = self.process.wait(timeout=30)
        self._reader.join()
        return code, self.display.text()

    def _resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _show(self) -> None:
        import codecs

        decoder = codecs.getincrementaldecoder("utf-8")()
        pending = ""
        while block := _read(self._ours):
            pending += decoder.decode(block)
            # A sequence may be cut between two blocks.
            whole = re.sub(r"\x1b(\[[0-9;]*)?$", "", pending)
            with self._lock:
                self.display.send(whole)
            pending = pending[len(whole) :]
        with self._lock:
            self.display.send(pending)
