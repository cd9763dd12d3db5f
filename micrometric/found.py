"""What is found under some paths: segments, manifests, and what they tell of sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from micrometric.errors import NoDataError
from micrometric.fetched import shown
from micrometric.machine import Machine
from micrometric.manifest import (
    Manifest,
    SessionFacts,
    SessionState,
    merge_metrics,
    session_state,
)
from micrometric.registry import Metric
from micrometric.runs import Scalar
from micrometric.search import Unread
from micrometric.spec import hint
from micrometric.spool import Spool

if TYPE_CHECKING:
    from micrometric.remote_file import RemoteFile

SessionKey = tuple[Path, str]
"""Directory and id of a session: where a run was copied, there are two of one id."""


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
