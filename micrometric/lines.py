"""Whole lines of what comes block by block, and of one file that another process appends to.

A line is held back until its end is there. Of a file the bytes before the read position are
remembered, so that one which was truncated and has grown again is read from its start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from micrometric.bounds import LINE_LIMIT
from micrometric.regular import open_regular

_BLOCK = 64 * 1024
"""Most bytes read at a time: one busy file cannot keep others waiting, and what is made of so many
lines stays in the processor's cache until it is written."""
_MARK = 64
"""Bytes before the read position that are remembered."""
HEAD_BYTES = 256
"""Bytes of the first line by which a segment is known again once it is compressed."""


@dataclass(slots=True)
class LineCount:
    """Which line comes next, for what is skipped to be found again.

    Whoever takes lines counts them: having made events of them it knows how many they were. To look
    for their ends only to count them would take a twentieth of the time that reading takes.
    """

    next: int | None = 1
    """Its number, from 1; None where the start was not read."""

    def take(self, count: int = 1) -> int | None:
        """Count some lines; return the number of the first of them."""
        number = self.next
        if number is not None:
            self.next = number + count
        return number


class LineBuffer:
    """Makes whole lines of blocks of bytes, and holds back what has no end yet.

    A line beyond the limit is given up as soon as it is: its start comes, longer than the limit
    and with an end, for it to be reported; what follows of it is passed.
    """

    def __init__(self) -> None:
        self._half: list[bytes] = []
        self._size = 0
        self._passing = False
        """Whether what comes belongs to a line that was given up."""

    def whole_lines(self, block: bytes) -> bytes:
        """Return the lines that a block completes, with their ends."""
        end = block.rfind(b"\n") + 1
        self._half.append(block[:end] or block)
        self._size += len(block)
        if not end:
            return self._give_up() if self._size > LINE_LIMIT else b""
        lines = b"".join(self._half)
        if self._passing:
            lines = lines[lines.index(b"\n") + 1 :]
        self._half, self._size, self._passing = [block[end:]], len(block) - end, False
        return lines

    def take_half(self) -> bytes:
        """Return what has come of a line without its end, and count it as told."""
        half = b"" if self._passing else b"".join(self._half)
        self._half, self._size = [], 0
        return half

    def _give_up(self) -> bytes:
        start = b"" if self._passing else b"".join(self._half) + b"\n"
        self._half, self._size, self._passing = [], 0, True
        return start


class GrowingFile:
    """A file opened for following; it stays the same file whatever becomes of its name.

    Not safe from threads.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = open_regular(path, buffering=0)
        self._position = 0
        self._whole = self._size = 0
        """At `seek_end`: where the last whole line ended, and the file."""
        self._mark = b""
        self._buffer = LineBuffer()
        self.count = LineCount()
        """Counts the lines that come, where whoever takes them does."""
        self._state: tuple[int, int] | None = None
        self._grown = time.monotonic()
        self.behind = False
        """Whether the last look left something to be read."""

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        status = os.fstat(self._file.fileno())
        return status.st_dev, status.st_ino

    @property
    def descriptor(self) -> int:
        """The open file, for the system."""
        return self._file.fileno()

    @property
    def unread(self) -> int:
        """Bytes that stand behind what was read."""
        return max(0, os.fstat(self._file.fileno()).st_size - self._position)

    @property
    def quiet_time(self) -> float:
        """Seconds since something was read."""
        return time.monotonic() - self._grown

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def head(self) -> bytes:
        """Return the first line, or as much of it as tells it from others."""
        return self._read(0, HEAD_BYTES).partition(b"\n")[0] + b"\n"

    def new_lines(self) -> bytes:
        """Return the lines completed since the last look, with their ends.

        Raises:
            OSError: the file cannot be read.
        """
        status = os.fstat(self._file.fileno())
        state = status.st_size, status.st_mtime_ns
        if state == self._state:
            return b""
        if status.st_size < self._position or not self._is_unchanged():
            self._restart()
        self._file.seek(self._position)
        block = self._file.read(_BLOCK)
        self.behind = len(block) == _BLOCK
        # What is written from here on changes size or time again.
        self._state = None if self.behind else state
        if not block:
            return b""
        self._position += len(block)
        # Not of all of a long block: it would be copied.
        self._mark = (self._mark + block[-_MARK:])[-_MARK:]
        self._grown = time.monotonic()
        return self._buffer.whole_lines(block)

    def take_half(self) -> bytes:
        """Return what was read of a line without its end, and count it as told."""
        return self._buffer.take_half()

    def seek_end(self) -> None:
        """Stand at the end of the last whole line that is there now."""
        start = self._size = os.fstat(self._file.fileno()).st_size
        found = -1
        while start > 0 and found < 0:
            end, start = start, max(0, start - _BLOCK)
            found = self._read(start, end).rfind(b"\n")
        self._whole = start + found + 1
        self._stand(self._whole)

    def lines_back(self) -> Iterator[bytes]:
        """Yield the whole lines that were there at `seek_end`, the last first.

        Of one that is too long, no more than tells that it is.
        """
        start = self._whole
        tail: list[bytes] = []
        length = 0
        while start > 0:
            end, start = start, max(0, start - _BLOCK)
            first, *lines = self._read(start, end).split(b"\n")
            if lines:
                yield b"".join([lines.pop(), *reversed(tail)])
                yield from reversed(lines)
                tail, length = [], 0
            if length <= LINE_LIMIT:
                tail.append(first)
                length += len(first)
        yield b"".join(reversed(tail))

    def unfinished(self) -> bytes:
        """Return what stood behind the last whole line at `seek_end`, as far as it may be one."""
        return self._read(self._whole, min(self._size, self._whole + LINE_LIMIT + 1))

    def take_unfinished(self) -> None:
        """Count what stood behind the last whole line as read."""
        self._stand(self._size)

    def _read(self, start: int, end: int) -> bytes:
        self._file.seek(start)
        return self._file.read(end - start)

    def _stand(self, position: int) -> None:
        self._position = position
        self.count = LineCount(None if position else 1)
        self._mark = self._read(max(0, position - _MARK), position)

    def _is_unchanged(self) -> bool:
        return self._read(self._position - len(self._mark), self._position) == self._mark

    def _restart(self) -> None:
        self._position, self._mark = 0, b""
        self._buffer, self.count = LineBuffer(), LineCount()
