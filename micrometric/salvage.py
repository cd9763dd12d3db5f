"""Everything that damaged compressed data still gives, to the last byte before the damage."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from micrometric.regular import open_regular

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1 << 16
_GZIP = 31
"""Window bits that make zlib expect a header of gzip."""
_FRAGMENT = 64
"""Bytes of zstd that are unpacked at a time: what damage among them hides is lost."""


class DamagedError(Exception):
    """Compressed data ends early or is damaged.

    Attributes:
        place: bytes of the file before the damage, as far as that can be told.
    """

    def __init__(self, reason: str, place: int) -> None:
        super().__init__(reason)
        self.place = place


def unpacked(path: Path, suffix: str) -> Iterator[bytes]:
    """Yield what a file of lines unpacks to, bit by bit.

    Args:
        path: the file.
        suffix: how it is compressed, one of `SUFFIXES` but for Parquet.

    Raises:
        DamagedError: after everything before the damage was yielded.
        OSError: the file cannot be read.
    """
    with open_regular(path) as file:
        yield from _unpack(file, suffix)


class Unpacked(io.RawIOBase):
    """What an open file of lines unpacks to, as a file.

    Reading it raises `DamagedError` behind everything that is before the damage. The libraries'
    own file of zstd takes a frame that was cut off for one that has ended.

    Args:
        file: the compressed data.
        suffix: see `unpacked`.
    """

    def __init__(self, file: IO[bytes], suffix: str) -> None:
        self._chunks = _unpack(file, suffix)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Put the next bytes into a buffer and return how many; none at the end."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        room = memoryview(buffer)
        count = min(len(room), len(self._left))
        room[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _unpack(file: IO[bytes], suffix: str) -> Iterator[bytes]:
    if suffix == ".jsonl.gz":
        return _members(file, lambda: zlib.decompressobj(_GZIP), len)
    if suffix == ".jsonl.zst":
        import zstandard

        return _members(file, lambda: zstandard.ZstdDecompressor().decompressobj(), _fragment)
    return _chunks(file)


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _members(
    file: IO[bytes], new_stream: Callable[[], Any], piece: Callable[[bytes], int]
) -> Iterator[bytes]:
    """Yield what the members of gzip, or the frames of zstd, unpack to, one after the other.

    Args:
        file: the compressed data. NULs behind a member are padding.
        new_stream: makes what unpacks a member.
        piece: how many bytes to unpack at a time.
    """
    stream: Any = None
    place = 0
    for chunk in _chunks(file):
        left = chunk
        while left:
            if stream is None or stream.eof:
                left = left.lstrip(b"\0")
                if not left:
                    break
                stream = new_stream()
            packed, left = left[: piece(left)], left[piece(left) :]
            before = stream.copy() if hasattr(stream, "copy") else None
            try:
                data = stream.decompress(packed)
            except Exception as error:  # noqa: BLE001 - each library has its own
                if before is not None:
                    yield from _byte_by_byte(before, packed)
                where = place + len(chunk) - len(left) - len(packed)
                raise DamagedError(str(error), where) from None
            yield data
            left = stream.unused_data + left
        place += len(chunk)
    if stream is None:
        raise DamagedError("there are no bytes", place)  # Even of no lines there are some bytes.
    if not stream.eof:
        raise DamagedError("it ends before the end of its data", place)


def _byte_by_byte(stream: Any, packed: bytes) -> Iterator[bytes]:
    """Yield what is before the damage in bytes that hold it."""
    for number in range(len(packed)):
        try:
            yield stream.decompress(packed[number : number + 1])
        except zlib.error:
            return


def _fragment(_: bytes) -> int:
    return _FRAGMENT
