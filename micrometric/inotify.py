"""Kernel events of Linux about files and directories, by a few calls of the C library.

See inotify(7). No more than what a follower needs, which is less than any binding would load.
"""

from __future__ import annotations

import os
import struct
import sys
from typing import Any

MODIFY = 0x2
NAMES = 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
"""Of a directory: attributes, moved from and to, created, deleted, and what befalls itself."""
IS_DIRECTORY = 0x40000000
"""In an event: what it is about is a directory."""
OVERFLOW = 0x4000
"""The kernel's queue was full, and events are lost."""
GONE = 0x8000
"""The watch has ended, for what it was about is gone."""

_HEADER = struct.Struct("iIII")
_BUFFER = 256 * 1024


class Inotify:
    """An instance of the kernel's inotify; its descriptor is readable when there are events.

    Raises:
        OSError: this system has none, or the user has as many as are allowed.
    """

    def __init__(self) -> None:
        self._libc = _libc()
        self.descriptor: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.descriptor < 0:
            raise _last_error()

    def watch(self, path: str, mask: int) -> int:
        """Begin to watch what a path means now, and return the number of the watch.

        A file that is watched already, under whatever name, keeps its number.

        Raises:
            OSError: there is no such path, or the user has as many watches as are allowed.
        """
        number: int = self._libc.inotify_add_watch(self.descriptor, os.fsencode(path), mask)
        if number < 0:
            raise _last_error()
        return number

    def forget(self, number: int) -> None:
        """End a watch, which may have ended by itself."""
        self._libc.inotify_rm_watch(self.descriptor, number)

    def read(self) -> list[tuple[int, int, str]]:
        """Return the events that are there: number of the watch, mask, and name in a directory."""
        try:
            data = os.read(self.descriptor, _BUFFER)
        except BlockingIOError:
            return []
        events = []
        start = 0
        while start < len(data):
            number, mask, _, length = _HEADER.unpack_from(data, start)
            start += _HEADER.size
            name = os.fsdecode(data[start : start + length].rstrip(b"\0"))
            events.append((number, mask, name))
            start += length
        return events

    def close(self) -> None:
        """End all watches; again is fine."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1


def _libc() -> Any:
    if sys.platform != "linux":
        raise OSError("only Linux has inotify")
    import ctypes  # takes 10 ms to load

    return ctypes.CDLL(None, use_errno=True)


def _last_error() -> OSError:
    import ctypes

    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
