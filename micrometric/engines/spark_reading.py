"""What executors do: each reads a piece of a segment where it lies, by our reader, into columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.engines.decoded import Columns, column_types, columns_of
from micrometric.found import Segment
from micrometric.opening import open_found
from micrometric.reader import read_segment, read_span
from micrometric.report import Report

PIECE = 64 * 1024 * 1024
"""Bytes of a plain file that one task reads."""
_BATCH = 50_000

Piece = tuple[int, int, int]
"""Number of a segment, and between which of its bytes lines begin; 0 and 0 is all of it."""


def pieces_of(segments: list[Segment]) -> list[Piece]:
    """Return what each task reads: plain files in pieces, others as they are."""
    pieces: list[Piece] = []
    for number, segment in enumerate(segments):
        size = _divisible_size(segment)
        if size <= PIECE:
            pieces.append((number, 0, 0))
        else:
            starts = range(0, size, PIECE)
            pieces += [(number, start, min(start + PIECE, size)) for start in starts]
    return pieces


def _divisible_size(segment: Segment) -> int:
    """Return the bytes of a segment that can be read from any place on, 0 of any other."""
    if segment.suffix != ".jsonl":
        return 0
    if segment.remote is None:
        return segment.path.stat().st_size
    return 0 if segment.remote.is_web else segment.remote.size or 0


class Reading:
    """Reads pieces on an executor.

    Args:
        source: the segments, and by which rules they are read.
        request: which columns are asked for.
        pieces: what each number stands for.
        met: an accumulator of sets: receives the numbers of segments of which something was
            skipped, and the names of zones that were assumed.
    """

    def __init__(self, source: Source, request: Request, pieces: list[Piece], met: Any) -> None:
        self._source = source
        self._request = request
        self._pieces = pieces
        self._met = met

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield the columns of the pieces whose numbers are given."""
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for columns in self._read(self._pieces[number]):
                    yield _arrow(columns, self._request)

    def _read(self, piece: Piece) -> Iterator[Columns]:
        number, start, end = piece
        source, report = self._source, Report()
        segment = source.segments[number]
        rules = (report, source.zone, source.text_metrics)
        if end:
            first, last = _whole_lines(segment, start, end)
            events = read_span(segment, first, last, *rules)
        else:
            events = read_segment(segment, *rules)
        held = []
        for event in events:
            held.append(event)
            if len(held) == _BATCH:
                yield columns_of(held, self._request, source.dims, source.explode)
                held = []
        yield columns_of(held, self._request, source.dims, source.explode)
        if report.skipped or report.unfinished:
            self._met.add(frozenset({number}))
        if report.assumed_zone is not None:
            self._met.add(frozenset({report.assumed_zone}))


def _whole_lines(segment: Segment, start: int, end: int) -> tuple[int, int]:
    """Return where the lines that begin between two places begin and end."""
    with open_found(segment) as file:

        def next_line(place: int) -> int:
            if not place:
                return 0
            file.seek(place - 1)
            return place - 1 + len(file.readline())

        return next_line(start), next_line(end)


def _arrow(columns: Columns, request: Request) -> Any:
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "moment": pa.timestamp("us"),
        "flag": pa.bool_(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in column_types(request).items()])
    return pa.RecordBatch.from_pydict(columns, schema)
