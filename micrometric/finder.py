"""From paths to segments: which files are meant, and what their directories tell about them."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from micrometric.errors import MicrometricError, NoDataError, PathError
from micrometric.fetched import place_of, shown
from micrometric.given import Paths
from micrometric.machine import Machine
from micrometric.manifest import (
    Manifest,
    SessionFacts,
    SessionState,
    merge_metrics,
    read_manifest,
    session_state,
)
from micrometric.registry import Metric
from micrometric.remote import local_paths, mirror_of
from micrometric.runs import Scalar, directory_keys, run_names
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
    SUFFIXES,
    closed_names,
    file_identity,
    original_session_id,
    parse_segment_name,
    rank_in,
    session_of_manifest,
)
from micrometric.spec import hint
from micrometric.spool import STDIN, Spool, is_pipe, run_of_pipe

if TYPE_CHECKING:
    from micrometric.remote_file import RemoteFile

SessionKey = tuple[Path, str]
"""Directory and id of a session: where a run was copied, there are two of one id."""
_URL_AS_PATH = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of events, and whose it is."""

    path: Path
    run: str
    """Its directory below the path it was found under; that directory's name at the top."""
    session: str | None = None
    rank: int | None = None
    launch: str | None = None
    directories: dict[str, Scalar] = field(default_factory=dict)
    """The `name=value` parts of its path; what looks like a number is one."""
    suffix: str = ".jsonl"
    """How it is compressed: one of `SUFFIXES`."""
    index: int | None = None
    """Its number among the segments of its session, which the active one has once it is closed."""
    identity: tuple[int, int] | None = None
    """Device and inode, by which it is known when its name has changed."""
    archive: str | None = None
    """The session that a plain segment without manifest is given when it is archived."""
    is_open: bool = False
    """Whether its session may live, and give it another name at any time."""
    held: object = field(default=None, repr=False, compare=False)
    """What keeps its file there where that was fetched from a URL."""
    remote: RemoteFile | None = field(default=None, repr=False)
    """Where it lies when it is not fetched; there is an empty file at its path then."""
    is_pipe: bool = False
    """Whether it is standard input or a FIFO, which tells everything once."""
    spool: Spool | None = field(default=None, repr=False, compare=False)
    """What lets a pipe be read again."""

    @property
    def session_key(self) -> SessionKey:
        """By which its session is known; that of no session where it has none."""
        return self.path.parent, self.session or ""


@dataclass(slots=True)
class Found:
    """Segments and manifests under some paths."""

    segments: list[Segment] = field(default_factory=list)
    """By run, then in the order in which they were begun."""
    manifests: list[tuple[Path, Manifest]] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    """Files and directories that the paths mean: of a glob, those that it matches."""
    named: set[Path] = field(default_factory=set)
    """What of the paths was written: of a glob, the directory in which it begins to match. What
    is a link below these was not named by anybody."""
    notes: list[str] = field(default_factory=list)
    """What could not be used, a sentence each."""
    unread: Unread = field(default_factory=dict)
    """Directories that could not be looked into, and why."""
    unusable: set[Path] = field(default_factory=set)
    """Manifests of sessions that tell nothing of them, so neither whether they live."""

    def metrics(self) -> dict[str, Metric]:
        """Return the registered metrics of all manifests, noting where their dtypes disagree."""
        told = [(shown(path), manifest) for path, manifest in self.manifests]
        merged, conflicts = merge_metrics(told)
        self.notes.extend(
            str(conflict) for conflict in conflicts if str(conflict) not in self.notes
        )
        return merged

    def session_manifests(self) -> dict[SessionKey, Manifest]:
        """Return the manifests that tell of a session."""
        return {
            (path.parent, manifest.session.id): manifest
            for path, manifest in self.manifests
            if manifest.session is not None
        }

    def sessions(self) -> dict[SessionKey, SessionFacts]:
        """Return what the manifests tell of their sessions."""
        manifests = self.session_manifests().items()
        return {key: manifest.session for key, manifest in manifests if manifest.session}

    def session_states(self, machine: Machine) -> dict[SessionKey, SessionState]:
        """Return whether the sessions live, as far as a machine can tell."""
        now = datetime.now(UTC)
        return {
            key: session_state(facts, now=now, machine=machine)
            for key, facts in self.sessions().items()
        }

    def directory_keys(self) -> set[str]:
        """Return the names of the `name=value` parts of all paths."""
        return {name for segment in self.segments for name in segment.directories}

    def launches(self) -> dict[str, list[str]]:
        """Return the launches of each run, the earliest first."""
        launches: dict[str, dict[str, str]] = {}
        for segment in self.segments:
            if segment.launch is not None:
                starts = launches.setdefault(segment.run, {})
                known = starts.get(segment.launch)
                start = segment.session or ""
                starts[segment.launch] = start if known is None else min(known, start)
        return {run: sorted(starts, key=starts.__getitem__) for run, starts in launches.items()}

    def of_launch(self, launch: str) -> list[Segment]:
        """Return the segments of one launch, or of the last launch of each run for `last`.

        Raises:
            NoDataError: no segment is of that launch.
        """
        launches = self.launches()
        if launch == "last":
            last = {run: known[-1] for run, known in launches.items()}
            return [seg for seg in self.segments if seg.launch == last.get(seg.run)]
        chosen = [segment for segment in self.segments if segment.launch == launch]
        if not chosen:
            known = {name for names in launches.values() for name in names}
            raise NoDataError(f"no events of launch {launch!r}{hint(launch, known)}")
        return chosen


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
    found.segments.extend(_describe(located, found.sessions(), in_place=in_place))
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


def _describe(
    located: Located, facts: dict[SessionKey, SessionFacts], *, in_place: bool
) -> list[Segment]:
    runs = run_names({(place_of(path.parent), place_of(root)) for path, root in located.values()})
    segments: dict[tuple[Path, str | None, int | None], Segment] = {}
    for identity, (path, root) in located.items():
        name = parse_segment_name(path.name)
        session = name.session if name else None
        if name is not None and session is None:
            session = _plain_owner(path.parent, facts)
        known = facts.get((path.parent, session or ""))
        segment = Segment(
            path=path,
            run=runs[place_of(path.parent), place_of(root)],
            session=session,
            rank=known.rank if known else rank_in(session),
            launch=known.launch if known else None,
            directories=directory_keys(place_of(path.parent)),
            suffix=name.suffix if name else _suffix_of(path),
            index=name.index if name else None,
            identity=identity,
            archive=_archive_of(path) if name is not None and session is None else None,
            is_open=known is not None and known.end is None,
            held=(mirror := mirror_of(path)),
            remote=mirror.left.get(path) if mirror is not None and in_place else None,
        )
        # A segment and its compressed or compacted twin hold the same events. The first of
        # `SUFFIXES` counts: each further one is made from one before, which goes at last.
        twin = (path.parent, session or path.name, segment.index)
        if twin not in segments or _order(segment.suffix) < _order(segments[twin].suffix):
            segments[twin] = segment
    return _numbered(sorted(segments.values(), key=_begun), facts)


def _numbered(segments: list[Segment], facts: dict[SessionKey, SessionFacts]) -> list[Segment]:
    """Give each active segment the number that it gets when it is closed.

    That is one more than the last closed one has; where all of those were deleted, the manifest
    tells it, which else may be behind. It is ahead where the file was closed since it was found.
    """
    last: dict[SessionKey, int] = {}
    numbered = []
    for segment in segments:
        session = segment.session_key
        if segment.session is not None:
            index = segment.index
            if index is None:
                known = facts.get(session)
                is_there = file_identity(segment.path) == segment.identity
                told = known.segments if known and is_there else ()
                names = [fact.index for fact in told if fact.name == segment.path.name]
                index = max([last.get(session, -1) + 1, *names])
            segment = replace(segment, index=index)
            last[session] = index
        numbered.append(segment)
    return numbered


def _begun(segment: Segment) -> tuple[str, str, bool, int, str]:
    name = parse_segment_name(segment.path.name)
    index = name.index if name else None
    return segment.run, segment.session or "", index is None, index or 0, str(segment.path)


def _order(suffix: str) -> int:
    return SUFFIXES.index(suffix)


def _suffix_of(path: Path) -> str:
    for suffix in (".gz", ".zst"):
        if path.name.endswith(suffix):
            return f".jsonl{suffix}"
    if path.name.endswith(".parquet"):
        return ".parquet"
    return ".jsonl"


def _plain_owner(directory: Path, facts: dict[SessionKey, SessionFacts]) -> str | None:
    """Return the session that the plain segment belongs to: the last that claimed the name."""
    claims = [
        session for (place, _), session in facts.items() if place == directory and session.plain
    ]
    owner = max(claims, key=lambda session: session.id, default=None)
    if owner is None:
        return None
    # Once it has ended, its last segment may be archived, and the plain one be somebody else's.
    last = owner.segments[-1].index if owner.segments else 0
    is_archived = owner.end is not None and any(
        (directory / name).exists() for name in closed_names(owner.id, last)
    )
    return None if is_archived else owner.id


def _archive_of(path: Path) -> str | None:
    try:
        return original_session_id(path.stat().st_mtime)
    except OSError:
        return None  # It went away since it was found.
