"""From paths to files that are followed: what is there, what comes later, what went away.

A file is known by device and inode, never by its name alone: one that is renamed is followed
further until it is quiet, and what takes its name is a new file.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from micrometric.errors import NoDataError, PathError
from micrometric.fetched import shown
from micrometric.finder import find
from micrometric.found import Found, Segment
from micrometric.lines import HEAD_BYTES, GrowingFile
from micrometric.opening import DAMAGES, open_found, unreadable
from micrometric.reader import choose_launch, lost_events, text_metrics_of
from micrometric.relocation import relocated
from micrometric.report import Report
from micrometric.segment import parse_segment_name
from micrometric.waiting import Identity, Places, PollingWaiter, Waiter, why_polling
from micrometric.watched_names import add_place_of, identity_of, names_under

_PATIENCE = 10.0
"""Seconds without growth after which a file that has lost its name is let go."""

_FIRST_LOOKS = 10
"""Times the first look is repeated while files change their names."""

_MOVES = 10
"""Times a segment is looked for that has another name each time."""

_WATCH_LOOKS = 10
"""Times a look is repeated while it finds directories that were not watched when it began."""


@dataclass(slots=True)
class Watched:
    """A file that is followed, and whose it is."""

    file: GrowingFile
    segment: Segment
    named: bool = True
    """Whether the file still has a name among the watched paths."""


class Watcher:
    """The files under some paths, kept up to date by `look`.

    Args:
        paths: files, directories (recursive) and globs; what is not there yet is waited for.
        launch: id of a launch, or `last`; files of others are left alone.
        report: receives what is waited for and what cannot be read.
        waiter: is told what to wait for; when it can take no more, it is replaced by polling.
        follows: whether it goes on; else what cannot be read now is an error, and where not all
            files may be open at once, they count as complete and are read one after the other.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        launch: str | None,
        report: Report,
        waiter: Waiter,
        *,
        follows: bool = True,
    ) -> None:
        self.waiter = waiter
        self.files: dict[Identity, Watched] = {}
        """In the order in which they were found."""
        self.compressed: list[Segment] = []
        """Segments that were complete when they were found first; they do not grow, or nobody
        waits for it."""
        self.missed: list[Segment] = []
        """Segments that were compressed before they were seen as lines; the follower tells them
        and empties the list."""
        self.fresh: set[Identity] = set()
        """Files that were found since the follower emptied the set."""
        self.directories: set[str] = set()
        """Names of the directory keys."""
        self.text_metrics: frozenset[str] = frozenset()
        """Metrics registered as `str`, whose "NaN" is a text."""
        self.dims: dict[str, tuple[str, ...]] = {}
        """Names of the axes of metrics whose values are lists of observations."""
        self.partial: dict[str, str] = {}
        """Manifests of sessions that leave events out of their files, and how."""
        self._paths = list(paths)
        self._launch = launch
        self._report = report
        self._names: dict[str, Identity | None] = {}
        self.is_settled = True
        """Whether the last look found every file where it was listed; else it is worth another."""
        self._done: dict[Identity, Path] = {}
        """Closed segments that were told whole and let go, while they have a name."""
        self._heads: set[int] = set()
        """Hashes of the first lines of segments that were told and let go; a line has a time to
        the microsecond."""
        self._packed: set[tuple[Path, int | None]] = set()
        """Compressed segments that were looked at, by what stays when they are compacted."""
        self._begun = False
        self._follows = follows
        self._holds = True
        """Whether files of lines are held open."""

    def look(self) -> None:
        """Find files that are new, and let go of those that have lost their name and are quiet.

        Raises:
            PathError: at the first look a path is neither a file nor a directory, or there are
                more files than may be open; without following, also a file that cannot be read.
            NoDataError: the first look finds logs, but none of the launch.
        """
        if not self._begun:
            self._refuse_irregular()
        names = self._watched_names()
        if names != self._names:
            opened = self._update(names)
            for _ in range(0 if self._begun else _FIRST_LOOKS):
                # What is renamed just now must not seem new afterwards.
                opened = opened or self._update(names)
            # A file that cannot be opened is tried again at the next look.
            self._names = names if opened else {}
        self._begun = True
        self._let_go()

    def close(self) -> None:
        """Close all files, and end waiting for them."""
        for watched in self.files.values():
            watched.file.close()
        self.files.clear()
        self.waiter.close()

    def _refuse_irregular(self) -> None:
        for path in self._paths:
            if path.exists() and not (path.is_file() or path.is_dir()):
                raise PathError(
                    f"{str(path)!r} is neither a file nor a directory; to follow a pipe beside "
                    f"others, let it be standard input of its own: micrometric tail - < {path}"
                )

    def _watched_names(self) -> dict[str, Identity | None]:
        """Return the files there are, in directories that were watched before they were read."""
        for _ in range(_WATCH_LOOKS):
            places: Places = {}
            names = {
                name: identity_of(name)
                for path in self._paths
                for name in self._under(path, places)
            }
            try:
                if not self.waiter.watch_directories(places):
                    break
            except OSError as error:
                self._poll(error)
        return names

    def _poll(self, error: OSError) -> None:
        """Go on without events of the kernel."""
        self._report.note(why_polling(error))
        self.waiter.close()
        self.waiter = PollingWaiter()

    def _under(self, path: Path, places: Places) -> list[str]:
        """Return the names of the files under a path, and add where more may appear."""
        add_place_of(path, places)
        names = list(names_under(path, places))
        if not names:
            why = "it holds no logs" if path.is_dir() else "there is no such path"
            self._report.note(f"waiting for {str(path)!r}: {why}")
        return names

    def _update(self, names: dict[str, Identity | None]) -> bool:
        """Take up what was found; say whether all of it could be opened."""
        self.is_settled = True
        found = self._found()
        self.directories |= found.directory_keys()
        self.text_metrics |= text_metrics_of(found)
        self.dims |= {name: m.dims for name, m in found.metrics().items() if m.dims}
        for path, manifest in found.manifests:
            if lost := lost_events(manifest):
                self.partial[path.name] = " or ".join(lost)
        opened = True
        for segment in found.segments:
            opened &= self._take_up(segment)
        self._packed &= {_lasting(segment) for segment in found.segments}
        there = set(names.values())
        self._done = {done: path for done, path in self._done.items() if done in there}
        for identity, watched in self.files.items():
            watched.named = identity in there
        return opened

    def _found(self) -> Found:
        present = [path for path in self._paths if any(names_under(path, {}))]
        try:
            found = find(present)
        except PathError:
            return Found()  # Something went away meanwhile; the next look sees what is left.
        try:
            return choose_launch(found, self._launch, Report() if self._begun else self._report)
        except NoDataError:
            if self._begun or not found.segments:
                return Found()  # It may come yet.
            raise

    def _take_up(self, segment: Segment) -> bool:
        """Take up a segment as lines, or as a whole where it is compressed; say whether it was."""
        for _ in range(_MOVES):
            if segment.suffix != ".jsonl" or not self._holds:
                break
            if self._take(segment):
                return True
            if not self._holds:
                break
            # One that was closed or compressed on the way to it must not seem new afterwards, and
            # where that goes on all the time, the next look would be as late.
            moved = relocated(segment)
            if moved is None or moved.path == segment.path:
                return False
            segment = moved
        else:
            return False
        if _lasting(segment) not in self._packed:
            if not self._take_packed(segment):
                return False
            self._packed.add(_lasting(segment))
        return True

    def _take(self, segment: Segment) -> bool:
        known = self.files.get(segment.identity) if segment.identity else None
        if known is not None:
            known.segment = segment
            return True
        if segment.identity and self._done.get(segment.identity) == segment.path:
            return True
        try:
            file = GrowingFile(segment.path)
        except OSError as error:
            self._tell(segment, error)
            return False
        if file.identity != segment.identity:
            file.close()  # It was renamed since it was found; the next look finds both, in order.
            self.is_settled = False
            return False
        if file.identity in self._done and hash(file.head()) in self._heads:
            self._done[file.identity] = segment.path
            file.close()
            return True
        self.files[file.identity] = Watched(file, segment)
        self.fresh.add(file.identity)
        try:
            self.waiter.watch_file(file.identity, file.descriptor)
        except OSError as error:
            self._poll(error)
        return True

    def _tell(self, segment: Segment, error: OSError) -> None:
        """Tell that a file cannot be opened, unless that is its name or will be mended.

        Raises:
            PathError: see `look`.
        """
        is_full = error.errno in (errno.EMFILE, errno.ENFILE)
        if isinstance(error, FileNotFoundError):
            self.is_settled = False  # It has another name by now.
        elif is_full and not self._follows:
            self._hold_none()
        elif is_full and not self._begun:
            raise PathError(
                f"cannot follow {shown(segment.path)!r}: {error.strerror}; each file that is "
                "followed is open: let more be with `ulimit -n`, or name fewer"
            ) from None
        elif self._follows:
            self._report.note(f"cannot read {shown(segment.path)!r}: {error.strerror}")
        else:
            raise unreadable(segment.path, error) from None

    def _hold_none(self) -> None:
        """Let all files go, to be read as those that are complete."""
        self._holds = False
        for identity, watched in self.files.items():
            self.waiter.forget_file(identity)
            watched.file.close()
            self.compressed.append(watched.segment)
            self._packed.add(_lasting(watched.segment))
        self.files.clear()
        self.fresh.clear()

    def _take_packed(self, segment: Segment) -> bool:
        if not self._begun:
            self.compressed.append(segment)
            return True
        try:
            with open_found(segment) as file:
                head = file.read(HEAD_BYTES).partition(b"\n")[0] + b"\n"
        except Exception as error:
            if not isinstance(error, (OSError, *DAMAGES)):
                raise
            self._report.note(f"cannot read {shown(segment.path)!r}: {error}")
            return False  # It may be in the midst of being copied here.
        if head == b"\n":
            return False
        followed = {watched.file.head() for watched in self.files.values()}
        if head not in followed and hash(head) not in self._heads:
            self._heads.add(hash(head))
            self.missed.append(segment)
        return True

    def _let_go(self) -> None:
        for identity, watched in [*self.files.items()]:
            name = parse_segment_name(watched.segment.path.name)
            is_closed = name is not None and name.index is not None
            is_over = watched.file.quiet_time > _PATIENCE and not watched.file.unread
            if (is_closed or not watched.named) and is_over:
                if watched.named:
                    self._done[identity] = watched.segment.path
                self._heads.add(hash(watched.file.head()))
                self.waiter.forget_file(identity)
                watched.file.close()
                del self.files[identity]


def _lasting(segment: Segment) -> tuple[Path, int | None]:
    """Return what stays the same when a compressed segment is compressed otherwise."""
    if segment.session is None:
        return segment.path, None
    return segment.path.parent / segment.session, segment.index
