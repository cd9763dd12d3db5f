"""Waiting for a network: in threads, so that the caller can be interrupted and loses patience.

File systems of fsspec raise what they like and wait as long as they like; here both become one
line, in bounded time.
"""

from __future__ import annotations

import errno
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from micrometric.errors import PathError

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 8
"""Files that are fetched at once."""
PATIENCE = 60.0
"""Seconds without any sign of life after which an answer is not waited for any more."""
LISTING_PATIENCE = 900.0
"""The same for a listing, which gives no sign before its end; a million names take minutes."""
_PULSE = 0.2
"""Seconds between two looks at the patience and the progress."""
_FAREWELL = 1.0
"""Seconds for which threads that were told to stop are waited for."""


class Stopped(Exception):  # noqa: N818 - it is no error, and nobody sees it
    """Raised in a thread whose work nobody needs any more."""


@dataclass(slots=True)
class Progress:
    """How far fetching has come; all counts are over one URL."""

    files: int = 0
    all_files: int = 0
    bytes: int = 0
    all_bytes: int | None = 0
    """None where the listing does not tell sizes."""

    def expect(self, sizes: list[int | None]) -> None:
        """Add files of some sizes to what is to come."""
        self.all_files += len(sizes)
        for size in sizes:
            known = self.all_bytes is not None and size is not None
            self.all_bytes = self.all_bytes + size if known else None  # type: ignore[operator]


@dataclass(slots=True)
class Signs:
    """What threads and the one who waits for them tell each other."""

    progress: Progress = field(default_factory=Progress)
    stopped: threading.Event = field(default_factory=threading.Event)
    last: float = field(default_factory=time.monotonic)
    """When there was a sign of life, in seconds of the monotonic clock."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def alive(self, count: int = 0) -> None:
        """Tell that so many more bytes came.

        Raises:
            Stopped: they are not needed any more.
        """
        if self.stopped.is_set():
            raise Stopped
        with self._lock:
            self.progress.bytes += count
            self.last = time.monotonic()


@dataclass(frozen=True, slots=True)
class Done(Generic[Item, Result]):
    """What became of one item."""

    item: Item
    result: Result | None
    error: Exception | None


def each(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    url: str,
    signs: Signs,
    patience: float | None = None,
    measure: Callable[[], int] = lambda: 0,
    on_pulse: Callable[[Progress], None] | None = None,
) -> Generator[Done[Item, Result]]:
    """Do some work for each of several items, several at once, and yield what became of each.

    Args:
        work: called in threads.
        items: in the order in which they are begun.
        url: named when patience is lost.
        signs: how the work tells that it goes on, and is told to stop.
        patience: seconds without a sign of life, `PATIENCE` unless told.
        measure: returns what grows also where the work gives no sign before its end.
        on_pulse: called now and then in this thread.

    Raises:
        PathError: there was no sign of life for too long.
    """
    todo: queue.SimpleQueue[Item] = queue.SimpleQueue()
    for item in items:
        todo.put(item)
    count = todo.qsize()
    done: queue.SimpleQueue[Done[Item, Result]] = queue.SimpleQueue()
    threads = [
        # Daemons: a thread that waits for a dead network must not keep the process.
        threading.Thread(target=_work_off, args=(work, todo, done, signs), daemon=True)
        for _ in range(min(count, THREADS))
    ]
    signs.last = time.monotonic()
    patience = PATIENCE if patience is None else patience
    measured = 0
    try:
        for thread in threads:
            thread.start()
        while count:
            try:
                one = done.get(timeout=_PULSE)
            except queue.Empty:
                if time.monotonic() - signs.last > patience:
                    if (size := measure()) == measured:
                        raise PathError(
                            f"cannot read {url!r}: no answer for {patience:g} seconds; is there "
                            "a network, and is the address right?"
                        ) from None
                    measured = size
                    signs.last = time.monotonic()
            else:
                signs.last = time.monotonic()
                count -= 1
                yield one
            if on_pulse is not None:
                on_pulse(signs.progress)
    except BaseException:  # Ctrl-C, too, and a caller who has enough
        signs.stopped.set()
        until = time.monotonic() + _FAREWELL
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        raise


def _work_off(
    work: Callable[[Item], Result],
    todo: queue.SimpleQueue[Item],
    done: queue.SimpleQueue[Done[Item, Result]],
    signs: Signs,
) -> None:
    while not signs.stopped.is_set():
        try:
            item = todo.get_nowait()
        except queue.Empty:
            return
        try:
            done.put(Done(item, work(item), None))
        except Exception as error:  # noqa: BLE001 - it is told by who waits
            done.put(Done(item, None, error))


def is_missing(error: Exception) -> bool:
    """Say whether an error of a file system says that something is not there."""
    error = _true_error(error)
    return isinstance(error, FileNotFoundError) or getattr(error, "status", None) in (404, 410)


def unreadable(url: str, error: Exception) -> PathError:
    """Return what an error of a file system says, in one line."""
    error = _true_error(error)
    if isinstance(error, PathError):
        return error
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return PathError(
            f"cannot fetch {url!r}: no space is left for temporary files; TMPDIR names another "
            "directory for them"
        )
    if type(error).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
        return PathError(
            f"no credentials to read {url!r}; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or for a public bucket FSSPEC_S3_ANON=true"
        )
    status = getattr(error, "status", None)
    # The whole text of such an error holds the query of the URL, and so perhaps a signature.
    said = f"{status} {getattr(error, 'message', '')}" if isinstance(status, int) else str(error)
    reason = " ".join(said.split()) or type(error).__name__
    if isinstance(error, PermissionError) or status in (401, 403):
        return PathError(f"no permission to read {url!r}: {reason}")
    return PathError(f"cannot read {url!r}: {reason}")


def _true_error(error: Exception) -> Exception:
    """Return what happened: the file system of the web calls every trouble a missing file."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and isinstance(cause, Exception):
        is_of_the_web = type(cause).__module__.startswith("aiohttp")
        return cause if is_of_the_web or isinstance(cause, OSError) else error
    return error
