"""A query of DuckDB under way: it tells how far it is, and Ctrl-C ends it at once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_PROGRESS = 0.2
"""Seconds between two reports of progress."""


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


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for it where DuckDB has made another error of it."""
    try:
        yield
    except RuntimeError as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        raise


def is_interrupt(error: BaseException | None) -> bool:
    """Say whether an error of DuckDB is what it makes of Ctrl-C."""
    return isinstance(error, RuntimeError) and "interrupted" in str(error).lower()
