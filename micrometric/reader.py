"""From segments to events, a line at a time, in whatever state the files are."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from micrometric.blocks import read_block
from micrometric.errors import NotAnEvent, PathError, SettingError
from micrometric.event import Line, LogEvent, decode_fields, is_naive, to_event
from micrometric.fetched import shown
from micrometric.filters import Filter
from micrometric.finder import STDIN, Found, Paths, Segment, find
from micrometric.manifest import Manifest
from micrometric.relocation import is_in_place, relocated
from micrometric.report import Report
from micrometric.salvage import DamagedError, Unpacked

if TYPE_CHECKING:
    from micrometric.parquet import ParquetLines

LINE_LIMIT = 256 * 1024 * 1024
"""Bytes of the longest line that is read; a longer one is skipped."""
_BLOCK = 64 * 1024
"""Bytes read at a time; where one line is in doubt, all lines of a block are read one by one."""
DAMAGES = (DamagedError, EOFError)
"""What damaged compressed data raises."""
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


def iter_events(
    paths: Paths,
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
    report: Report | None = None,
) -> Iterator[LogEvent]:
    """Yield the events of some logs, segment after segment, in the order they were logged.

    Args:
        paths: files, directories (recursive), globs, URLs of these or `-`; one or several.
        metrics: a spec of the metrics to yield, as for `metrics_to_log`.
        location: a glob for the location.
        where: an expression over keys, such as `layer_idx == 3 and value > 0.1`.
        since: earliest time: ISO 8601, an age such as `10m`, `today` or `yesterday`.
        until: latest time.
        launch: id of a launch, or `last` for the last one of each run.
        assume_tz: zone of timestamps that name none, such as `UTC` or `Europe/Berlin`; by
            default that of `MICROMETRIC_TZ`, else this machine's.
        report: receives what was skipped.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        NoDataError: there is no such launch.
    """
    zone = read_zone(assume_tz)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    report = Report() if report is None else report
    found = choose_launch(find(paths), launch, report)
    note_partial(found, report)
    return _events(found, wanted.bound_to(found.directory_keys()), zone, report)


def _events(
    found: Found, wanted: Filter, zone: tzinfo | None, report: Report
) -> Iterator[LogEvent]:
    text_metrics = text_metrics_of(found)
    for segment in found.segments:
        for event in read_segment(segment, report, zone, text_metrics):
            if wanted.matches(event, segment):
                yield event


def choose_launch(found: Found, launch: str | None, report: Report) -> Found:
    """Keep the segments of a launch; without one, note where several were read together.

    Raises:
        NoDataError: there is no such launch.
    """
    for note in found.notes:
        report.note(note)
    if launch is not None:
        return replace(found, segments=found.of_launch(launch))
    for run, launches in found.launches().items():
        if len(launches) > 1:
            report.note(
                f"run {run!r} holds {len(launches)} launches, read together; --launch last "
                f"chooses the last, {launches[-1]!r}"
            )
    return found


def note_partial(found: Found, report: Report) -> None:
    """Note what was logged and is not in the files: sampled out, capped or failed."""
    for path, manifest in found.manifests:
        if manifest.accounting is not None and (lost := lost_events(manifest)):
            parts = [f"{count} {how}" for how, count in lost.items()]
            logged = manifest.accounting.total.logged
            report.note(f"of {logged} events logged by {path.name}: {', '.join(parts)}")


def lost_events(manifest: Manifest) -> dict[str, int]:
    """Return how many logged events are not in the files of a session, by how that came."""
    if manifest.accounting is None:
        return {}
    total = manifest.accounting.total
    counts = {
        "sampled out": total.sampled_out,
        "beyond max_records": total.capped,
        "failed": total.failed,
    }
    return {how: count for how, count in counts.items() if count}


def text_metrics_of(found: Found) -> frozenset[str]:
    """Return the metrics registered as `str`, in whose values "NaN" is a text."""
    return frozenset(name for name, metric in found.metrics().items() if metric.dtype == "str")


def read_zone(assume_tz: str | tzinfo | None) -> tzinfo | None:
    """Return the zone for timestamps without one, None for this machine's.

    Raises:
        SettingError: there is no zone of that name.
    """
    if assume_tz is None:
        assume_tz = os.environ.get("MICROMETRIC_TZ") or None
    if not isinstance(assume_tz, str):
        return assume_tz
    import zoneinfo  # only where a zone is named

    try:
        return zoneinfo.ZoneInfo(assume_tz)
    except (KeyError, OSError, ValueError):
        raise SettingError(
            f"no time zone is called {assume_tz!r}; expected a name such as 'UTC' or "
            "'Europe/Berlin'"
        ) from None


def read_segment(
    segment: Segment,
    report: Report,
    zone: tzinfo | None = None,
    text_metrics: frozenset[str] = frozenset(),
) -> Iterator[LogEvent]:
    """Yield the events of one segment, with their origin; what is no event goes to the report.

    Args:
        segment: the file.
        report: receives what is skipped.
        zone: zone of timestamps that name none; None is this machine's.
        text_metrics: metrics whose "NaN" is a text.

    Raises:
        PathError: the file cannot be read.
    """
    blocks = numbered_blocks(segment, report)
    return _events_of(blocks, segment, report, zone, text_metrics)


def read_span(
    segment: Segment,
    start: int,
    end: int,
    report: Report,
    zone: tzinfo | None = None,
    text_metrics: frozenset[str] = frozenset(),
) -> Iterator[LogEvent]:
    """Yield the events of a part of a plain segment, as `read_segment` does those of all of it.

    Args:
        segment: the file.
        start: offset of the first line.
        end: offset behind the last line. Lines are counted from the start of the part.
        report: see `read_segment`.
        zone: see `read_segment`.
        text_metrics: see `read_segment`.

    Raises:
        PathError: the file cannot be read.
    """
    blocks = numbered_blocks(segment, report, (start, end))
    return _events_of(blocks, segment, report, zone, text_metrics)


def _events_of(
    blocks: Iterator[Block],
    segment: Segment,
    report: Report,
    zone: tzinfo | None,
    text_metrics: frozenset[str],
) -> Iterator[LogEvent]:
    for number, _, _, lines in blocks:
        # A line beyond the limit is refused one by one.
        plain = len(lines) <= LINE_LIMIT
        events = read_block(lines, segment, text_metrics) if plain else None
        if events is None:
            yield from _one_by_one(number, lines, segment, report, zone, text_metrics)
        else:
            yield from events


def _one_by_one(
    number: int,
    lines: bytes,
    segment: Segment,
    report: Report,
    zone: tzinfo | None,
    text_metrics: frozenset[str],
) -> Iterator[LogEvent]:
    """Yield the events of lines, the first of which has a number."""
    for line_number, line in enumerate(io.BytesIO(lines), number):
        if len(line) > LINE_LIMIT:
            report.skip(segment.path, line_number, _too_long(), "length")
        if len(line) > LINE_LIMIT or not line.strip():
            continue
        try:
            event = decode_event(line, segment, report, zone, text_metrics)
        except NotAnEvent as error:
            if line.endswith(b"\n"):
                report.skip(segment.path, line_number, error.reason, error.kind)
            else:
                report.leave_unfinished(segment.path)
        else:
            yield event


def decode_event(
    line: bytes,
    segment: Segment,
    report: Report,
    zone: tzinfo | None,
    text_metrics: frozenset[str],
) -> LogEvent:
    """Return the event of a line, with its origin; a zone that had to be assumed is reported.

    Raises:
        NotAnEvent: it is none.
    """
    fields = decode_fields(line)
    _give_origin(fields, segment)
    event = to_event(fields, zone=zone, text_metrics=text_metrics, directories=segment.directories)
    stamp = fields.timestamp
    if report.assumed_zone is None and not stamp.endswith("Z") and is_naive(stamp):
        report.assumed_zone = "this machine's" if zone is None else str(zone)
    return event


def _give_origin(fields: Line, segment: Segment) -> None:
    """Add the origin of a segment to the fields of a line, where the line does not tell."""
    if not isinstance(fields.run, str):
        fields.run = segment.run
    if not isinstance(fields.session, str):
        fields.session = segment.session
    if not isinstance(fields.rank, int):
        fields.rank = segment.rank
    if not isinstance(fields.launch, str):
        fields.launch = segment.launch


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
                    report.skip(segment.path, number, _too_long(), "length")
                    number += 1
                    offset += long
                    parts, is_passing = [], True
            if rest := b"".join(parts):
                yield Block(number, 0, offset, rest)
    except Exception as error:
        if not isinstance(error, DAMAGES):
            if not isinstance(error, OSError):
                raise
            reason = error.strerror or error
            raise PathError(f"cannot read {shown(segment.path)!r}: {reason}") from None
        skip_damaged(segment, number, error, report)


def skip_damaged(segment: Segment, number: int | None, error: Exception, report: Report) -> None:
    """Count the rest of a segment whose compressed data is damaged, from a line on."""
    if segment.suffix == ".parquet":
        report.skip(segment.path, None, str(error), "parquet")
    else:
        reason = f"the compressed data ends or is damaged: {error}"
        report.skip(segment.path, number, reason, "compressed")


def _too_long() -> str:
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
    """
    for place in _places(segment):
        if place.suffix != segment.suffix:
            return place.path
        with contextlib.suppress(FileNotFoundError):
            file = held.enter_context(place.path.open("rb"))
            if is_in_place(place):  # Still, after it was opened: then this is its file.
                path = Path(f"/dev/fd/{file.fileno()}")
                return path if path.exists() else place.path
    return None


def _places(segment: Segment) -> Iterator[Segment]:
    """Yield the segment under the name it has now, once more at each turn; none once deleted."""
    for _ in range(_ATTEMPTS):
        place = segment if is_in_place(segment) else relocated(segment)
        if place is None:
            return
        yield place


def _opened(segment: Segment, stack: contextlib.ExitStack) -> io.BufferedIOBase:
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
    if path == STDIN:
        yield sys.stdin.buffer  # type: ignore[misc] # it is buffered, whatever its type says
        return
    if suffix in (".jsonl.gz", ".jsonl.zst"):
        with path.open("rb") as raw:
            yield io.BufferedReader(Unpacked(raw, suffix))
    elif suffix == ".parquet":
        with open_parquet(path) as rows:
            yield io.BufferedReader(rows, _BLOCK)
    else:
        with path.open("rb") as file:
            yield file


def lines_back(segment: Segment, report: Report) -> Iterator[bytes]:
    """Yield the lines of a Parquet segment, the last first, reading no more than is asked for.

    Raises:
        PathError: the file cannot be read.
    """
    try:
        for place in _places(segment):
            with contextlib.suppress(FileNotFoundError), open_parquet(place.path) as rows:
                if is_in_place(place):
                    yield from rows.lines_back()
                    return
    except OSError as error:
        raise PathError(f"cannot read {str(segment.path)!r}: {error.strerror or error}") from None
    except DAMAGES as error:
        skip_damaged(segment, None, error, report)


def open_parquet(path: Path) -> ParquetLines:
    """Open a Parquet segment; see `ParquetLines`."""
    from micrometric.parquet import ParquetLines  # only where there is Parquet

    return ParquetLines(path)
