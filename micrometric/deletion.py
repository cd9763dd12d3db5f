"""Segments deleted, session after session, with manifests that are true at every moment.

A manifest first says which segments are about to go, then they are deleted one by one, then the
manifest says that they are gone. So whenever it is interrupted, every file is whole and every
manifest true, and the next time goes on.
"""

from __future__ import annotations

import os
import stat
from datetime import datetime
from pathlib import Path

import msgspec

from micrometric.errors import ManifestError, PathError
from micrometric.finder import Segment
from micrometric.leaving import unusable_manifest, why_living
from micrometric.machine import Machine
from micrometric.manifest import (
    DeletedFacts,
    Manifest,
    SegmentFacts,
    SessionFacts,
    read_manifest,
    write_manifest,
)
from micrometric.reader import read_segment
from micrometric.report import Report
from micrometric.retention import Doomed, Pruning
from micrometric.segment import PLAIN_NAME, closed_names, manifest_name, parse_segment_name


def file_state(status: os.stat_result) -> tuple[int, int, int]:
    """Return what a file is known by: device, inode and size."""
    return status.st_dev, status.st_ino, status.st_size


class Deleter:
    """Deletes what is doomed, and tells what became of it."""

    def __init__(self, pruning: Pruning, machine: Machine, now: datetime) -> None:
        self._pruning = pruning
        self._machine = machine
        self._now = now

    def run(self) -> None:
        """Delete all that is doomed.

        Raises:
            PathError: a file cannot be deleted; those before it are gone.
        """
        by_session: dict[tuple[Path, str], list[Doomed]] = {}
        for one in self._pruning.doomed:
            by_session.setdefault((one.path.parent, one.session or ""), []).append(one)
        for (directory, session), files in by_session.items():
            try:
                self._delete(directory, session, files)
            except OSError as error:
                raise PathError(
                    f"cannot delete from {str(directory)!r}: {error.strerror or error}"
                ) from None

    def _delete(self, directory: Path, session: str, files: list[Doomed]) -> None:
        path = directory / manifest_name(session)
        try:
            manifest = _read(path, session)
        except (ManifestError, PathError):
            self._leave(files, unusable_manifest(path))
            return
        if manifest is not None and manifest.session is not None:
            # As it is now, and not when the plan was made.
            status = path.stat()
            reason = why_living(manifest.session, status, self._machine, self._now)
            if reason is not None:
                self._leave(files, reason)
                return
            manifest = _going(manifest, manifest.session, files)
            write_manifest(path, manifest)
        # The directory itself, whatever is put in the place of its name from here on.
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        gone: list[Doomed] = []
        try:
            for one in files:
                if self._unlink(one, handle):
                    self._pruning.deleted.append(one)
                    gone.append(one)
        finally:
            os.close(handle)
        if manifest is None or manifest.session is None:
            return
        if path in self._pruning.manifests and len(gone) == len(files):
            path.unlink(missing_ok=True)
        else:
            numbers = {one.index for one in gone} - {one.index for one in files if one not in gone}
            write_manifest(path, _gone(manifest, manifest.session, directory, numbers))

    def _leave(self, files: list[Doomed], reason: str) -> None:
        self._pruning.left.update({one.path: reason for one in files})

    def _unlink(self, one: Doomed, handle: int) -> bool:
        """Delete a file from an open directory, if it is still the file it was."""
        try:
            status = os.stat(one.path.name, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            self._pruning.left[one.path] = "it went away meanwhile"
            return False
        if not stat.S_ISREG(status.st_mode) or file_state(status) != one.state:
            self._pruning.left[one.path] = "it is another file by now"
            return False
        os.unlink(one.path.name, dir_fd=handle)
        return True


def _read(path: Path, session: str) -> Manifest | None:
    """Return the manifest of a session, None where there is none.

    Raises:
        PathError: it cannot be read.
        ManifestError: it cannot be used, or is another session's.
    """
    try:
        manifest = read_manifest(path)
    except PathError:
        if os.path.lexists(path):
            raise
        return None
    if manifest.session is None or manifest.session.id != session:
        raise ManifestError(f"manifest {str(path)!r} is not that of its session")
    return manifest


def _going(manifest: Manifest, facts: SessionFacts, files: list[Doomed]) -> Manifest:
    """Return a manifest that says which of its segments are about to go."""
    told = {fact.index: fact for fact in facts.segments}
    going = {*facts.going}
    for one in files:
        if one.index is None:
            continue
        going.add(one.index)
        if one.index not in told or facts.end is None:
            # Of a session that was killed, the manifest may not know them, or not as they ended.
            # Of several forms of one, that which is read is the last.
            told[one.index] = SegmentFacts(one.path.name, one.index, _events(one), one.size)
    segments = tuple(sorted(told.values(), key=lambda fact: fact.index))
    return msgspec.structs.replace(
        manifest,
        session=msgspec.structs.replace(facts, segments=segments, going=tuple(sorted(going))),
    )


def _gone(
    manifest: Manifest, facts: SessionFacts, directory: Path, deleted: set[int | None]
) -> Manifest:
    """Return a manifest that says which segments are gone, those of an earlier time too."""
    gone = [
        fact
        for fact in facts.segments
        if fact.index in deleted
        or (fact.index in facts.going and not _exists(directory, facts, fact))
    ]
    count = DeletedFacts(
        facts.deleted.segments + len(gone),
        facts.deleted.events + sum(fact.events for fact in gone),
        facts.deleted.bytes + sum(fact.bytes for fact in gone),
    )
    segments = tuple(fact for fact in facts.segments if fact not in gone)
    facts = msgspec.structs.replace(facts, segments=segments, going=(), deleted=count)
    return msgspec.structs.replace(manifest, session=facts)


def _exists(directory: Path, facts: SessionFacts, fact: SegmentFacts) -> bool:
    names = closed_names(facts.id, fact.index)
    # The plain name may be another session's by now; of other names, those of segments count.
    is_mine = facts.plain if fact.name == PLAIN_NAME else parse_segment_name(fact.name) is not None
    others = (fact.name,) if is_mine else ()
    return any((directory / name).exists() for name in (*names, *others))


def _events(one: Doomed) -> int:
    """Return how many events a file holds."""
    name = parse_segment_name(one.path.name)
    segment = Segment(one.path, one.run, suffix=name.suffix if name else ".jsonl")
    return sum(1 for _ in read_segment(segment, Report()))
