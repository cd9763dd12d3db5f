"""Files opened for reading that others can change: what was a file may be a pipe by now."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path, *, buffering: int = -1) -> BinaryIO:
    """Open a regular file for reading, and nothing for which one would wait, or without end.

    Whoever may write in a directory may put a FIFO or a device in a file's place at any moment,
    so the look at what it is comes after the opening, which waits for nobody.

    Args:
        path: the file.
        buffering: as `open` takes it.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    file = open(path, "rb", buffering, opener=_at_once)  # noqa: SIM115 - for the caller
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file")
    return file


def _at_once(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
