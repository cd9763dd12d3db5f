"""The way from one URL to files in a mirror: what it lists, and how that is fetched.

Only names that `finder` would recognise are fetched, all from listings and none from what a
manifest says. Segments may also be left where they lie, for those who read them there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, cast

from micrometric.download import LISTING_PATIENCE, Signs, each, is_missing, unreadable
from micrometric.errors import PathError
from micrometric.fetched import remove_root, shown_url
from micrometric.filesystems import Remote
from micrometric.remote_file import Place, RemoteFile
from micrometric.segment import (
    LINE_SUFFIXES,
    REGISTRY_NAME,
    is_manifest_name,
    nothing_in,
    parse_segment_name,
)

if TYPE_CHECKING:
    from micrometric.remote import Mirror

Want = Literal["all", "manifests", "in place"]
"""What is fetched: segments and manifests, manifests alone, or manifests while segments are listed
and left where they lie."""
Answer = TypeVar("Answer")

_ATTEMPTS = 4
"""Times a directory is fetched in which names change meanwhile."""


def is_manifest(name: str) -> bool:
    """Say whether a name is one of a manifest, of a session or of a directory."""
    return is_manifest_name(name) or name == REGISTRY_NAME


class Fetch:
    """The way from one URL to files in a mirror.

    Args:
        mirror: receives the files.
        url: a file, a directory with all below it, or a glob.
        want: what is fetched.
    """

    def __init__(self, mirror: Mirror, url: str, want: Want) -> None:
        self._mirror = mirror
        self._given = url
        self._url = shown_url(url)
        self._want = want
        self._remote = Remote(url)
        self._signs = Signs()

    @property
    def _wants_segments(self) -> bool:
        return self._want != "manifests"

    def roots(self) -> list[Path]:
        """Fetch, and return the local paths of what the URL means."""
        return [
            self._directory(place) if place.is_directory else self._file(place)
            for place in self._places()
        ]

    def _places(self) -> list[Place]:
        place = self._ask(self._remote.look_up)
        if place is not None:
            return [place]
        if not self._remote.has_magic:
            raise PathError(f"no such path: {self._url!r}")
        places = self._ask(self._remote.glob, LISTING_PATIENCE)
        if not places:
            raise PathError(f"no path matches {self._url!r}")
        return places

    def _ask(self, question: Callable[[], Answer], patience: float | None = None) -> Answer:
        """Return the answer to a question about the URL.

        Raises:
            PathError: there is none.
        """
        (answer,) = each(
            lambda _: question(), [None], url=self._url, signs=self._signs, patience=patience
        )
        if answer.error is not None:
            if is_missing(answer.error):
                raise PathError(f"no such path: {self._url!r}") from None
            raise unreadable(self._url, answer.error) from None
        return cast(Answer, answer.result)

    def _directory(self, place: Place) -> Path:
        """Fetch a directory as it is at one moment, as far as names tell."""
        root = self._mirror.directory(place.parts)
        there, others = self._below(place)
        if self._wants_segments and not there:
            raise PathError(nothing_in(self._url, [*map(_told, others)]))
        todo = there
        for _ in range(_ATTEMPTS):
            gone = self._get(todo.values())
            before, (there, _) = there, self._below(place)
            if there.keys() == before.keys() and not gone:
                return root
            # A segment was closed or compressed meanwhile, and its events may be here twice or not
            # at all: what changed its names is fetched again as a whole.
            changed = {parts[:-1] for parts in there.keys() ^ before.keys()}
            changed.update(one.parts[:-1] for one in gone)
            for parts in before.keys() - there.keys():
                self._mirror.forget(self._mirror.file(parts))
            todo = {parts: one for parts, one in there.items() if parts[:-1] in changed}
        gone = self._get(todo.values())
        if gone:
            raise PathError(
                f"cannot read {_told(gone[0])!r}: it is listed and not there; try again when "
                "nothing is moved there"
            )
        return root

    def _below(self, place: Place) -> tuple[dict[tuple[str, ...], Place], list[Place]]:
        """Return the files that are wanted in a directory and below, and other files of lines."""
        wanted, others = {}, []
        for one in self._ask(lambda: self._remote.below(place), LISTING_PATIENCE):
            name = one.parts[-1]
            if is_manifest(name) or (self._wants_segments and parse_segment_name(name)):
                wanted[one.parts] = one
            elif name.endswith(LINE_SUFFIXES):
                others.append(one)
        return wanted, others

    def _file(self, place: Place) -> Path:
        """Fetch a file, and the manifests beside it where they can be listed."""
        path = self._mirror.file(place.parts)
        is_wanted = self._wants_segments or parse_segment_name(place.parts[-1]) is None
        if is_wanted and self._get([place]):
            raise PathError(f"no such path: {_told(place)!r}")
        try:
            beside = self._ask(lambda: self._remote.beside(place))
        except PathError:
            return path  # Many may read a file and not list its directory, above all on the web.
        self._get(one for one in beside if is_manifest(one.parts[-1]) and one.parts != place.parts)
        return path

    def _get(self, places: Iterable[Place]) -> list[Place]:
        """Fetch files, several at once, and return those that went away since they were listed.

        Segments that are left in place are noted alone.

        Raises:
            PathError: one cannot be read.
        """
        root = self._mirror.root
        targets = {one: self._mirror.file(one.parts) for one in places}
        if self._want == "in place":
            for left in [one for one in targets if not is_manifest(one.parts[-1])]:
                self._mirror.leave(targets.pop(left), RemoteFile.at(self._given, left))
        progress = self._signs.progress
        progress.expect([one.size for one in targets])

        def get(place: Place) -> None:
            try:
                self._remote.get(place, targets[place], self._signs.alive)
            finally:
                if self._signs.stopped.is_set():
                    remove_root(root, os.getpid())  # It may be here again, by this file.

        gone = []
        fetched = each(
            get,
            targets,
            url=self._url,
            signs=self._signs,
            measure=lambda: sum(path.stat().st_size for path in targets.values()),
            on_pulse=self._mirror.pulse,
        )
        with contextlib.closing(fetched):
            for one in fetched:
                progress.files += 1
                if one.error is not None:
                    if not is_missing(one.error):
                        raise unreadable(_told(one.item), one.error) from None
                    gone.append(one.item)
        for place in gone:
            self._mirror.forget(targets[place])
        return gone


def _told(place: Place) -> str:
    protocol, *parts = place.parts
    return f"{protocol}://{'/'.join(parts)}"
