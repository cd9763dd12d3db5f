"""Damaged logs written anew elsewhere: what is whole is kept, and the rest is accounted for.

All is written to a directory beside the output and renamed at the end, so that the output is there
as a whole or not at all. The logs themselves are opened for reading alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from micrometric.checking import Check, check
from micrometric.errors import NotAddedUpError, PathError, SettingError
from micrometric.finder import Found, Segment, find
from micrometric.given import Paths
from micrometric.leaving import why_alive
from micrometric.machine import Machine, this_machine
from micrometric.manifest import write_manifest
from micrometric.mending import Mended, mend_segment
from micrometric.opening import pin
from micrometric.parquet import ParquetError
from micrometric.reader import read_segment, read_zone
from micrometric.rebuilding import Kept, rebuilt_manifest
from micrometric.report import Report
from micrometric.runs import run_folder
from micrometric.search import find_directories
from micrometric.segment import PLAIN_NAME, file_identity, manifest_name, parse_segment_name
from micrometric.temporary import hidden_name


@dataclass(frozen=True, slots=True)
class Repaired:
    """A segment that was written anew, or copied because nothing is wrong with it."""

    path: Path
    target: Path
    rejected: Path | None
    """Where what was set aside is, None when nothing was."""
    mended: Mended
    """Its bytes, unpacked; of a Parquet segment those of the lines that its rows are."""


@dataclass(slots=True)
class Repair:
    """What became of the segments under some paths."""

    repaired: list[Repaired] = field(default_factory=list)
    left: dict[Path, str] = field(default_factory=dict)
    """Segments of which nothing could be taken, that cannot be read, or that are still written,
    and directories that cannot be looked into, and why."""
    manifests: list[Path] = field(default_factory=list)
    """Those that were written."""
    check: Check = field(default_factory=Check)
    """What was wrong."""

    @property
    def is_whole(self) -> bool:
        """Whether of every segment something was taken."""
        return not self.left


def repair(
    paths: Paths,
    output: str | os.PathLike[str],
    *,
    assume_tz: str | tzinfo | None = None,
    machine: Machine | None = None,
    progress: Callable[[float], None] | None = None,
) -> Repair:
    """Write logs anew without their defects, a directory a run; they themselves stay as they are.

    Whole events are kept in their order, byte for byte. Events that share a line get lines of their
    own. What is no event goes into a file `SEGMENT.rejected` beside the segment, with the reason.
    Compressed segments without defects are copied; of damaged ones everything before the damage is
    recovered. Manifests tell of the segments as they are then, and of missing events as failed.
    Segments of sessions that live, or of which that cannot be told, are left out.

    Args:
        paths: files, directories (recursive), globs or URLs; one or several.
        output: a directory that is not there yet, or empty.
        assume_tz: see `iter_events`.
        machine: the machine that asks whether sessions live; by default this one.
        progress: called with the share that is done, from 0 to 1.

    Raises:
        PathError: a path is missing or holds no logs, or the output cannot be written.
        SettingError: the output is there, or a path is standard input, or there is no such time
            zone.
        NotAddedUpError: there is a bug here; nothing was written.
    """
    target = Path(output)
    if target.is_symlink() or (target.exists() and not _is_empty(target)):
        raise SettingError(
            f"{str(target)!r} is there already; expected a directory that is not, or is empty"
        )
    found = find(paths)
    if any(segment.is_pipe for segment in found.segments):
        raise SettingError("repair takes files and directories, not standard input or pipes")
    _refuse_inside(target, found.roots)
    machine = machine or this_machine()
    half = None if progress is None else lambda share: progress(share / 2)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as folder:
            checked = check(paths, assume_tz=assume_tz, machine=machine, progress=half)
            work = _Work(found, checked, folder, target, read_zone(assume_tz), machine)
            return work.run(progress)
    except OSError as error:
        if isinstance(error, PathError):
            raise
        raise PathError(f"cannot write {str(target)!r}: {error.strerror or error}") from None


def _refuse_inside(target: Path, roots: list[Path]) -> None:
    """Refuse an output that would be read as part of the logs.

    Raises:
        SettingError: the output is in a directory that was named, or in that of a named segment,
            or where links from there lead.
    """
    real = target.resolve()
    above = {file_identity(place) for place in (real, *real.parents)} - {None}
    for directory in _directories_of(roots):
        if file_identity(directory) in above:
            raise SettingError(
                f"{str(target)!r} is inside of {str(directory)!r}, where it would be read as part "
                "of the logs; name a directory beside it"
            )


def _directories_of(roots: list[Path]) -> Iterator[Path]:
    for root in roots:
        if root.is_dir():
            yield from (directory for directory, _ in find_directories(root))
        elif parse_segment_name(root.name):
            yield root.parent


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Yield a directory that takes the name of a target at the end, or goes away on an error."""
    prefix = hidden_name(target.name)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=target.parent))
    try:
        # Temporary directories are private; this one shall be as any that the user makes.
        mask = os.umask(0)
        os.umask(mask)
        folder.chmod(0o777 & ~mask)
        if target.exists():
            _try_to_replace(target, folder)
        yield folder
        folder.replace(target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _try_to_replace(target: Path, folder: Path) -> None:
    """Replace an empty directory by an empty one: what cannot be, is told before the work.

    Raises:
        PathError: it cannot be replaced, as a mount point.
    """
    mode = folder.stat().st_mode
    try:
        folder.replace(target)
    except OSError as error:
        raise PathError(
            f"{str(target)!r} is empty, but cannot be replaced: {error.strerror or error}; name a "
            "directory in it"
        ) from None
    folder.mkdir()
    folder.chmod(mode)


class _Work:
    """Repairs some logs."""

    def __init__(
        self,
        found: Found,
        checked: Check,
        folder: Path,
        target: Path,
        zone: tzinfo | None,
        machine: Machine,
    ) -> None:
        self._found = found
        self._repair = Repair(check=checked)
        self._folder = folder
        self._target = target
        self._zone = zone
        self._manifests = found.session_manifests()
        self._facts = found.sessions()
        self._machine = machine
        self._now = datetime.now(UTC)
        self._exact = {(s.directory, s.session) for s in checked.sessions if s.is_exact}
        self._kept: dict[tuple[Path, Path, str], list[Kept]] = {}
        """What is in the new segments, by directory, new directory and session."""

    def run(self, progress: Callable[[float], None] | None) -> Repair:
        """Repair all segments, then write the manifests."""
        for place, reason in self._found.unread.items():
            self._repair.left[place] = f"it cannot be looked into: {reason}"
        segments = self._found.segments
        for number, segment in enumerate(segments, 1):
            self._repair_one(segment)
            if progress is not None:
                progress(0.5 + number / len(segments) / 2)
        for (directory, folder, session), kept in self._kept.items():
            manifest = self._manifests.get((directory, session))
            path = folder / manifest_name(session)
            write_manifest(path, rebuilt_manifest(session, manifest, kept, self._found.metrics()))
            self._repair.manifests.append(self._final(path))
        return self._repair

    def _repair_one(self, segment: Segment) -> None:
        facts = self._facts.get(segment.session_key)
        if facts is not None and (reason := why_alive(facts, self._machine, self._now)):
            self._repair.left[segment.path] = reason
            return
        folder = run_folder(self._folder, segment.run)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with contextlib.ExitStack() as held:
                done = self._mended(segment, folder, held)
        except (ParquetError, PathError, FileNotFoundError) as error:
            self._repair.left[segment.path] = str(error) or "it went away meanwhile"
            return
        if done is None:
            self._repair.left[segment.path] = "another segment has its name"
            return
        path, rejected, mended = done
        status = segment.path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        aside = self._final(rejected) if rejected.exists() else None
        self._repair.repaired.append(Repaired(segment.path, self._final(path), aside, mended))
        if segment.session is not None:
            key = segment.path.parent, folder, segment.session
            self._kept.setdefault(key, []).append(self._look_at(segment, path, mended))

    def _mended(
        self, segment: Segment, folder: Path, held: contextlib.ExitStack
    ) -> tuple[Path, Path, Mended] | None:
        """Write a segment; a compressed or compacted one without damage stays what it is.

        Raises:
            ParquetError: nothing can be read of it.
            PathError: it cannot be read.
            FileNotFoundError: it is not there.
        """
        # Under a name of its own: which one it gets is known once all of it is read.
        path, packed = folder / _new_name(segment), folder / segment.path.name
        fresh = path.with_name(f".{path.name}.tmp")
        rejected, aside = (one.with_name(f"{one.name}.rejected") for one in (path, fresh))
        source = pin(segment, held) if segment.suffix == ".jsonl" else segment.path
        if source is None:
            raise FileNotFoundError("it went away meanwhile")
        is_exact = segment.session_key in self._exact
        try:
            mended = mend_segment(source, segment.suffix, fresh, aside, keep_doubled=is_exact)
            if segment.suffix != ".jsonl" and mended.is_as_it_was and not packed.exists():
                shutil.copyfile(segment.path, packed)
                return packed, aside, mended
            if path.exists() or rejected.exists():
                return None
            fresh.rename(path)
            if aside.exists():
                aside.rename(rejected)
            return path, rejected, mended
        finally:
            fresh.unlink(missing_ok=True)
            aside.unlink(missing_ok=True)

    def _look_at(self, segment: Segment, path: Path, mended: Mended) -> Kept:
        """Return what is in a new segment, as its manifest needs it."""
        kept = Kept(path.name, segment.index or 0, path.stat().st_size)
        suffix = segment.suffix if path.name == segment.path.name else ".jsonl"
        there = Segment(path, segment.run, segment.session, suffix=suffix)
        report = Report()
        for event in read_segment(there, report, self._zone):
            kept.take(event)
        if report.skipped or (mended.events and kept.events != mended.events):
            raise NotAddedUpError(
                f"of {str(segment.path)!r}, {mended.events} events were kept, but {kept.events} "
                "read back; nothing was written. Please report this as a bug"
            )
        return kept

    def _final(self, path: Path) -> Path:
        return self._target / path.relative_to(self._folder)


def _new_name(segment: Segment) -> str:
    """Return the name of a segment that is not compressed."""
    name = parse_segment_name(segment.path.name)
    if name is None:
        # A file that was named: of whatever name it is, a segment of a run is called so.
        return PLAIN_NAME
    if name.suffix == ".jsonl":
        return segment.path.name
    stem = segment.path.name
    for suffix in (".jsonl.gz", ".jsonl.zst", ".gz", ".zst", ".parquet"):
        if stem.endswith(suffix):
            return stem.removesuffix(suffix) + ".jsonl"
    return stem
