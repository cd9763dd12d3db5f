"""One segment into one Parquet file beside its target, verified before anybody relies on it."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from micrometric.bounds import LINE_LIMIT
from micrometric.claim import QUIET
from micrometric.errors import NotAnEvent
from micrometric.event import decode_line, moment_at
from micrometric.finder import Segment
from micrometric.opening import DAMAGES, open_found, open_segment, too_long
from micrometric.parquet_writer import write_parquet


class RefusedError(Exception):
    """Parquet cannot hold a segment; says why."""


@contextlib.contextmanager
def verified_parquet(segment: Segment, target: Path) -> Iterator[tuple[Path, int]]:
    """Yield a verified file beside a target that takes the place of a segment, and its events.

    Whatever happens, no half file stays.

    Raises:
        RefusedError: Parquet cannot hold the segment.
        OSError: the disk takes no more.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with open_found(segment) as lines:
            events = write_parquet(_within_limit(lines), temporary)
        _verify(segment, temporary)
        sync(temporary)
        yield temporary, events
    except NotAnEvent as error:
        raise RefusedError(
            f"{error.reason}; Parquet holds events alone, so the segment stays as it is"
        ) from None
    except DAMAGES as error:
        raise RefusedError(f"its compressed data ends or is damaged: {error}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _verify(segment: Segment, written: Path) -> None:
    """Compare each event that is read back with the one that it was.

    Raises:
        RefusedError: one differs; the file is not to be used.
    """
    with open_found(segment) as lines, open_segment(written, ".parquet") as kept:
        pairs = itertools.zip_longest(_whole(_within_limit(lines)), _whole(kept))
        for number, (line, back) in enumerate(pairs, 1):
            # The same bytes are the same event, whoever reads them.
            if line != back and (None in (line, back) or _event(line) != _event(back)):
                raise RefusedError(f"event {number} would read differently from Parquet")


def _within_limit(file: io.BufferedIOBase) -> Iterator[bytes]:
    """Yield lines as long as they are not too long to be read.

    Raises:
        NotAnEvent: one is.
    """
    for number in itertools.count(1):
        line = file.readline(LINE_LIMIT + 1)
        if len(line) > LINE_LIMIT:
            raise NotAnEvent(f"line {number} is no event: {too_long()}")
        if not line:
            return
        yield line


def _whole(lines: Iterator[bytes]) -> Iterator[bytes]:
    return (line.rstrip(b"\r\n") for line in lines if line.strip())


def _event(line: bytes) -> str:
    """Return all there is to an event; a NaN equals itself, and 1 neither 1.0 nor true."""
    return repr(decode_line(line, zone=UTC))


def sync(path: Path) -> None:
    """Bring a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clear_remains(target: Path, now: datetime) -> None:
    """Remove what an interrupted compaction of this segment has left."""
    for remains in target.parent.glob(f".{target.name}.*.tmp"):
        with contextlib.suppress(OSError):
            written = moment_at(remains.lstat().st_mtime)
            if now - written > QUIET:
                remains.unlink()
