"""URLs among paths: what they mean is fetched into a temporary tree of the same form.

Everything that reads then reads files, as everywhere. Only names that `finder` would recognise
are fetched, all from listings and none from what a manifest says. The tree goes when nothing
holds its `Mirror` any more, at the latest with the process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar, cast

from micrometric.download import (
    LISTING_PATIENCE,
    Progress,
    Signs,
    each,
    is_missing,
    unreadable,
)
from micrometric.errors import PathError
from micrometric.fetched import is_url, local_name, new_root, quoted_name, root_of, shown, shown_url
from micrometric.filesystems import Place, Remote
from micrometric.segment import REGISTRY_NAME, is_manifest_name, nothing_in, parse_segment_name

Given = str | os.PathLike[str]
OnProgress = Callable[[Progress | None], None]
"""Is told how far fetching has come, several times a second, and None when it is over."""
Answer = TypeVar("Answer")

_ATTEMPTS = 4
"""Times a directory is fetched in which names change meanwhile."""
LOCAL_PROTOCOLS = ("file://", "local://")
"""What URLs of files of this machine begin with; these are read in their place."""

_mirrors: weakref.WeakValueDictionary[Path, Mirror] = weakref.WeakValueDictionary()
_kept: list[Mirror] = []
"""The mirror that is used for everything within `kept`, if any."""


def local_paths(
    paths: Given | Iterable[Given], *, segments: bool = True
) -> tuple[list[Given], Mirror | None]:
    """Return paths with each URL replaced by the local paths of what it means.

    Args:
        paths: one or several.
        segments: whether events are wanted; else manifests suffice.

    Returns:
        The paths, and what those that were fetched need to be held to stay.

    Raises:
        PathError: a URL means nothing, or cannot be read; or a package that reads it is missing.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    mirror = _kept[-1] if _kept else Mirror()
    local: list[Given] = []
    fetched = False
    for path in given:
        if not is_url(path):
            local.append(path)
        elif str(path).lower().startswith(LOCAL_PROTOCOLS):
            local.append(str(path).partition("://")[2])
        else:
            local += mirror.fetch(str(path), segments=segments)
            fetched = True
    return local, mirror if fetched else None


def mirror_of(path: Path) -> Mirror | None:
    """Return what holds a fetched file in its place, None for any other file."""
    root = root_of(path)
    return None if root is None else _mirrors.get(root)


@contextlib.contextmanager
def kept(on_progress: OnProgress | None = None) -> Iterator[None]:
    """Fetch each URL once in this block, however often it is read; not for several threads.

    Args:
        on_progress: is told how fetching goes on.
    """
    _kept.append(Mirror(on_progress))
    try:
        yield
    finally:
        _kept.pop()


class Mirror:
    """A temporary copy of what some URLs mean, which goes with it.

    Args:
        on_progress: is told how fetching goes on.
    """

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self._on_progress = on_progress
        self._root: Path | None = None
        self._known: dict[tuple[str, bool], list[Path]] = {}
        self._claimed: set[Path] = set()
        """Files that were made here."""

    def fetch(self, url: str, *, segments: bool = True) -> list[Path]:
        """Fetch what a URL means, once, and return the files and directories it stands for.

        Args:
            url: a file, a directory with all below it, or a glob.
            segments: whether events are wanted; else manifests suffice.

        Raises:
            PathError: there is no such path, it cannot be read, or holds no logs.
        """
        if (url, segments) not in self._known:
            try:
                self._known[url, segments] = _Fetch(self, url, segments).roots()
            except BaseException:
                if not self._known:
                    self._remove()  # At once: whoever keeps the error keeps this mirror with it.
                raise
            finally:
                self.pulse(None)
        return self._known[url, segments]

    @property
    def root(self) -> Path:
        """The temporary directory, made when it is needed first."""
        if self._root is None:
            self._root = new_root()
            _mirrors[self._root] = self
            weakref.finalize(self, _remove, self._root, os.getpid())
        return self._root

    def _remove(self) -> None:
        if self._root is not None:
            _remove(self._root, os.getpid())
        self._root = None
        self._claimed.clear()

    def directory(self, parts: tuple[str, ...]) -> Path:
        """Return the directory for some parts of a URL, and make it."""
        directory = self.root.joinpath(*map(_directory_name, parts))
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def file(self, parts: tuple[str, ...]) -> Path:
        """Return the file for some parts of a URL, and make it, empty.

        Raises:
            PathError: this disk takes its name for that of another.
        """
        path = self.directory(parts[:-1]) / local_name(parts[-1])
        if path not in self._claimed:
            try:
                path.touch(exist_ok=False)
            except FileExistsError:
                raise PathError(
                    f"cannot fetch {shown(path)!r} beside a name that this disk takes for the "
                    "same; TMPDIR names a directory on another"
                ) from None
            self._claimed.add(path)
        return path

    def forget(self, path: Path) -> None:
        """Remove a file that is not there any more."""
        self._claimed.discard(path)
        path.unlink(missing_ok=True)

    def pulse(self, progress: Progress | None) -> None:
        """Tell how far fetching has come, or that it is over."""
        if self._on_progress is not None:
            self._on_progress(progress)


def _directory_name(part: str) -> str:
    # A directory with the name of a file of ours would stand where that file belongs.
    return quoted_name(part) if _is_manifest(part) or parse_segment_name(part) else local_name(part)


def _is_manifest(name: str) -> bool:
    return is_manifest_name(name) or name == REGISTRY_NAME


def _remove(root: Path, pid: int) -> None:
    if os.getpid() == pid:  # A child that was forked has its parent's mirrors, but not for itself.
        shutil.rmtree(root, ignore_errors=True)


class _Fetch:
    """The way from one URL to files in a mirror."""

    def __init__(self, mirror: Mirror, url: str, segments: bool) -> None:
        self._mirror = mirror
        self._url = shown_url(url)
        self._segments = segments
        self._remote = Remote(url)
        self._signs = Signs()

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
        if self._segments and not there:
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
            if _is_manifest(name) or (self._segments and parse_segment_name(name)):
                wanted[one.parts] = one
            elif name.endswith((".jsonl", ".jsonl.gz", ".jsonl.zst")):
                others.append(one)
        return wanted, others

    def _file(self, place: Place) -> Path:
        """Fetch a file, and the manifests beside it where they can be listed."""
        path = self._mirror.file(place.parts)
        is_wanted = self._segments or parse_segment_name(place.parts[-1]) is None
        if is_wanted and self._get([place]):
            raise PathError(f"no such path: {_told(place)!r}")
        try:
            beside = self._ask(lambda: self._remote.beside(place))
        except PathError:
            return path  # Many may read a file and not list its directory, above all on the web.
        self._get(one for one in beside if _is_manifest(one.parts[-1]) and one.parts != place.parts)
        return path

    def _get(self, places: Iterable[Place]) -> list[Place]:
        """Fetch files, several at once, and return those that went away since they were listed.

        Raises:
            PathError: one cannot be read.
        """
        root = self._mirror.root
        targets = {one: self._mirror.file(one.parts) for one in places}
        progress = self._signs.progress
        progress.expect([one.size for one in targets])

        def get(place: Place) -> None:
            try:
                self._remote.get(place, targets[place], self._signs.alive)
            finally:
                if self._signs.stopped.is_set():
                    _remove(root, os.getpid())  # It may be here again, by this file.

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
