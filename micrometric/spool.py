"""Pipes that can be read again: what comes of one is kept in a file, as far as it was read.

A summary asks its logs one question after the other, and a pipe tells everything once.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from micrometric.given import Paths, listed
from micrometric.temporary import PREFIX, told_as_temporary

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

STDIN = Path("-")
_BLOCK = 256 * 1024
_DESCRIPTORS = (Path("/dev/fd"), Path("/proc/self/fd"))

_known: weakref.WeakValueDictionary[object, Spool] = weakref.WeakValueDictionary()


def is_pipe(path: Path) -> bool:
    """Say whether a path is standard input or a FIFO."""
    try:
        return path == STDIN or path.is_fifo()
    except OSError:
        return False  # Whoever opens it is told why that cannot be.


def run_of_pipe(path: Path) -> str:
    """Return the run that events of a pipe are of, where they do not tell another."""
    parent = path.absolute().parent
    # What a shell puts in place of <(…) has no directory of its own.
    return "-" if path == STDIN or parent in _DESCRIPTORS else parent.name


@contextlib.contextmanager
def held(paths: Paths) -> Iterator[None]:
    """Let pipes among some paths be read again and again in this block."""
    spools = [Spool.of(path) for path in map(Path, listed(paths)) if is_pipe(path)]
    try:
        yield
    finally:
        spools.clear()


class Spool:
    """A pipe, and the file that keeps what came of it. Safe from threads.

    Args:
        path: that of a FIFO, or `-`.

    Raises:
        PathError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        import tempfile  # only where there is a pipe

        self._path = path
        self._pipe: BinaryIO | None = sys.stdin.buffer if path == STDIN else None
        self._is_over = False
        # It has a name, for DuckDB reads by names alone, and goes with this object.
        with told_as_temporary():
            self._file = tempfile.NamedTemporaryFile(prefix=PREFIX)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._size = 0
        self._lock = threading.Lock()

    @classmethod
    def of(cls, path: Path) -> Spool:
        """Return the spool of a pipe: the same one as long as anybody holds it."""
        return cls.known(path) or _known.setdefault(_key_of(path), cls(path))

    @classmethod
    def known(cls, path: Path) -> Spool | None:
        """Return the spool of a pipe if anybody holds it."""
        return _known.get(_key_of(path))

    def open(self) -> io.BufferedReader:
        """Return all that comes of the pipe, from its beginning."""
        return io.BufferedReader(_Spooled(self), _BLOCK)

    def whole(self) -> Path:
        """Read the pipe to its end, and return the file with all that came.

        Raises:
            OSError: the pipe cannot be read.
            PathError: the file cannot be written.
        """
        while not self._is_over:
            self._read_more()
        return Path(self._file.name)

    def read_at(self, place: int, size: int) -> bytes:
        """Return some of the bytes from a place on, none at the end.

        Raises:
            OSError: see `whole`.
        """
        while place >= self._size and not self._is_over:
            self._read_more()
        return os.pread(self._file.fileno(), size, place)

    def _read_more(self) -> None:
        with self._lock:
            if self._pipe is None:
                self._pipe = self._path.open("rb")
            block = self._pipe.read1(_BLOCK)  # type: ignore[attr-defined] # it is buffered
            with told_as_temporary():
                self._file.write(block)
                self._file.flush()
            self._size += len(block)
            if not block:
                self._is_over = True
                if self._path != STDIN:
                    self._pipe.close()


class _Spooled(io.RawIOBase):
    """The bytes of a spool as a file."""

    def __init__(self, spool: Spool) -> None:
        super().__init__()
        self._spool = spool
        self._place = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer with the next bytes; 0 at the end."""
        view = memoryview(buffer).cast("B")
        found = self._spool.read_at(self._place, len(view))
        view[: len(found)] = found
        self._place += len(found)
        return len(found)


def _key_of(path: Path) -> object:
    if path == STDIN:
        return sys.stdin.buffer
    status = path.stat()
    return status.st_dev, status.st_ino
