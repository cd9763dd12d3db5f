"""A file under a URL, read where it lies."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from micrometric.download import is_missing, unreadable
from micrometric.errors import PathError
from micrometric.fetched import url_parts
from micrometric.protocols import WEB, open_protocol

_BLOCK = 4 * 1024 * 1024
"""Bytes of a file that are asked for at a time where it is read in place."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file or directory on a remote file system."""

    name: str
    """As the file system calls it."""
    parts: tuple[str, ...]
    """Protocol, bucket or host, and the names down to it."""
    is_directory: bool
    size: int | None = None

    def child(self, name: str, info: dict[str, Any]) -> Place | None:
        """Return a place below this one; None for what a listing names from elsewhere."""
        top = self.name.rstrip("/") + "/" if self.name else ""
        if not name.startswith(top) or len(name) == len(top):
            return None
        names = name[len(top) :].rstrip("/").split("/")
        if self.parts[0] in WEB:
            names = [unquote(part) for part in names]
            if {"", ".", ".."} & {*names}:
                return None  # There they mean a place that has another name.
        is_directory = info.get("type") == "directory"
        return Place(name, (*self.parts, *names), is_directory, info.get("size"))


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is read where it lies, by whatever process it is told to."""

    url: str = field(repr=False)
    """The URL under which it was found, which tells the file system; it may hold secrets."""
    name: str
    """As the file system calls it."""
    shown: str
    """Its own URL, without secrets."""
    size: int | None
    is_web: bool
    """Whether its server may give it only whole."""

    @classmethod
    def at(cls, url: str, place: Place) -> RemoteFile:
        """Return the file at a place that was found under a URL."""
        protocol, *parts = place.parts
        told = f"{protocol}://{'/'.join(parts)}"
        return cls(url, place.name, told, place.size, protocol in WEB)

    def open(self) -> io.RawIOBase:
        """Open it for reading; bytes come as they are asked for.

        Raises:
            PathError: it cannot be read, or a package is missing; also while reading.
        """
        return _Opened(self)


class _Opened(io.RawIOBase):
    """A remote file whose troubles are ours."""

    def __init__(self, file: RemoteFile) -> None:
        super().__init__()
        self._shown = file.shown
        files, _ = open_protocol(url_parts(file.url)[0], file.url)
        with self._told():
            self._file = files.open(file.name, "rb", block_size=_BLOCK)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say whether it can be read from any place on."""
        return bool(self._file.seekable())

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes; 0 at the end."""
        with self._told():
            found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        with self._told():
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._file.tell())

    def close(self) -> None:
        """Close it."""
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 - file systems raise what they like
            if is_missing(error):
                raise PathError(
                    f"cannot read {self._shown!r}: it was listed and is not there; try again when "
                    "nothing is moved there"
                ) from None
            raise unreadable(self._shown, error) from None
