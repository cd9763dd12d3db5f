"""A real terminal for commands: what they print depends on whether there is one, and its width."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import sysconfig
import termios
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
