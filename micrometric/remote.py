"""URLs among paths: what they mean is fetched into a temporary tree of the same form.

Everything that reads then reads files, as everywhere; of a segment that is left where it lies,
there is an empty file in the tree. The tree goes when nothing holds its `Mirror` any more, at the
latest with the process.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from micrometric.download import Progress
from micrometric.errors import PathError
from micrometric.fetched import (
    is_url,
    local_name,
    new_root,
    quoted_name,
    remove_root,
    root_of,
    shown,
)
from micrometric.fetching import Fetch, Want, is_manifest
from micrometric.given import Given, Paths, listed
from micrometric.segment import parse_segment_name

if TYPE_CHECKING:
    from micrometric.remote_file import RemoteFile

OnProgress = Callable[[Progress | None], None]
"""Is told how far fetching has come, several times a second, and None when it is over."""
LOCAL_PROTOCOLS = ("file://", "local://")
"""What URLs of files of this machine begin with; these are read in their place."""

_mirrors: weakref.WeakValueDictionary[Path, Mirror] = weakref.WeakValueDictionary()
_kept: list[Mirror] = []
"""The mirror that is used for everything within `kept`, if any."""


def local_paths(paths: Paths, *, want: Want = "all") -> tuple[list[Given], Mirror | None]:
    """Return paths with each URL replaced by the local paths of what it means.

    Args:
        paths: one or several.
        want: what is fetched.

    Returns:
        The paths, and what those that were fetched need to be held to stay.

    Raises:
        PathError: a URL means nothing, or cannot be read; or a package that reads it is missing.
    """
    mirror = _kept[-1] if _kept else Mirror()
    local: list[Given] = []
    fetched = False
    for path in listed(paths):
        if not is_url(path):
            local.append(path)
        elif str(path).lower().startswith(LOCAL_PROTOCOLS):
            local.append(str(path).partition("://")[2])
        else:
            local += mirror.fetch(str(path), want)
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
        self._known: dict[tuple[str, Want], list[Path]] = {}
        self._claimed: set[Path] = set()
        """Files that were made here."""
        self.left: dict[Path, RemoteFile] = {}
        """Segments that are left where they lie, by the empty files in their place."""

    def fetch(self, url: str, want: Want = "all") -> list[Path]:
        """Fetch what a URL means, once, and return the files and directories it stands for.

        Args:
            url: a file, a directory with all below it, or a glob.
            want: what is fetched.

        Raises:
            PathError: there is no such path, it cannot be read, or holds no logs.
        """
        if (url, want) not in self._known:
            try:
                self._known[url, want] = Fetch(self, url, want).roots()
            except BaseException:
                if not self._known:
                    self._remove()  # At once: whoever keeps the error keeps this mirror with it.
                raise
            finally:
                self.pulse(None)
        return self._known[url, want]

    @property
    def root(self) -> Path:
        """The temporary directory, made when it is needed first."""
        if self._root is None:
            self._root = new_root()
            _mirrors[self._root] = self
            weakref.finalize(self, remove_root, self._root, os.getpid())
        return self._root

    def _remove(self) -> None:
        if self._root is not None:
            remove_root(self._root, os.getpid())
        self._root = None
        self._claimed.clear()
        self.left.clear()

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

    def leave(self, path: Path, file: RemoteFile) -> None:
        """Note a segment that is read where it lies."""
        self.left[path] = file

    def forget(self, path: Path) -> None:
        """Remove a file that is not there any more."""
        self._claimed.discard(path)
        self.left.pop(path, None)
        path.unlink(missing_ok=True)

    def pulse(self, progress: Progress | None) -> None:
        """Tell how far fetching has come, or that it is over."""
        if self._on_progress is not None:
            self._on_progress(progress)


def _directory_name(part: str) -> str:
    # A directory with the name of a file of ours would stand where that file belongs.
    return quoted_name(part) if is_manifest(part) or parse_segment_name(part) else local_name(part)
