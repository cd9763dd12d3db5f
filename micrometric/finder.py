"""From paths to segments: which files are meant, and what their directories tell about them."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from micrometric.errors import MicrometricError, PathError
from micrometric.fetched import shown
from micrometric.found import Found, Segment
from micrometric.given import Paths
from micrometric.manifest import (
    Manifest,
    read_manifest,
)
from micrometric.ownership import describe
from micrometric.remote import local_paths
from micrometric.search import (
    Located,
    Unread,
    find_directories,
    names_in,
    not_looked_into,
    search,
    take,
)
from micrometric.segment import (
    REGISTRY_NAME,
    parse_segment_name,
    session_of_manifest,
)
from micrometric.spool import STDIN, Spool, is_pipe, run_of_pipe

_URL_AS_PATH = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]")


def find(paths: Paths, *, in_place: bool = False, again: bool = True) -> Found:
    """Return the segments that some paths mean, each file once.

    Args:
        paths: files of any name, directories (searched recursively), globs, or URLs of these,
            which are fetched; or `-` for standard input; one or several.
        in_place: whether segments under URLs are left where they lie; of these only what takes
            `Segment.remote` into account can be done.
        again: whether pipes are to be read more than once; what comes of them then goes into a
            temporary file, as far as it is read.

    Raises:
        PathError: a path is missing, cannot be read, or holds no segments.
    """
    given, _held = local_paths(paths, want="in place" if in_place else "all")
    found = Found()
    directories: dict[Path, None] = {}
    located: Located = {}
    pipes: dict[Path, None] = {}
    for path in given:
        roots = _expand(os.fspath(path))
        found.named.add(_written(os.fspath(path)))
        for root in roots:
            found.roots.append(root)
            if is_pipe(root):
                pipes[root] = None
            elif root.is_dir():
                search(root, located, directories, found.unread)
            else:
                take(root, root.parent, located, found.unread)
                directories[root.parent] = None
    found.notes.extend(not_looked_into(found.unread))
    for pipe in pipes:
        spool = Spool.of(pipe) if again else Spool.known(pipe)
        found.segments.append(Segment(pipe, run_of_pipe(pipe), is_pipe=True, spool=spool))
    for directory in directories:
        found.manifests.extend(_manifests_in(directory, found.notes, found.unusable))
    found.segments.extend(describe(located, found.sessions(), in_place=in_place))
    return found


def find_manifests(paths: Paths, notes: list[str]) -> list[tuple[Path, Manifest]]:
    """Return the manifests that some paths mean: files, and those in directories and below.

    In a directory, `registry.json` counts besides the manifests of sessions.

    Args:
        paths: files, directories (searched recursively), globs or URLs; one or several.
        notes: receives what is wrong with manifests that were not named, a sentence each.

    Raises:
        PathError: a path is missing or cannot be read.
        ManifestError: a file that was named is not a manifest.
    """
    given, _held = local_paths(paths, want="manifests")
    found: dict[Path, Manifest] = {}
    for path in given:
        for root in _expand(os.fspath(path)):
            if not root.is_dir() and parse_segment_name(root.name) is None:
                found[root] = _read_manifest(root, is_named=True)
                continue
            top = root if root.is_dir() else root.parent
            unread: Unread = {}
            places = find_directories(top, unread) if root.is_dir() else [(top, [])]
            below = [place for place, _ in places]
            notes.extend(not_looked_into(unread))
            for directory in below:
                found.update(_manifests_in(directory, notes, set()))
                found.update(_registry_in(directory, notes))
    return list(found.items())


def _expand(text: str) -> list[Path]:
    path = Path(text)
    try:
        if path == STDIN or path.exists():
            return [path]
    except OSError as error:
        raise PathError(f"cannot read {text!r}: {error.strerror}") from None
    if glob.has_magic(text):
        matches = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - absolute ones too
        if matches:
            return [Path(match) for match in matches]
        raise PathError(f"no path matches {text!r}")
    lost = "; a URL must be a string, for Path drops a slash" if _URL_AS_PATH.match(text) else ""
    raise PathError(f"no such path: {text!r}{lost}")


def _written(text: str) -> Path:
    """Return what a path names without matching: of a glob, the parts before the first sign."""
    path = Path(text)
    if path.exists():
        return path
    return Path(*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))


def _read_manifest(path: Path, *, is_named: bool = False) -> Manifest:
    try:
        return read_manifest(path, is_named=is_named)
    except MicrometricError as error:
        raise type(error)(str(error).replace(str(path), shown(path))) from None


def _manifests_in(
    directory: Path, notes: list[str], unusable: set[Path]
) -> Iterator[tuple[Path, Manifest]]:
    for name in names_in(directory):
        session = session_of_manifest(name)
        if session is None:
            continue
        path = directory / name
        try:
            manifest = _read_manifest(path)
        except MicrometricError as error:
            notes.append(f"{error}; its session is read without it")
            unusable.add(path)
            continue
        if manifest.session is None or manifest.session.id != session:
            unusable.add(path)
        yield path, manifest


def _registry_in(directory: Path, notes: list[str]) -> Iterator[tuple[Path, Manifest]]:
    path = directory / REGISTRY_NAME
    if os.path.isfile(path):  # noqa: PTH113 - False, too, where that cannot be told
        try:
            yield path, _read_manifest(path)
        except MicrometricError as error:
            notes.append(f"{error}; it is left out")  # Other tools call their files so, too.
