"""Compaction: closed segments become Parquet, and each goes only once its events are proven kept.

A segment is written to a temporary name beside its target, read back and compared, brought to the
disk, renamed, told in the manifest, and only then is the original deleted. So at any moment there
is the old state or the new one, or for an instant both, of which readers count one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from micrometric.claim import QUIET, next_index
from micrometric.errors import PathError, SettingError
from micrometric.event import moment_at
from micrometric.finder import Found, Segment, find
from micrometric.given import Paths
from micrometric.leaving import LeftError, refuse_others, why_linked, why_living, why_untold
from micrometric.machine import this_machine
from micrometric.manifest import SegmentFacts, write_manifest
from micrometric.packing import RefusedError, clear_remains, sync, verified_parquet
from micrometric.runs import run_folder
from micrometric.segment import (
    PLAIN_NAME,
    active_name,
    closed_name,
    file_identity,
    manifest_name,
    original_session_id,
    parse_segment_name,
)


@dataclass(frozen=True, slots=True)
class Compacted:
    """A segment that became Parquet, or would."""

    path: Path
    """What it was."""
    target: Path
    """What it is now."""
    bytes_before: int
    """Size of the file that it was."""
    bytes_after: int | None = None
    """None in a dry run."""
    events: int | None = None
    """Events in it; None in a dry run."""

    @property
    def ratio(self) -> float | None:
        """How many times smaller it is."""
        return self.bytes_before / self.bytes_after if self.bytes_after else None


@dataclass(slots=True)
class Compaction:
    """What became of the segments under some paths."""

    compacted: list[Compacted] = field(default_factory=list)
    """Those that became Parquet, or would, in their order."""
    left: dict[Path, str] = field(default_factory=dict)
    """Segments that may change yet, or that are no business of ours, and why."""
    refused: dict[Path, str] = field(default_factory=dict)
    """Segments that Parquet cannot hold whole, and why."""
    notes: list[str] = field(default_factory=list)
    """What else there is to say, a sentence each."""


def compact(
    paths: Paths,
    *,
    to: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
    progress: Callable[[Path, int, int], None] | None = None,
    now: datetime | None = None,
    compaction: Compaction | None = None,
) -> Compaction:
    """Turn closed segments into Parquet, each verified event by event before the original goes.

    Segments of sessions that live, or of which that cannot be told, are left alone; so is what is
    reached by a link. A segment with a line that is no event is refused whole.

    Args:
        paths: files, directories (recursive) or globs; one or several.
        to: a directory to write to, a directory a run, with the manifests; then the originals
            stay.
        dry_run: whether only to tell what would be done.
        progress: called before each segment with its path, its number from 1, and how many
            there are.
        now: the present, aware; by default that of the clock.
        compaction: receives what was done as it is done, so that it is known after an error too.

    Raises:
        PathError: a path is missing or holds no logs, or the disk takes no more; the segment in
            hand is as it was.
        SettingError: a path is standard input.
    """
    done = Compaction() if compaction is None else compaction
    found = find(paths)
    done.notes.extend(found.notes)
    if any(segment.is_pipe for segment in found.segments):
        raise SettingError("compact takes files and directories, not standard input or pipes")
    worker = _Worker(
        found,
        None if to is None else Path(to),
        now or datetime.now(UTC),
    )
    segments = found.segments if to else [s for s in found.segments if s.suffix != ".parquet"]
    for number, segment in enumerate(segments, 1):
        if progress is not None:
            progress(segment.path, number, len(segments))
        try:
            done.compacted.append(worker.compacted(segment, dry_run=dry_run))
        except LeftError as reason:
            done.left[segment.path] = str(reason)
        except RefusedError as reason:
            done.refused[segment.path] = str(reason)
        except FileNotFoundError:
            done.left[segment.path] = "it went away meanwhile"
        except OSError as error:
            raise PathError(
                f"cannot compact {str(segment.path)!r}: {error.strerror or error}"
            ) from None
    return done


class _Worker:
    """Compacts segments one by one."""

    def __init__(self, found: Found, to: Path | None, now: datetime) -> None:
        self._named = found.named
        self._to = to
        self._machine = this_machine()
        self._now = now
        self._manifests = found.session_manifests()
        self._unusable = found.unusable

    def compacted(self, segment: Segment, *, dry_run: bool) -> Compacted:
        """Compact one segment.

        Raises:
            LeftError: it is left alone.
            RefusedError: Parquet cannot hold it.
            OSError: the disk takes no more, or a file cannot be changed.
        """
        if segment.suffix == ".parquet":
            raise LeftError("it is Parquet already")
        if parse_segment_name(segment.path.name) is None:
            raise LeftError("its name is not that of a segment")
        self._refuse(segment)
        session, index = self._place(segment)
        folder = segment.path.parent if self._to is None else run_folder(self._to, segment.run)
        target = folder / closed_name(session, index, ".parquet")
        size = segment.path.stat().st_size
        if not size:
            raise LeftError("it is empty")
        if dry_run:
            return Compacted(segment.path, target, size)
        folder.mkdir(parents=True, exist_ok=True)
        refuse_others(target, replaces=self._to is None)
        clear_remains(target, self._now)
        with verified_parquet(segment, target) as (temporary, events):
            original = segment
            if self._to is None:
                original = self._archived(segment, session, index)
            temporary.replace(target)
            with contextlib.suppress(OSError):  # Not every file system can sync a directory.
                sync(folder)
        result = Compacted(segment.path, target, size, target.stat().st_size, events)
        try:
            self._tell(result, session, index)
        except OSError:
            with contextlib.suppress(OSError):
                target.unlink()  # The original is there still.
            raise
        if self._to is None:
            original.path.unlink(missing_ok=True)
        return result

    def _refuse(self, segment: Segment) -> None:
        """Leave alone what is behind links, where it would be deleted, and what may change yet.

        Raises:
            LeftError: it is left alone.
        """
        manifest = self._manifests.get(segment.session_key)
        facts = None if manifest is None else manifest.session
        reason = why_linked(segment.path, self._named) if self._to is None else None
        reason = reason or why_untold(segment, self._unusable)
        reason = reason or why_living(facts, segment.path.stat(), self._machine, self._now)
        if reason is not None:
            raise LeftError(reason)

    def _place(self, segment: Segment) -> tuple[str, int]:
        """Return the session and number that name a segment once it is closed."""
        directory = segment.path.parent
        name = parse_segment_name(segment.path.name)
        if name is not None and name.session is not None and name.index is not None:
            return name.session, name.index
        # As a session does that archives the plain segment of another.
        session = segment.session or original_session_id(segment.path.stat().st_mtime)
        manifest = self._manifests.get((directory, session))
        facts = manifest.session.segments if manifest and manifest.session else ()
        told = [fact.index for fact in facts if fact.name != segment.path.name]
        return session, next_index(directory, session, max(told, default=-1) + 1)

    def _archived(self, segment: Segment, session: str, index: int) -> Segment:
        """Give an active segment of an ended session its closed name, as a new session would.

        So that at no moment there are two names for its events which do not tell that.
        """
        archive = segment.path.parent / closed_name(session, index)
        name = parse_segment_name(segment.path.name)
        if name is not None and name.index is not None:
            self._drop_second_name(segment)
            return segment
        try:
            os.link(segment.path, archive)
        except FileExistsError:
            raise LeftError("another program is about to archive it") from None
        except OSError:  # A file system without hard links, on which nobody else archives either.
            segment.path.rename(archive)
            return replace(segment, path=archive, session=session, index=index, is_open=False)
        if file_identity(archive) != segment.identity:
            archive.unlink()
            raise LeftError("another session took its name meanwhile")
        segment.path.unlink()
        return replace(segment, path=archive, session=session, index=index, is_open=False)

    def _drop_second_name(self, segment: Segment) -> None:
        """Remove the active name that a killed program has left beside the closed one."""
        status = segment.path.stat()
        if status.st_nlink == 1:
            return
        if self._now - moment_at(status.st_ctime) < QUIET:
            raise LeftError("its file has two names; another program may be about to archive it")
        for name in (PLAIN_NAME, active_name(segment.session or "")):
            other = segment.path.parent / name
            if file_identity(other) == segment.identity and not other.is_symlink():
                other.unlink()
        if segment.path.stat().st_nlink > 1:
            raise LeftError("its file has another name elsewhere")

    def _tell(self, result: Compacted, session: str, index: int) -> None:
        """Say in the manifest what the segment is called now."""
        key = result.path.parent, session
        manifest = self._manifests.get(key)
        if manifest is None or manifest.session is None:
            return
        facts = manifest.session
        told = SegmentFacts(result.target.name, index, result.events or 0, result.bytes_after or 0)
        others = [fact for fact in facts.segments if fact.index != index]
        segments = tuple(sorted([*others, told], key=lambda fact: fact.index))
        has_plain = any(fact.name == PLAIN_NAME for fact in others)
        facts = msgspec.structs.replace(facts, segments=segments, plain=facts.plain and has_plain)
        manifest = msgspec.structs.replace(manifest, session=facts)
        write_manifest(result.target.parent / manifest_name(session), manifest)
        self._manifests[key] = manifest
