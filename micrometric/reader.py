"""From segments to events, a line at a time, in whatever state the files are."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo

from micrometric.blocks import read_block
from micrometric.bounds import LINE_LIMIT
from micrometric.errors import NotAnEvent, SettingError
from micrometric.event import Line, LogEvent, decode_fields, is_naive, is_rank, to_event
from micrometric.filters import Filter
from micrometric.finder import Found, Segment, find
from micrometric.given import Paths
from micrometric.manifest import Manifest
from micrometric.opening import Block, numbered_blocks, too_long
from micrometric.report import Report, source_of


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
        SettingError: there is no such time zone.
        NoDataError: there is no such launch.
    """
    zone = read_zone(assume_tz)
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    report = Report() if report is None else report
    found = choose_launch(find(paths, again=False), launch, report)
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
    report.unread = list(dict.fromkeys([*report.unread, *map(source_of, found.unread)]))
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
            report.skip(segment.path, line_number, too_long(), "length")
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
    if not is_rank(fields.rank):
        fields.rank = segment.rank
    if not isinstance(fields.launch, str):
        fields.launch = segment.launch
