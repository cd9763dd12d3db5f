"""The files that DuckDB is to read for segments: themselves, links to them, or mended copies."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.event import LogEvent, encode_event, finite, without_lone_surrogates
from micrometric.finder import Segment
from micrometric.opening import pin
from micrometric.parquet import Footer, ParquetError, read_footer
from micrometric.reader import read_segment
from micrometric.regular import open_regular
from micrometric.salvage import DamagedError, unpacked
from micrometric.temporary import told_as_temporary

if TYPE_CHECKING:
    import duckdb

_LINE_BYTES = 16 * 1024 * 1024
"""DuckDB's own limit for one line; raised when a mended copy holds a longer one."""
_PATTERN = re.compile(r"[*?\[\]{}]|^~")
Columns = tuple[tuple[str, str], ...]
"""Metadata keys that a Parquet segment has a column for, with its type."""


class Files:
    """The files of segments, held open and linked where that is needed.

    Args:
        source: the segments, and how they are read.
        connection: reads the footers of Parquet segments.
        folder: where copies and links go.
        pinned: holds files that may be renamed or compressed meanwhile.
    """

    def __init__(
        self,
        source: Source,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        pinned: contextlib.ExitStack,
    ) -> None:
        self._source = source
        self._connection = connection
        self._folder = folder
        self.segments = [*source.segments]
        """Those that there are, and that are ours."""
        self._places = {segment.path: segment.path for segment in source.segments}
        self._mended: set[Path] = set()
        """Segments that have a mended copy."""
        self._footers: dict[Path, Footer] = {}
        """What Parquet segments tell of themselves."""
        self.line_bytes = _LINE_BYTES
        """How long a line may be."""
        self._pin_open_segments(pinned)
        self._link_odd_names()
        self._read_footers()
        # DuckDB reads plain files and gzip; the others go through our reader at once. So do those
        # whose last line has no end: of several files, it drops such a line without an error
        # where it is one that it would refuse anywhere else.
        self.mend(
            segment
            for segment in self.segments
            if segment.suffix == ".jsonl.zst"
            or (segment.suffix == ".jsonl" and _is_cut(self.of(segment)))
            or (segment.suffix == ".jsonl.gz" and not _is_whole(self.of(segment)))
        )

    def of(self, segment: Segment) -> Path:
        """Return where a segment is read."""
        return self._places[segment.path]

    @property
    def of_lines(self) -> list[Segment]:
        """The segments that are read line by line."""
        return [segment for segment in self.segments if segment.path not in self._footers]

    @property
    def of_rows(self) -> list[Segment]:
        """The Parquet segments."""
        return [segment for segment in self.segments if segment.path in self._footers]

    @property
    def in_doubt(self) -> list[Segment]:
        """The segments without a mended copy."""
        return [segment for segment in self.segments if segment.path not in self._mended]

    @property
    def mended(self) -> list[Path]:
        """The mended copies; their lines are beyond doubt."""
        return [self._places[path] for path in self._mended]

    def rows_by_columns(self, request: Request) -> dict[Columns, list[Segment]]:
        """Group Parquet segments by which of the wanted keys have a column in them."""
        wanted = [key for key in request.keys if key.kind == "metadata" and "." not in key.path]
        groups: dict[Columns, list[Segment]] = {}
        for segment in self.of_rows:
            there = self._footers[segment.path].keys
            columns = tuple((key.path, there[key.path]) for key in wanted if key.path in there)
            groups.setdefault(columns, []).append(segment)
        return groups

    def mend(self, segments: Iterable[Segment]) -> None:
        """Copy the events of segments, as our reader understands them, into files for DuckDB."""
        source = self._source
        for segment in list(segments):
            if segment.path in self._mended:
                raise AssertionError(f"mended twice: {segment.path}")
            copy = self.new_file()
            with told_as_temporary(), copy.open("wb") as file:
                for event in read_segment(segment, source.report, source.zone, frozenset()):
                    # The origin stands in the line only where the line told another one.
                    line = _line_of(_without_origin(event, segment))
                    self.line_bytes = max(self.line_bytes, 2 * len(line))
                    file.write(line)
            self._footers.pop(segment.path, None)
            self._places[segment.path] = copy
            self._mended.add(segment.path)

    def new_file(self, suffix: str = ".jsonl") -> Path:
        """Return a name for a temporary file."""
        return self._folder / f"{sum(1 for _ in self._folder.iterdir())}{suffix}"

    def _pin_open_segments(self, pinned: contextlib.ExitStack) -> None:
        """Hold on to files that a living session may rename or compress while they are read."""
        for segment in [*self.segments]:
            if segment.is_pipe or (segment.is_open and segment.suffix == ".jsonl"):
                place = pin(segment, pinned)
                if place is None:
                    self.segments.remove(segment)  # It was deleted since it was found.
                else:
                    self._places[segment.path] = place

    def _link_odd_names(self) -> None:
        """Give files a plain name where DuckDB would take theirs for a pattern, or not at all."""
        for segment in self.segments:
            name = str(self.of(segment))
            if _PATTERN.search(name) or valid_utf8(name) != name:
                link = self.new_file(segment.suffix)
                link.symlink_to(os.path.abspath(name))  # noqa: PTH100 - as it is called
                self._places[segment.path] = link

    def _read_footers(self) -> None:
        """Look at Parquet segments, and mend what is not ours."""
        for segment in [*self.segments]:
            if segment.suffix == ".parquet":
                try:
                    footer = read_footer(self._connection, str(self.of(segment)))
                except ParquetError:
                    # Our reader tells whether it is damaged, cannot be read, or has gone.
                    self.mend([segment])
                else:
                    self._footers[segment.path] = footer


def valid_utf8(text: str) -> str:
    """Return a text with a sign in place of each byte that is not UTF-8, as names may hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_cut(path: Path) -> bool:
    """Say whether the last line of a file has no end, or that cannot be told."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            return file.read() not in (b"", b"\n")
    except OSError:
        # A pipe can be read once only; what went away, or cannot be read, our reader tells.
        return True


def _is_whole(path: Path) -> bool:
    """Say whether a gzip file is; DuckDB misses neither its checksums nor any bytes at all."""
    try:
        for _ in unpacked(path, ".jsonl.gz"):
            pass
    except (DamagedError, OSError):
        return False
    return True


def _line_of(event: LogEvent) -> bytes:
    """Return an event as a line that DuckDB reads as we do."""
    line = encode_event(event)
    if finite(event.metadata) != event.metadata:
        # In metadata the names of such numbers are texts; DuckDB takes them bare.
        fields = json.loads(line) | {"metadata": event.metadata}
        line = json.dumps(fields, separators=(",", ":")).encode() + b"\n"
    return without_lone_surrogates(line) if rb"\ud" in line else line


def _without_origin(event: LogEvent, segment: Segment) -> LogEvent:
    same = {
        name: None
        for name in ("run", "session", "rank", "launch")
        if getattr(event, name) == getattr(segment, name)
    }
    return replace(event, **same)  # type: ignore[arg-type] # each of them may be None
