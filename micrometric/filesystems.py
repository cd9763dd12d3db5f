"""The file systems of fsspec behind URLs: which one, with which options, and what is there.

Credentials, profiles and endpoints are those that the file systems find themselves, in the
environment and the usual files. Nothing here is imported before a URL is read.
"""

from __future__ import annotations

import contextlib
import fnmatch
import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from micrometric.download import is_missing, unreadable
from micrometric.errors import PathError
from micrometric.fetched import shown_url, url_parts
from micrometric.spec import hint

_COMMANDS = {
    "s3": ("s3fs", "'micrometric[s3]'"),
    "s3a": ("s3fs", "'micrometric[s3]'"),
    "gs": ("gcsfs", "'micrometric[remote]' gcsfs"),
    "gcs": ("gcsfs", "'micrometric[remote]' gcsfs"),
    "az": ("adlfs", "'micrometric[remote]' adlfs"),
    "abfs": ("adlfs", "'micrometric[remote]' adlfs"),
    "abfss": ("adlfs", "'micrometric[remote]' adlfs"),
}
"""What reading a protocol needs, and what pip is to install for it."""
_USUAL = ("s3", "gs", "az", "https", "file")
_WEB = ("http", "https")
_CONNECT_SECONDS = 10
_READ_SECONDS = 30
_TRIES = 3
_BLOCK = 4 * 1024 * 1024
"""Bytes of a file that are asked for at a time where it is read in place."""
_PAGES = 20_000
"""Pages of the web that are looked at: a server may make up links for ever."""


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
        if self.parts[0] in _WEB:
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
        return cls(url, place.name, told, place.size, protocol in _WEB)

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
        files, _ = _opened(url_parts(file.url)[0], file.url)
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


class Remote:
    """A URL on its file system. Its methods wait for the network, and raise what that raises.

    Args:
        url: the URL.

    Raises:
        PathError: a package is missing, there is no such protocol, or the URL is not whole.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._protocol, parts = url_parts(url)
        if not parts and self._protocol != "memory":
            raise PathError(
                f"{shown_url(url)!r} names no bucket or host; expected one behind '://'"
            )
        self._files, self._path = _opened(self._protocol, url)
        # In the URLs of the web, ? begins the query.
        magic = r"[*\[]" if self._protocol in _WEB else r"[*?\[]"
        self.has_magic = re.search(magic, self._path) is not None
        self._pages = 0
        self._place = Place(self._path, (self._protocol, *parts), is_directory=True)

    def look_up(self) -> Place | None:
        """Return what the URL names, taken literally; None where there is nothing."""
        try:
            info = self._files.info(self._path)
        except Exception as error:
            if is_missing(error):
                return None
            raise
        is_directory = info["type"] == "directory" or self._is_index(info)
        return Place(self._path, self._place.parts, is_directory, info.get("size"))

    def _is_index(self, info: dict[str, Any]) -> bool:
        """Say whether a file of the web is rather a page that lists files."""
        return self._protocol in _WEB and (
            self._path.endswith("/") or info.get("mimetype") == "text/html"
        )

    def glob(self) -> list[Place]:
        """Return what the URL means as a pattern, in order."""
        pattern = self._path + "/" * (self._url.endswith("/") and self._path[-1:] != "/")
        still = re.split(r"[*?\[]", self._url, maxsplit=1)[0].rpartition("/")[0]
        top = re.split(r"[*?\[]", self._path, maxsplit=1)[0].rpartition("/")[0]
        parts = url_parts(still)[1] if "://" in still else ()
        base = Place(top, (self._protocol, *parts), is_directory=True)
        if self._protocol in _WEB:
            return [*self._matches(base, pattern[len(top) + 1 :].split("/"))]
        found = self._files.glob(pattern, detail=True)
        places = [base.child(name, info) for name, info in sorted(found.items())]
        return [place for place in places if place is not None]

    def _matches(self, top: Place, patterns: list[str]) -> Iterator[Place]:
        """Yield what the names in pages match, level by level; fsspec compares them quoted."""
        first, *rest = patterns
        if first == "**" and rest:
            yield from self._matches(top, rest)
        for one in sorted(self._listed(top), key=lambda place: place.name):
            if first == "**" and rest:
                if one.is_directory:
                    yield from self._matches(one, patterns)
            elif fnmatch.fnmatchcase(one.parts[-1], unquote(first)):
                if rest in ([], [""]):
                    yield from [one] * (one.is_directory or not rest)
                elif one.is_directory:
                    yield from self._matches(one, rest)

    def below(self, place: Place) -> list[Place]:
        """Return the files in a directory and below it."""
        if self._protocol in _WEB:
            return [*self._crawled(place)]
        found = self._files.find(place.name, detail=True)
        places = (place.child(name, info) for name, info in found.items())
        return [one for one in places if one is not None and not one.is_directory]

    def _crawled(self, top: Place) -> Iterator[Place]:
        """Yield the files that pages link to, from the top downwards and never elsewhere."""
        todo, seen = [top], {top.name.rstrip("/")}
        while todo:
            for one in self._listed(todo.pop()):
                if not one.is_directory:
                    yield one
                elif one.name.rstrip("/") not in seen:
                    seen.add(one.name.rstrip("/"))
                    todo.append(one)

    def beside(self, place: Place) -> list[Place]:
        """Return the files in the directory of a file."""
        name = place.name.rpartition("/")[0]
        top = Place(name, place.parts[:-1], is_directory=True)
        return [one for one in self._listed(top) if not one.is_directory]

    def _listed(self, place: Place) -> list[Place]:
        self._pages += 1
        if self._pages > _PAGES:
            raise PathError(
                f"{shown_url(self._url)!r} has more than {_PAGES} directories; name one of them"
            )
        listed = self._files.ls(place.name, detail=True)
        places = (place.child(info["name"], info) for info in listed)
        return [one for one in places if one is not None]

    def get(self, place: Place, path: Path, alive: Callable[[int], None]) -> None:
        """Write a file to a path, piece by piece.

        Args:
            place: the file.
            path: where to write it.
            alive: is told how many bytes came; what it raises ends it.
        """
        from fsspec.callbacks import Callback

        told = 0

        def tell(_: int | None, value: int, **__: object) -> None:
            nonlocal told
            alive(value - told)
            told = value

        self._files.get_file(place.name, str(path), callback=Callback(hooks={"alive": tell}))


def _opened(protocol: str, url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and what it calls the path."""
    told = shown_url(url)
    package, command = _COMMANDS.get(protocol, ("fsspec", "'micrometric[remote]'"))
    try:
        import fsspec

        kind = fsspec.get_filesystem_class(protocol)
    except ValueError:
        raise PathError(
            f"cannot read {told!r}: there is no protocol {protocol!r}{hint(protocol, _USUAL)}"
        ) from None
    except ImportError as error:
        missing = getattr(error.__cause__ or error, "name", None) or package
        if protocol not in _COMMANDS and missing not in ("fsspec", "aiohttp"):
            command = f"{command} {missing}"
        raise PathError(
            f"reading {told!r} needs {missing}; install it with: pip install {command}"
        ) from None
    try:
        options = kind._get_kwargs_from_urls(url) | _options(protocol)
        # Listings of a moment ago may be wrong by now.
        return kind(use_listings_cache=False, **options), str(kind._strip_protocol(url))
    except Exception as error:  # noqa: BLE001 - file systems raise what they like
        raise unreadable(told, error) from None


def _options(protocol: str) -> dict[str, Any]:
    """Return what makes a file system give up in time; what the user configured wins."""
    from fsspec.config import conf

    configured = conf.get(protocol, {})
    if protocol in ("s3", "s3a"):
        limits: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": _READ_SECONDS,
        }
        if "AWS_MAX_ATTEMPTS" not in os.environ:
            limits["retries"] = {"total_max_attempts": _TRIES, "mode": "standard"}
        # One stream a file: parts that are fetched apart may be of two versions of it.
        return {
            "max_concurrency": 1,
            "config_kwargs": limits | configured.get("config_kwargs", {}),
        }
    if protocol in _WEB:
        import aiohttp

        # By default a download may take five minutes in all, however well it goes.
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS
        )
        ours = {"timeout": timeout, "trust_env": True, "headers": {"Accept-Encoding": "identity"}}
        return {"client_kwargs": ours | configured.get("client_kwargs", {})}
    return {}
