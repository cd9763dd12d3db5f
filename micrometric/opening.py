"""From a segment to its bytes: opened under whatever name, unpacked, in blocks of whole lines."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from micrometric.bounds import LINE_LIMIT
from micrometric.errors import PathError
from micrometric.fetched import shown
from micrometric.found import Segment
from micrometric.regular import open_regular
from micrometric.relocation import is_in_place, relocated
from micrometric.report import Report
from micrometric.salvage import DamagedError, Unpacked
from micrometric.spool import STDIN
from micrometric.temporary import PREFIX

if TYPE_CHECKING:
    from micrometric.parquet import ParquetLines
    from micrometric.remote_file import RemoteFile

_BLOCK = 64 * 1024
"""Bytes read at a time; where one line is in doubt, all lines of a block are read one by one."""
DAMAGES = (DamagedError, EOFError)
"""What damaged compressed data raises."""
_PACKED = (".jsonl.gz", ".jsonl.zst")
_ATTEMPTS = 10
"""Times a segment is looked for whose name changes at every look."""


class Block(NamedTuple):
    """Whole lines of a segment, or at last one without an end."""

    number: int
    """That of the first line, from 1."""
    whole: int
    """How many there are, each with its end."""
    offset: int
    """Bytes before them, in what a compressed file unpacks to."""
    lines: bytes


def numbered_blocks(
    segment: Segment, report: Report, span: tuple[int, int] | None = None
) -> Iterator[Block]:
    """Yield whole lines, many at a time; at last a line without end.

    Args:
        segment: the file.
        report: receives what cannot be read.
        span: where to begin and end; None is all of it.

    Raises:
        PathError: the file cannot be read.
    """
    number, offset, is_passing = 1, 0, False
    try:
        with open_found(segment) as file:
            parts: list[bytes] = []
            for block in _read_blocks(file, span):
                if is_passing:
                    is_passing = b"\n" not in block
                    passed = len(block) if is_passing else block.index(b"\n") + 1
                    offset, block = offset + passed, block[passed:]
                end = block.rfind(b"\n") + 1
                parts.append(block[:end] or block)
                if end:
                    lines = b"".join(parts)
                    count = lines.count(b"\n")
                    yield Block(number, count, offset, lines)
                    number += count
                    offset += len(lines)
                    parts = [block[end:]]
                elif (long := sum(map(len, parts))) > LINE_LIMIT:
                    report.skip(segment.path, number, too_long(), "length")
                    number += 1
                    offset += long
                    parts, is_passing = [], True
            if rest := b"".join(parts):
                yield Block(number, 0, offset, rest)
    except Exception as error:
        if not isinstance(error, DAMAGES):
            if not isinstance(error, OSError) or isinstance(error, PathError):
                raise
            raise unreadable(segment.path, error) from None
        skip_damaged(segment, number, error, report)


def unreadable(path: Path, error: OSError) -> PathError:
    """Return what is raised for a segment that cannot be read."""
    return PathError(f"cannot read {shown(path)!r}: {error.strerror or error}")


def skip_damaged(segment: Segment, number: int | None, error: Exception, report: Report) -> None:
    """Count the rest of a segment whose compressed data is damaged, from a line on."""
    if segment.suffix == ".parquet":
        report.skip(segment.path, None, str(error), "parquet")
    else:
        reason = f"the compressed data ends or is damaged: {error}"
        report.skip(segment.path, number, reason, "compressed")


def too_long() -> str:
    """Return what is said of a line beyond the limit."""
    return f"longer than {LINE_LIMIT >> 20} MiB"


def _read_blocks(file: io.BufferedIOBase, span: tuple[int, int] | None) -> Iterator[bytes]:
    left = sys.maxsize
    if span is not None:
        file.seek(span[0])
        left = span[1] - span[0]
    while block := file.read1(min(_BLOCK, left)):
        left -= len(block)
        yield block


@contextlib.contextmanager
def open_found(segment: Segment) -> Iterator[io.BufferedIOBase]:
    """Open a segment, decompressed, under whatever name it has by now; empty if it was deleted."""
    with contextlib.ExitStack() as stack:
        yield _opened(segment, stack)


def pin(segment: Segment, held: contextlib.ExitStack) -> Path | None:
    """Return a path that goes on leading to a segment's file, whatever name that has.

    Args:
        segment: lines that are not compressed.
        held: closes the file at the end; the path is good until then.

    Returns:
        None when it was deleted.

    Raises:
        PathError: it cannot be read, or is a pipe that cannot be kept.
    """
    try:
        if segment.spool is not None:
            return segment.spool.whole()
        for place in _places(segment):
            if place.suffix != segment.suffix:
                return place.path
            with contextlib.suppress(FileNotFoundError):
                file = held.enter_context(open_regular(place.path))
                if is_in_place(place):  # Still, after it was opened: then this is its file.
                    path = Path(f"/dev/fd/{file.fileno()}")
                    return path if path.exists() else place.path
    except PathError:
        raise
    except OSError as error:
        raise unreadable(segment.path, error) from None
    return None


def _places(segment: Segment) -> Iterator[Segment]:
    """Yield the segment under the name it has now, once more at each turn; none once deleted."""
    for _ in range(_ATTEMPTS):
        place = segment if is_in_place(segment) else relocated(segment)
        if place is None:
            return
        yield place


def _opened(segment: Segment, stack: contextlib.ExitStack) -> io.BufferedIOBase:
    if segment.is_pipe:
        return stack.enter_context(_open_pipe(segment))
    if segment.remote is not None:
        return stack.enter_context(_open_remote(segment.remote, segment.suffix))
    for place in _places(segment):
        try:
            file = stack.enter_context(open_segment(place.path, place.suffix))
        except FileNotFoundError:
            if segment.identity is None:
                raise
            continue
        if is_in_place(place):
            return file
    return io.BytesIO()


@contextlib.contextmanager
def open_segment(path: Path, suffix: str) -> Iterator[io.BufferedIOBase]:
    """Open a file of lines for reading, decompressed; of Parquet, the lines that its rows are."""
    if suffix == ".parquet":
        with _open_parquet(path) as rows:
            yield io.BufferedReader(rows, _BLOCK)
        return
    with open_regular(path) as file:
        yield _unpacking(file, suffix)


def _unpacking(file: BinaryIO, suffix: str) -> io.BufferedIOBase:
    """Return what an open file of lines unpacks to."""
    # The types of the library do not tell that what `open` returns is buffered.
    return io.BufferedReader(Unpacked(file, suffix)) if suffix in _PACKED else cast(Any, file)


@contextlib.contextmanager
def _open_pipe(segment: Segment) -> Iterator[io.BufferedIOBase]:
    if segment.spool is not None:
        with segment.spool.open() as again:
            yield again
    elif segment.path == STDIN:
        yield cast(io.BufferedReader, sys.stdin.buffer)
    else:
        with segment.path.open("rb") as pipe:
            yield pipe


@contextlib.contextmanager
def _open_remote(remote: RemoteFile, suffix: str) -> Iterator[io.BufferedIOBase]:
    """Open a file of lines that lies under a URL, as `open_segment` does one that is here."""
    import shutil
    import tempfile  # both only where something lies elsewhere

    with contextlib.ExitStack() as held:
        file = held.enter_context(io.BufferedReader(remote.open(), _BLOCK))
        if suffix != ".parquet":
            yield _unpacking(file, suffix)
            return
        # DuckDB reads Parquet by its name alone.
        copy = held.enter_context(tempfile.NamedTemporaryFile(prefix=PREFIX))
        shutil.copyfileobj(file, copy)
        copy.flush()
        rows = held.enter_context(_open_parquet(Path(copy.name)))
        yield io.BufferedReader(rows, _BLOCK)


def lines_back(segment: Segment, report: Report) -> Iterator[bytes]:
    """Yield the lines of a Parquet segment, the last first, reading no more than is asked for.

    Raises:
        PathError: the file cannot be read.
    """
    try:
        for place in _places(segment):
            with contextlib.suppress(FileNotFoundError), _open_parquet(place.path) as rows:
                if is_in_place(place):
                    yield from rows.lines_back()
                    return
    except OSError as error:
        raise unreadable(segment.path, error) from None
    except DAMAGES as error:
        skip_damaged(segment, None, error, report)


def _open_parquet(path: Path) -> ParquetLines:
    """Open a Parquet segment; see `ParquetLines`."""
    from micrometric.parquet import ParquetLines  # only where there is Parquet

    return ParquetLines(path)
