"""Standard streams as a command needs them: there, and telling that the output cannot be written.

What is printed goes through many hands, none of which would know a full disk below standard output
from one below a file of its own; so the stream itself tells.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from typing import IO, Any


class OutputError(OSError):
    """Standard output cannot be written; a reader that has gone is a BrokenPipeError still."""


def prepare() -> None:
    """Let there be all three standard streams, and standard output raise OutputError."""
    _open_closed()
    # Names may hold what the terminal's encoding does not.
    codecs.register_error("micrometric.escaped", _escaped)  # type: ignore[arg-type] # we only write
    sys.stdout = _telling(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="micrometric.escaped")  # type: ignore[union-attr]


def silence(stream: IO[str]) -> None:
    """Let nothing more come out: Python would complain while it closes what it cannot flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed() -> None:
    """Open what the shell has closed, or the next file would be the stream by its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _telling(stream: Any) -> Any:
    """Return a stream that raises OutputError, where it is a file of the system."""
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if not isinstance(raw, io.FileIO):
        return stream
    file = io.BufferedWriter(_Output(stream.fileno(), "wb", closefd=False))
    at_once = stream.line_buffering or stream.write_through  # The latter with PYTHONUNBUFFERED.
    return io.TextIOWrapper(file, stream.encoding, line_buffering=at_once)


class _Output(io.FileIO):
    """What raises OutputError."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from None


def _escaped(error: UnicodeEncodeError) -> tuple[str, int]:
    """Return what cannot be encoded as the escapes that JSON, too, reads back."""
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end
