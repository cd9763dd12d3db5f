"""Waiting until files change: by events of the kernel where they can be had, else by looking often.

Both say the same; events only say it sooner and cost nothing while nothing happens. What an
event cannot tell, such as a write through a mapped page, a look every few seconds finds.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from micrometric.inotify import GONE, IS_DIRECTORY, MODIFY, NAMES, OVERFLOW, Inotify
from micrometric.segment import file_identity, is_manifest_name, parse_segment_name

POLL_INTERVAL = 0.1
"""Seconds between two looks at files that are quiet, without events."""
_ROUND = 2.0
"""Seconds between two looks at everything, with events."""
_LONGEST = 3600.0
"""Seconds of one wait; the kernel counts milliseconds, and not without end."""
_REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "lustre", "gpfs", "beegfs", "ceph", "afs", "gluster")
"""File systems, by how their names begin, on which others write without an event here."""

Identity = tuple[int, int]
"""Device and inode."""

Places = dict[str, set[str]]
"""Directories, and the names in them that matter besides those of segments and manifests."""
ANY_NAME = "*"
"""Among those names: all matter."""
ANY_DIRECTORY = "/"
"""Among those names: those of directories matter."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What may have changed."""

    names: bool
    """Whether files may have come, gone or changed their names."""
    files: frozenset[Identity] | None
    """Files that may have grown; None is any."""


_ANYTHING = Changes(names=True, files=None)


class Waiter(ABC):
    """Tells when it is worth looking. Only `ring` may be called from another thread."""

    @abstractmethod
    def watch_directories(self, places: Places) -> bool:
        """Watch these directories and no others; say whether any is newly watched.

        Raises:
            OSError: there are more than the system allows.
        """

    @abstractmethod
    def watch_file(self, identity: Identity, descriptor: int) -> None:
        """Watch an open file whatever becomes of its names.

        Raises:
            OSError: there are more than the system allows.
        """

    @abstractmethod
    def forget_file(self, identity: Identity) -> None:
        """End watching a file that is still open."""

    @abstractmethod
    def wait(self, seconds: float) -> Changes:
        """Wait at most so many seconds for a change or a ring; say what may have changed."""

    @abstractmethod
    def ring(self) -> None:
        """End the present wait, or else the next."""

    @abstractmethod
    def close(self) -> None:
        """End all watching."""


class PollingWaiter(Waiter):
    """Looks again and again; right everywhere.

    Args:
        interval: seconds between two looks.
    """

    def __init__(self, interval: float = POLL_INTERVAL) -> None:
        self._interval = interval
        self._rung = threading.Event()

    def watch_directories(self, places: Places) -> bool:  # noqa: ARG002
        return False

    def watch_file(self, identity: Identity, descriptor: int) -> None:
        pass

    def forget_file(self, identity: Identity) -> None:
        pass

    def wait(self, seconds: float) -> Changes:
        self._rung.wait(min(seconds, self._interval))
        return _ANYTHING

    def ring(self) -> None:
        self._rung.set()

    def close(self) -> None:
        pass


class EventWaiter(Waiter):
    """Waits for events of the kernel.

    Raises:
        OSError: there are none to be had.
    """

    def __init__(self) -> None:
        self._inotify = Inotify()
        try:
            self._ring_in, self._ring_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._inotify.close()
            raise
        self._directories: dict[str, tuple[Identity, int]] = {}
        self._matter: dict[int, set[str]] = {}
        self._files: dict[int, Identity] = {}
        self._numbers: dict[Identity, int] = {}
        self._next_round = time.monotonic() + _ROUND

    def watch_directories(self, places: Places) -> bool:
        wanted = {name: found for name in places if (found := file_identity(name)) is not None}
        for name, (identity, number) in [*self._directories.items()]:
            if wanted.get(name) != identity:
                del self._directories[name]
                if all(number != other for _, other in self._directories.values()):
                    self._inotify.forget(number)
        new = wanted.keys() - self._directories.keys()
        for name in new:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                self._directories[name] = wanted[name], self._inotify.watch(name, NAMES)
        self._matter = {}
        for name, (_, number) in self._directories.items():
            self._matter.setdefault(number, set()).update(places[name])
        return not new.isdisjoint(self._directories)

    def watch_file(self, identity: Identity, descriptor: int) -> None:
        number = self._inotify.watch(f"/proc/self/fd/{descriptor}", MODIFY)
        self._files[number] = identity
        self._numbers[identity] = number

    def forget_file(self, identity: Identity) -> None:
        number = self._numbers.pop(identity, None)
        if number is not None:
            del self._files[number]
            self._inotify.forget(number)

    def wait(self, seconds: float) -> Changes:
        left = self._next_round - time.monotonic()
        if left <= 0:
            self._next_round = time.monotonic() + _ROUND
            return _ANYTHING
        is_readable(min(seconds, left), self._inotify.descriptor, self._ring_in)
        return self._told(self._inotify.read())

    def _told(self, events: list[tuple[int, int, str]]) -> Changes:
        if any(mask & OVERFLOW for _, mask, _ in events):
            return _ANYTHING
        ended = {number for number, mask, _ in events if mask & GONE}
        for name, (_, number) in [*self._directories.items()]:
            if number in ended:
                del self._directories[name]
        return Changes(
            names=any(self._matters(*event) for event in events),
            files=frozenset(self._files[n] for n, _, _ in events if n in self._files),
        )

    def _matters(self, number: int, mask: int, name: str) -> bool:
        """Say whether an event in a directory is worth a look; many may come of others' files."""
        if number in self._files:
            return False
        names = self._matter.get(number, set())
        return (
            not name  # It is about the directory itself.
            or ANY_NAME in names
            or name in names
            or (bool(mask & IS_DIRECTORY) and ANY_DIRECTORY in names)
            or parse_segment_name(name) is not None
            or is_manifest_name(name)
        )

    def ring(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._ring_out, b"!")

    def close(self) -> None:
        self._inotify.close()
        for descriptor in (self._ring_in, self._ring_out):
            if descriptor >= 0:
                os.close(descriptor)
        self._ring_in = self._ring_out = -1


def is_readable(seconds: float, *descriptors: int) -> bool:
    """Wait at most so many seconds until there is something to read, or an end; say whether.

    By poll(2): select(2) takes no descriptor from 1,024 on.
    """
    waiting = select.poll()
    for descriptor in descriptors:
        waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(1000 * max(0.0, min(seconds, _LONGEST))))


def why_polling(error: OSError) -> str:
    """Return the sentence that tells why the kernel's events are done without."""
    return (
        f"the system watches no more files for this user ({error.strerror}), so they are looked "
        f"at every {POLL_INTERVAL} s; fs.inotify.max_user_watches and max_user_instances are the "
        "limits"
    )


def is_remote(path: Path) -> bool:
    """Say whether a path is on a file system where other machines write without an event here."""
    there = next(place for place in [path, *path.absolute().parents] if place.exists())
    device = there.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return False
    kinds = {
        line.partition(" - ")[2].split(" ")[0] for line in mounts if line.split(" ")[2] == number
    }
    return any(kind.startswith(_REMOTE) for kind in kinds)
