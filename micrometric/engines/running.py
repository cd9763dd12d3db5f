"""DuckDB under way: a query tells how far it is, and Ctrl-C ends it at once, wherever it is."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from micrometric.errors import MicrometricError, SettingError
from micrometric.temporary import not_kept

if TYPE_CHECKING:
    import duckdb

_PROGRESS = 0.2
"""Seconds between two reports of progress."""
_CLOSE_TRIES = 500
_CLOSE_PAUSE = 0.01


Rows = list[tuple[Any, ...]]


def fetch_rows(
    connection: duckdb.DuckDBPyConnection,
    fetch: Callable[[], Rows],
    progress: Callable[[float], None] | None,
) -> Rows:
    """Return the rows of a query; Ctrl-C ends it at once.

    Args:
        connection: what the query runs on.
        fetch: runs it.
        progress: called now and then with the share that is done.
    """
    rows: Rows = []
    failed: list[BaseException] = []
    # Not the thread's own end: an interrupted `join` takes a thread for ended before it is.
    done = threading.Event()

    def run() -> None:
        try:
            rows.extend(fetch())
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=run, name="micrometric-query").start()
    try:
        while not done.wait(_PROGRESS):
            if progress is not None:
                progress(max(0.0, connection.query_progress()) / 100)
    except BaseException:
        # Whatever it was, and however often it comes: the connection is closed next.
        while not done.is_set():
            with contextlib.suppress(KeyboardInterrupt):
                connection.interrupt()
                done.wait(_PROGRESS)
        failed.clear()
        raise
    try:
        if failed:
            raise failed[0]
    finally:
        failed.clear()  # Its traceback holds this frame, and with it all that is read.
    return rows


def load_duckdb() -> None:
    """Import DuckDB, putting off Ctrl-C so long: in the midst of it, it would abort the process."""
    mask = getattr(signal, "pthread_sigmask", None)
    before = mask(signal.SIG_BLOCK, {signal.SIGINT}) if mask else None
    try:
        import duckdb  # noqa: F401 - the import is what is wanted
    finally:
        if mask:
            mask(signal.SIG_SETMASK, before)


def close(connection: duckdb.DuckDBPyConnection) -> None:
    """Close a connection, also where Ctrl-C came before its thread was waited for."""
    import duckdb

    for _ in range(_CLOSE_TRIES):
        try:
            return connection.close()
        except duckdb.Error:  # It is busy.
            connection.interrupt()
            time.sleep(_CLOSE_PAUSE)
    return connection.close()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for it where DuckDB has made another error of it."""
    try:
        yield
    except RuntimeError as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        raise


def lack_of_room(error: BaseException | None) -> MicrometricError | None:
    """Return what an error of DuckDB means where memory or the disk is too small for a query."""
    import duckdb

    if not isinstance(error, duckdb.Error):
        return None
    # Once it may spill no more, because the disk is full, it calls that a lack of memory.
    if "No space left on device" in str(error) or "max_temp_directory_size" in str(error):
        return not_kept("No space left on device")
    if isinstance(error, duckdb.OutOfMemoryException):
        said = str(error).partition("\n")[0].removeprefix("Out of Memory Error: ")
        return SettingError(
            f"the query needs more memory than it may use: {said}; --memory-limit sets how much"
        )
    return None


def is_interrupt(error: BaseException | None) -> bool:
    """Say whether an error of DuckDB is what it makes of Ctrl-C."""
    return isinstance(error, RuntimeError) and "interrupted" in str(error).lower()
