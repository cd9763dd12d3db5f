"""What is there under a URL: looked up, matched and listed on its file system."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from micrometric.download import is_missing
from micrometric.errors import PathError
from micrometric.fetched import shown_url, url_parts
from micrometric.protocols import WEB, open_protocol
from micrometric.remote_file import Place

_PAGES = 20_000
"""Pages of the web that are looked at: a server may make up links for ever."""


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
        self._files, self._path = open_protocol(self._protocol, url)
        # In the URLs of the web, ? begins the query.
        magic = r"[*\[]" if self._protocol in WEB else r"[*?\[]"
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
        return self._protocol in WEB and (
            self._path.endswith("/") or info.get("mimetype") == "text/html"
        )

    def glob(self) -> list[Place]:
        """Return what the URL means as a pattern, in order."""
        pattern = self._path + "/" * (self._url.endswith("/") and self._path[-1:] != "/")
        still = re.split(r"[*?\[]", self._url, maxsplit=1)[0].rpartition("/")[0]
        top = re.split(r"[*?\[]", self._path, maxsplit=1)[0].rpartition("/")[0]
        parts = url_parts(still)[1] if "://" in still else ()
        base = Place(top, (self._protocol, *parts), is_directory=True)
        if self._protocol in WEB:
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
        if self._protocol in WEB:
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
