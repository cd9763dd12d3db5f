"""Temporary files: what they are called beside others, and where there is no room for them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from micrometric.errors import PathError

PREFIX = "micrometric-"
_HEAD = 200
"""Bytes of a name that are kept; with what comes before and behind, most systems take up to 255."""


def hidden_name(name: str) -> str:
    """Return how the name of what is written before it takes a name begins, however long that is.

    It is UTF-8, which DuckDB needs.
    """
    return f".{os.fsencode(name)[:_HEAD].decode(errors='ignore')}."


@contextlib.contextmanager
def temporary_directory() -> Iterator[Path]:
    """Give a directory for temporary files, which goes with all that is in it.

    Raises:
        PathError: it cannot be made.
    """
    import tempfile  # only where there is something to keep

    with contextlib.ExitStack() as held:
        with told_as_temporary():
            name = held.enter_context(tempfile.TemporaryDirectory(prefix=PREFIX))
        yield Path(name)


@contextlib.contextmanager
def told_as_temporary() -> Iterator[None]:
    """Raise PathError for what the system says while temporary files are written."""
    try:
        yield
    except PathError:
        raise  # Of what is read meanwhile.
    except OSError as error:
        raise not_kept(error.strerror or str(error)) from None


def not_kept(reason: str) -> PathError:
    """Return what is raised when temporary files cannot be written."""
    import tempfile

    where = f" in {tempfile.tempdir!r}" if tempfile.tempdir else ""
    return PathError(
        f"cannot write temporary files{where}: {reason}; let TMPDIR name a directory with more room"
    )
