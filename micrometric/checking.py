"""Every defect of some logs: of lines, of files, of manifests, and of accounts with their files."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from micrometric.accounts import SessionCheck, check_account
from micrometric.defects import KINDS, Defect
from micrometric.errors import ManifestError, PathError
from micrometric.event import decode_line
from micrometric.finder import Found, Segment, SessionKey, find
from micrometric.given import Paths
from micrometric.machine import Machine, this_machine
from micrometric.manifest import merge_metrics, read_manifest
from micrometric.reader import read_segment, read_zone
from micrometric.report import Report, source_of
from micrometric.scanning import Scanned, scan_segment
from micrometric.segment import STEM, file_size, parse_segment_name, session_of_manifest

KEPT = 100_000
"""Defects that are remembered one by one; all are counted."""
_HEAD = 1000
"""Events from the start of segments by which copies are told from chance."""


@dataclass(slots=True)
class Check:
    """What was found."""

    defects: list[Defect] = field(default_factory=list)
    """In the order of the files; the first `KEPT` of them."""
    counts: Counter[str] = field(default_factory=Counter)
    """All of them, by kind."""
    sessions: list[SessionCheck] = field(default_factory=list)
    scanned: list[Scanned] = field(default_factory=list)
    """What each segment holds."""
    files: int = 0
    """Segments that were looked over."""
    events: int = 0
    """Whole events in them."""

    @property
    def is_clean(self) -> bool:
        """Whether there is no defect but what is only worth knowing."""
        return not any(KINDS[kind].is_finding for kind in self.counts)

    def add(self, defect: Defect) -> None:
        """Count a defect."""
        self.counts[defect.kind] += 1
        if len(self.defects) < KEPT:
            self.defects.append(defect)


def check(
    paths: Paths,
    *,
    assume_tz: str | tzinfo | None = None,
    machine: Machine | None = None,
    progress: Callable[[float], None] | None = None,
) -> Check:
    """Look over every byte of some logs, and tell every defect.

    Args:
        paths: files, directories (recursive), globs, URLs of these or `-`; one or several.
        assume_tz: see `iter_events`.
        machine: the machine that asks, which knows its own processes; this one by default.
        progress: called with the share that is done, from 0 to 1.

    Raises:
        PathError: a path is missing or holds no logs. A file that cannot be read is a defect.
        SettingError: there is no such time zone.
    """
    return _Checker(find(paths), read_zone(assume_tz), machine or this_machine()).run(progress)


class _Checker:
    """Looks over some logs."""

    def __init__(self, found: Found, zone: tzinfo | None, machine: Machine) -> None:
        self._found = found
        self._zone = zone
        self._check = Check(files=len(found.segments))
        self._doubled: dict[SessionKey, list[Defect]] = {}
        """Lines that stand twice, by session; of each the first `KEPT`."""
        self._doubles: Counter[SessionKey] = Counter()
        """How many there are of each."""
        self._states = found.session_states(machine)

    def run(self, progress: Callable[[float], None] | None) -> Check:
        for place, reason in self._found.unread.items():
            self._add("unreadable", place, f"it cannot be looked into: {reason}")
        self._look_at_directories()
        self._look_at_conflicts()
        scanned = self._scan(progress)
        self._look_for_copies(scanned)
        self._settle_accounts(scanned)
        order = {segment.path: place for place, segment in enumerate(self._found.segments)}
        self._check.defects.sort(key=lambda one: (order.get(Path(one.path), -1), one.line or 0))
        return self._check

    # Files and manifests.

    def _look_at_directories(self) -> None:
        paths = [path for path, _ in self._found.manifests]
        paths += [segment.path for segment in self._found.segments if not segment.is_pipe]
        for directory in dict.fromkeys(path.parent for path in paths):
            self._look_at(directory)

    def _look_at(self, directory: Path) -> None:
        twins: dict[tuple[str | None, int | None], list[Path]] = {}
        orphans: dict[str, list[Path]] = {}
        broken: set[str] = set()
        for path in sorted(_entries(directory)):
            name = parse_segment_name(path.name)
            if (session := session_of_manifest(path.name)) is not None:
                if not self._is_usable(path, session):
                    broken.add(session)
            elif path.name.startswith(f".{STEM}") and path.name.endswith(".tmp"):
                self._add("leftover", path, "no program has it open by this name any more")
            elif name is not None:
                if name.index is not None:
                    twins.setdefault((name.session, name.index), []).append(path)
                if name.session and (directory, name.session) not in self._states:
                    orphans.setdefault(name.session, []).append(path)
        for first, *others in twins.values():
            for other in others:
                self._add("twin", other, f"the same segment as {first.name}")
        for session, files in orphans.items():
            if session not in broken:
                count = "1 segment" if len(files) == 1 else f"{len(files)} segments"
                self._add("no manifest", files[0], f"{count} of session {session}")

    def _is_usable(self, path: Path, session: str) -> bool:
        """Tell what is wrong with a manifest, and say whether it tells of its session."""
        try:
            manifest = read_manifest(path)
        except (ManifestError, PathError) as error:
            self._add("manifest", path, str(error).replace(f"manifest {str(path)!r}", "it"))
            return False
        facts = manifest.session
        if facts is None or facts.id != session:
            found = "no session" if facts is None else f"session {facts.id}"
            self._add("manifest", path, f"its name says session {session}, it tells of {found}")
            return False
        for told in facts.segments:
            if parse_segment_name(told.name) is None:
                reason = f"it tells of a segment {told.name[:80]!r}, which is no name of one"
                self._add("manifest", path, reason)
        return True

    def _look_at_conflicts(self) -> None:
        told = [(str(path), manifest) for path, manifest in self._found.manifests]
        for conflict in merge_metrics(told)[1]:
            self._add("conflict", conflict.other_place, str(conflict))

    # Lines.

    def _scan(self, progress: Callable[[float], None] | None) -> list[Scanned]:
        metrics = self._found.metrics()
        sizes = [file_size(segment.path) for segment in self._found.segments]
        scanned: list[Scanned] = []
        done = 0
        for segment, size in zip(self._found.segments, sizes, strict=True):
            try:
                scanned.append(scan_segment(segment, metrics, self._zone, self._tell))
            except PathError as error:
                self._add("unreadable", segment.path, str(error))
            done += size
            if progress is not None:
                progress(done / (sum(sizes) or 1))
        self._check.scanned = scanned
        self._check.events = sum(one.events for one in scanned)
        return scanned

    def _tell(self, defect: Defect, segment: Segment) -> None:
        if defect.kind == "doubled":
            # The account of its session may allow it: events of one time and value look the same.
            kept = self._doubled.setdefault(segment.session_key, [])
            self._doubles[segment.session_key] += 1
            if len(kept) < KEPT:
                kept.append(defect)
        elif defect.kind != "unfinished" or self._states.get(segment.session_key) not in (
            "live",
            "unknown",
        ):
            self._check.add(defect)

    # What one file alone does not tell.

    def _look_for_copies(self, scanned: list[Scanned]) -> None:
        firsts: dict[str, Scanned] = {}
        for one in scanned:
            if one.first is None:
                continue
            key = repr(decode_line(one.first, zone=self._zone))
            other = firsts.setdefault(key, one)
            if other is not one and (same := self._shared(other.segment, one.segment)):
                where = source_of(other.segment.path)
                self._add("copy", one.segment.path, f"{same} stand in {where} too")

    def _shared(self, one: Segment, other: Segment) -> str | None:
        """Return how many of the first events two segments share; None where that is chance."""
        heads = [self._head(one), self._head(other)]
        same, few = len(heads[0] & heads[1]), min(map(len, heads))
        if 2 * same < few:
            return None
        return f"{same} of its first {len(heads[1])} events"

    def _head(self, segment: Segment) -> set[str]:
        events = read_segment(segment, Report(), self._zone)
        return {
            repr((event.timestamp, event.metric, event.value, event.metadata, event.location))
            for event in itertools.islice(events, _HEAD)
        }

    def _settle_accounts(self, scanned: list[Scanned]) -> None:
        by_session: dict[SessionKey, list[Scanned]] = {}
        for one in scanned:
            by_session.setdefault(one.segment.session_key, []).append(one)
        exact = set()
        for path, manifest in self._found.manifests:
            if manifest.session is not None:
                key = path.parent, manifest.session.id
                mine = by_session.get(key, [])
                settled, defects = check_account(path, manifest, self._states[key], mine)
                self._check.sessions.append(settled)
                for defect in defects:
                    self._check.add(defect)
                if settled.is_exact:
                    exact.add(key)
        for key, doubled in self._doubled.items():
            if key not in exact:
                for defect in doubled:
                    self._check.add(defect)
                self._check.counts["doubled"] += self._doubles[key] - len(doubled)

    def _add(self, kind: str, path: Path | str, reason: str) -> None:
        place = source_of(path) if isinstance(path, Path) else path
        self._check.add(Defect(kind, place, reason))


def _entries(directory: Path) -> list[Path]:
    try:
        return [path for path in directory.iterdir() if path.is_file()]
    except OSError:
        return []  # It went away since it was found.
