"""`prune`: closed segments that nobody needs any more, found by rules and deleted with care."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from micrometric.deletion import Deleter, file_state
from micrometric.errors import SettingError
from micrometric.event import moment_at
from micrometric.fetched import root_of
from micrometric.filters import read_time
from micrometric.finder import Found, Segment, SessionKey, find
from micrometric.given import Paths
from micrometric.leaving import why_linked, why_living, why_untold
from micrometric.machine import Machine, this_machine
from micrometric.retention import Doomed, Pruning, Rules
from micrometric.search import names_in
from micrometric.segment import manifest_name, parse_segment_name
from micrometric.sizes import read_size


def prune(
    paths: Paths,
    *,
    older_than: str | datetime | None = None,
    max_size: str | int | None = None,
    keep_runs: int | None = None,
    keep_segments: int | None = None,
    run: str | None = None,
    yes: bool = False,
    machine: Machine | None = None,
    now: datetime | None = None,
    pruning: Pruning | None = None,
) -> Pruning:
    """Delete segments by age, size or number, or whole runs; without `yes` only tell which.

    A segment goes if any of the conditions says so. Segments of sessions that live, or of which
    that cannot be told, stay; so does whatever is reached by a link, and every file whose name is
    not that of a segment. The manifest goes with the last segment of its session.

    Args:
        paths: files, directories (recursive) or globs; one or several.
        older_than: segments last written before a time, or of more than an age such as `30d`.
        max_size: the oldest segments, until all together are no more than this, such as `10GB`;
            an int is in bytes.
        keep_runs: segments of all runs but so many, those written last.
        keep_segments: of each run, all segments but so many, the newest.
        run: a glob; only segments of runs so named go. Without another condition, all of them.
        yes: whether to delete.
        machine: the machine that asks whether sessions live; by default this one.
        now: the present, aware; by default that of the clock.
        pruning: receives what was done as it is done, so that it is known after an error too.

    Raises:
        PathError: a path is missing or holds no logs, or a file cannot be deleted.
        SettingError: there is no condition, one is below 0, or a path is no place to delete from.
        FilterError: the time or age cannot be read.
    """
    moment = now or datetime.now(UTC)
    if all(
        condition is None for condition in (older_than, max_size, keep_runs, keep_segments, run)
    ):
        raise SettingError(
            "nothing says what may go; name an age, a size, a number to keep, or a run"
        )
    for name, number in (("keep_runs", keep_runs), ("keep_segments", keep_segments)):
        if number is not None and number < 0:
            raise SettingError(f"{name} must be a number to keep, 0 or more, not {number!r}")
    rules = Rules(
        None if older_than is None else read_time(older_than, "--older-than", moment),
        None if max_size is None else read_size(max_size, "--max-size"),
        keep_runs,
        keep_segments,
        run,
    )
    found = find(paths)
    for segment in found.segments:
        if segment.is_pipe or root_of(segment.path) is not None:
            raise SettingError("prune takes files and directories on this machine")
    done = Pruning() if pruning is None else pruning
    done.notes.extend(found.notes)
    machine = machine or this_machine()
    survey = _Survey(found, machine, moment)
    files = [*survey.candidates(done.left)]
    done.doomed = rules.choose(files, survey.left_bytes)
    done.manifests = survey.manifests_of({one.path for one in done.doomed})
    if yes:
        Deleter(done, machine, moment).run()
    return done


class _Survey:
    """Knows what may be deleted."""

    def __init__(self, found: Found, machine: Machine, now: datetime) -> None:
        self._found = found
        self._named = found.named
        self._machine = machine
        self._now = now
        self._facts = found.sessions()
        self._listed: dict[Path, dict[tuple[str | None, int | None], list[Path]]] = {}
        """The files of each directory by segment."""
        self.left_bytes = 0
        """Bytes of what may not be deleted, of the candidates so far."""

    def candidates(self, left: dict[Path, str]) -> Iterator[Doomed]:
        """Yield every file that may go, segment by segment, in each that which is read last.

        What may not go, and the other forms of the same segment, go to `left` with the reason.
        """
        for segment in self._found.segments:
            files = {path: status for path in self._forms_of(segment) if (status := _look_at(path))}
            reasons = {path: self._reason_to_stay(segment, path, files[path]) for path in files}
            staying = [path for path, reason in reasons.items() if reason is not None]
            if staying:
                beside = f"another form of it stays, {staying[0].name!r}"
                left.update({path: reason or beside for path, reason in reasons.items()})
                self.left_bytes += sum(status.st_size for status in files.values())
                continue
            written = max((status.st_mtime for status in files.values()), default=0.0)
            for path, status in files.items():
                yield Doomed(
                    path,
                    segment.run,
                    segment.session,
                    segment.index,
                    status.st_size,
                    moment_at(written),
                    "",
                    file_state(status),
                )

    def _reason_to_stay(self, segment: Segment, path: Path, status: os.stat_result) -> str | None:
        if parse_segment_name(path.name) is None:
            return "its name is not that of a segment"
        if reason := why_linked(path, self._named):
            return reason
        if not stat.S_ISREG(status.st_mode):
            return "it is no regular file"
        if status.st_nlink > 1:
            return "its file has another name too"
        if reason := why_untold(segment, self._found.unusable):
            return reason
        facts = self._facts.get(segment.session_key)
        return why_living(facts, status, self._machine, self._now)

    def manifests_of(self, doomed: set[Path]) -> list[Path]:
        """Return the manifests of the sessions all of whose files are doomed."""
        files: dict[SessionKey, list[Path]] = {}
        for segment in self._found.segments:
            files.setdefault(segment.session_key, []).extend(self._forms_of(segment))
        return sorted(
            directory / manifest_name(session)
            for (directory, session), mine in files.items()
            if (directory, session) in self._facts and doomed.issuperset(mine)
        )

    def _forms_of(self, segment: Segment) -> list[Path]:
        """Return the file of a segment behind what else is a form of it, as a compressed one."""
        name = parse_segment_name(segment.path.name)
        if name is None or segment.session is None:
            return [segment.path]
        directory = segment.path.parent
        if directory not in self._listed:
            self._listed[directory] = _by_segment(directory)
        forms = self._listed[directory].get((name.session, name.index), [])
        return [*(path for path in forms if path != segment.path), segment.path]


def _by_segment(directory: Path) -> dict[tuple[str | None, int | None], list[Path]]:
    """Return the files of a directory by what their names tell, session and number."""
    found: dict[tuple[str | None, int | None], list[Path]] = {}
    for filename in names_in(directory):
        name, path = parse_segment_name(filename), directory / filename
        if name is not None and (path.is_file() or path.is_symlink()):
            found.setdefault((name.session, name.index), []).append(path)
    return found


def _look_at(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None  # It went away since it was found.
