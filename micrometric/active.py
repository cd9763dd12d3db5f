"""The active segment of a session: the file that it alone appends to.

Somebody may move or remove the file at any time, so each write first looks whether it is there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from micrometric.segment import PLAIN_NAME, active_name, file_identity

_APPEND = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)


class ActiveSegment:
    """A file under the plain name or one of the session's own. Not safe from threads.

    Args:
        directory: the log directory.
        session: id of the session.
        clock: seconds that never run backwards.
    """

    def __init__(self, directory: Path, session: str, clock: Callable[[], float]) -> None:
        self.is_plain = False
        """Whether it has the plain name."""
        self.position = 0
        """Bytes appended since the session began, over all its segments."""
        self.size = 0
        """Bytes of this one that the session appended."""
        self._directory = directory
        self._session = session
        self._clock = clock
        self._descriptor: int | None = None
        self._file: tuple[int, int] | None = None
        """Device and inode."""
        self._begun_at = 0.0
        self._unsure = False
        """Whether a write was interrupted before its outcome was noted."""

    @property
    def path(self) -> Path:
        """The file."""
        return self._directory / (PLAIN_NAME if self.is_plain else active_name(self._session))

    @property
    def has_begun(self) -> bool:
        """Whether there ever was a file."""
        return self._file is not None

    @property
    def is_open(self) -> bool:
        """Whether the file is open to be appended to."""
        return self._descriptor is not None

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return self._clock() - self._begun_at

    def write(self, data: list[memoryview], begun: int) -> None:
        """Append some of the data, opening the file first, and move `position`.

        Args:
            data: what comes next.
            begun: how many bytes of its first line are written already; where somebody removed
                that file, `position` moves back by so many and nothing is written.

        Raises:
            OSError: the disk does not take it; the file is closed and opened again next time.
        """
        try:
            descriptor, is_new = self._open()
            if is_new and begun:
                self.position -= begun
                return
            if self._unsure and self._note_size(descriptor):
                return
            self._unsure = True
            taken = _write_all(descriptor, data)
            # No call until all is noted: a signal handler cannot come between.
            self.position += taken
            self.size += taken
            self._unsure = False
        except OSError:
            self._unsure = False
            self.close()
            raise

    def _note_size(self, descriptor: int) -> int:
        """Note what an interrupted write has written after all, and return how much it was."""
        taken = max(0, os.fstat(descriptor).st_size - self.size)
        self.position += taken
        self.size += taken
        self._unsure = False
        return taken

    def _open(self) -> tuple[int, bool]:
        """Return the descriptor of the segment, and whether its file is a new one."""
        if self._descriptor is not None:
            if file_identity(self.path) == self._file:
                return self._descriptor, False
            # Somebody moved or removed the file, perhaps with its directory.
            self.close()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._descriptor, is_new = _open_or_create(self.path)
        file = file_identity(self._descriptor)
        if self.is_plain and not is_new and self._file not in (None, file):
            # Another session has the plain name by now.
            self.close()
            self.is_plain = False
            self._descriptor, is_new = _open_or_create(self.path)
            file = file_identity(self._descriptor)
        # One that was made just now may have the inode of the one that is gone.
        is_new = is_new or file != self._file
        if is_new:
            self._file = file
            self.size, self._begun_at = os.fstat(self._descriptor).st_size, self._clock()
        return self._descriptor, is_new

    def close(self) -> None:
        """Close the file, which stays as it is; the next write opens it again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def begin_anew(self, closed: Path) -> None:
        """Give the file another name, and put an empty one in its place.

        The active name always stands for a file, so no other session takes the plain one.

        Args:
            closed: a free name beside it.

        Raises:
            OSError: the disk does not allow it, and nothing has changed.
        """
        active = self.path
        empty = active.with_name(f".{active.name}.{os.getpid()}.tmp")
        descriptor = os.open(empty, _APPEND | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _exchange(active, closed, empty)
        except BaseException:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                empty.unlink()
            raise
        self.close()
        self._descriptor, self._file = descriptor, file_identity(descriptor)
        self.size, self._begun_at = 0, self._clock()


def _exchange(active: Path, closed: Path, empty: Path) -> None:
    """Rename `active` to `closed`, a free name, and `empty` to `active`; both or neither."""
    try:
        os.link(active, closed)
    except FileExistsError:
        raise
    except OSError:
        # A disk without hard links: for a moment there is no file of the active name.
        active.rename(closed)
    try:
        empty.replace(active)
    except OSError:
        closed.replace(active)
        raise


def _open_or_create(path: Path) -> tuple[int, bool]:
    """Return a descriptor that appends to a file, and whether the file was made for it."""
    try:
        return os.open(path, _APPEND | os.O_CREAT | os.O_EXCL, 0o666), True
    except FileExistsError:
        return os.open(path, _APPEND | os.O_CREAT, 0o666), False


def _write_all(descriptor: int, data: list[memoryview]) -> int:
    """Write what the disk takes in one call, and return how many bytes that was."""
    if hasattr(os, "writev"):
        return os.writev(descriptor, data)
    return os.write(descriptor, b"".join(data))
