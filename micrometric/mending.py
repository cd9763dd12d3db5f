"""One segment written anew: whole events byte for byte, everything else set aside with a reason."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from micrometric.bounds import LINE_LIMIT
from micrometric.damage import Damage, damage_of
from micrometric.errors import NotAddedUpError, PathError
from micrometric.event import encode_fields
from micrometric.salvage import DamagedError, unpacked
from micrometric.scanning import are_events, has_doubles

_PART = 1 << 20
"""Bytes of what is set aside that stand in one record."""


@dataclass(slots=True)
class Mended:
    """What became of the bytes of a segment, unpacked: `read = kept + set_aside`."""

    read: int = 0
    kept: int = 0
    set_aside: int = 0
    added: int = 0
    """Ends of lines that were put behind events; part of what is written, not of what was read."""
    events: int = 0
    """Lines that were kept, but for empty ones."""
    split: int = 0
    """Lines of which events were taken out."""
    rejected: int = 0
    """Parts that were set aside."""
    damage: str | None = None
    """What ended unpacking early."""

    @property
    def is_as_it_was(self) -> bool:
        """Whether what was written is what was read."""
        return not (self.set_aside or self.added or self.damage)


def mend_segment(
    path: Path, suffix: str, target: Path, rejected: Path, *, keep_doubled: bool
) -> Mended:
    """Write a segment anew.

    Args:
        path: the segment, of lines.
        suffix: how it is compressed; of Parquet, the lines are those that its rows are.
        target: where its whole events go, as they stand in it, in order.
        rejected: where everything else goes: a JSON object for each part, with its line, its
            place, the reason and its bytes, as text or in base64. Written only where there is any.
        keep_doubled: whether a line that is the one before once more is an event of its own.

    Raises:
        OSError: a file cannot be written.
        PathError: the segment cannot be read.
        FileNotFoundError: it is not there.
        ParquetError: nothing can be read of it.
        NotAddedUpError: see there.
    """
    mended = Mended()
    with target.open("xb") as file, _Rejected(rejected) as aside:
        pen = _Pen(file, aside, mended, keep_doubled=keep_doubled)
        try:
            chunks = _rows(path) if suffix == ".parquet" else unpacked(path, suffix)
            for part in _lines(_counted(_readable(chunks), mended)):
                pen.take(part)
        except DamagedError as error:
            mended.damage = f"the compressed data ends or is damaged: {error}"
            pen.tell_damage(error.place, mended.damage)
    if mended.read != mended.kept + mended.set_aside:
        raise NotAddedUpError(
            f"{str(path)!r} has {mended.read} bytes, but {mended.kept} were kept and "
            f"{mended.set_aside} set aside; nothing was written. Please report this as a bug"
        )
    return mended


def _rows(path: Path) -> Iterator[bytes]:
    """Yield the lines of a Parquet segment, many at a time."""
    from micrometric.parquet import ParquetError, ParquetLines  # only where there is Parquet

    read = 0
    with ParquetLines(path) as lines:
        try:
            while chunk := lines.read(_PART):
                yield chunk
                read += len(chunk)
        except ParquetError as error:
            if not read:
                raise
            raise DamagedError(str(error), 0) from None


def _readable(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what is read; that it cannot be is told from what is wrong with the output.

    Raises:
        PathError: it cannot be read; where it is not there, it is a FileNotFoundError.
    """
    try:
        yield from chunks
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PathError(f"it cannot be read: {error.strerror or error}") from None


def _counted(chunks: Iterator[bytes], mended: Mended) -> Iterator[bytes]:
    for chunk in chunks:
        mended.read += len(chunk)
        yield chunk


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines, or a part of one that is beyond the longest."""

    data: bytes
    is_whole: bool


def _lines(chunks: Iterator[bytes]) -> Iterator[_Part]:
    """Yield lines with their ends, many at a time; one beyond the longest in parts.

    Raises:
        DamagedError: after the last line, without an end, before the damage.
    """
    held: list[bytes] = []
    size, is_long = 0, False
    damage: DamagedError | None = None
    while True:
        try:
            chunk = next(chunks, None)
        except DamagedError as error:
            damage, chunk = error, None
        if chunk is None:
            break
        if is_long and (end := chunk.find(b"\n") + 1):
            yield _Part(b"".join([*held, chunk[:end]]), is_whole=False)
            chunk, held, size, is_long = chunk[end:], [], 0, False
        if not is_long and (end := chunk.rfind(b"\n") + 1):
            yield _Part(b"".join([*held, chunk[:end]]), is_whole=True)
            chunk, held, size = chunk[end:], [], 0
        if chunk:
            held.append(chunk)
            size += len(chunk)
        if size > LINE_LIMIT:
            yield _Part(b"".join(held), is_whole=False)
            held, size, is_long = [], 0, True
    if held:
        yield _Part(b"".join(held), not is_long)
    if damage is not None:
        raise damage


class _Pen:
    """Writes what is kept, and hands over what is not."""

    def __init__(
        self, file: IO[bytes], aside: _Rejected, mended: Mended, *, keep_doubled: bool
    ) -> None:
        self._file = file
        self._aside = aside
        self._mended = mended
        self._keep_doubled = keep_doubled
        self._number = 1
        self._offset = 0
        self._last = b""

    def take(self, part: _Part) -> None:
        """Take the next lines, or a part of one."""
        lines = part.data
        if not part.is_whole:
            self._reject(lines, 0, "length", f"part of a line longer than {LINE_LIMIT >> 20} MiB")
            self._pass(lines)
        elif (count := lines.count(b"\n")) and self._are_clean(lines, count):
            self._last = lines[lines.rfind(b"\n", 0, -1) + 1 : -1]
            self._mended.events += count
            self._write(lines)
            self._pass(lines)
        else:
            for line in io.BytesIO(lines):
                self._take_line(line)
                self._pass(line)

    def _are_clean(self, lines: bytes, count: int) -> bool:
        """Say whether lines are events beyond doubt, none of them there twice."""
        if not are_events(lines, count):
            return False
        return self._keep_doubled or not has_doubles(self._last + b"\n" + lines)

    def _take_line(self, line: bytes) -> None:
        if not line.strip():
            self._write(line)
        elif (damage := damage_of(line)) is not None:
            self._mend(line, damage)
        else:
            self._keep(line, 0)

    def _pass(self, data: bytes) -> None:
        self._offset += len(data)
        self._number += data.count(b"\n")

    def tell_damage(self, place: int, reason: str) -> None:
        """Note where unpacking ended."""
        self._aside.write({"byte_packed": place, "kind": "compressed", "reason": reason})

    def _mend(self, line: bytes, damage: Damage) -> None:
        self._mended.split += damage.events > 0
        # The end of the line goes with what stands before it.
        ends = [*(piece.end for piece in damage.pieces[:-1]), len(line)]
        for piece, end in zip(damage.pieces, ends, strict=True):
            if piece.is_event:
                self._keep(line[piece.start : end], piece.start)
            else:
                self._reject(line[piece.start : end], piece.start, damage.kind, damage.reason)

    def _keep(self, event: bytes, start: int) -> None:
        body = event.rstrip(b"\r\n")
        if body == self._last and not self._keep_doubled:
            self._reject(event, start, "doubled", "the same as the event before it")
            return
        self._last = body
        self._mended.events += 1
        self._write(event)
        if not event.endswith(b"\n"):
            self._file.write(b"\n")
            self._mended.added += 1

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._mended.kept += len(data)

    def _reject(self, data: bytes, start: int, kind: str, reason: str) -> None:
        self._mended.set_aside += len(data)
        self._mended.rejected += 1
        for begin in range(0, len(data), _PART):
            record: dict[str, Any] = {
                "line": self._number,
                "byte": self._offset + start + begin,
                "kind": kind,
                "reason": reason,
            }
            part = data[begin : begin + _PART]
            try:
                record["text"] = part.decode()
            except UnicodeDecodeError:
                record["base64"] = base64.b64encode(part).decode()
            self._aside.write(record)


class _Rejected:
    """The file of what is set aside, there from the first record on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> _Rejected:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, record: dict[str, Any]) -> None:
        """Write a record."""
        if self._file is None:
            self._file = self._path.open("xb")
        self._file.write(encode_fields(record))
