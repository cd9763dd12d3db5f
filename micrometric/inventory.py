"""What files there are: whose each segment is, how large, and which time it spans."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Literal

from micrometric.fetched import shown
from micrometric.filters import Filter
from micrometric.finder import Segment, find
from micrometric.given import Paths
from micrometric.intake import Intake
from micrometric.machine import this_machine
from micrometric.manifest import SessionState
from micrometric.reader import choose_launch, read_zone, text_metrics_of
from micrometric.report import Report
from micrometric.segment import file_size, parse_segment_name

Kind = Literal["active", "closed", "compressed", "parquet"]


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment, or several together."""

    run: str
    session: str | None
    rank: int | None
    launch: str | None
    path: str
    """The file; of several, their directory."""
    kind: Kind | None
    """None of several."""
    state: SessionState | None
    """Of its session; None where no manifest tells, or of several that differ."""
    size: int
    """Bytes on disk."""
    events: int
    """Those that were asked for, as `begin` and `end` are of those."""
    begin: datetime | None
    """Time of the first event in UTC, None without one."""
    end: datetime | None
    """Time of the last event."""
    files: int = 1


@dataclass(frozen=True, slots=True)
class Branch:
    """A directory of a tree, with all files below it together."""

    depth: int
    """How many branches lead to it."""
    name: str
    """What leads here from the branch above: its directory, or several that hold nothing else."""
    stored: Stored


@dataclass(frozen=True, slots=True)
class Inventory:
    """All segments under some paths."""

    files: list[Stored]
    """By run, in the order in which they were begun."""
    report: Report

    def __iter__(self) -> Iterator[Stored]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def runs(self) -> list[Stored]:
        """Return the files of each run together."""
        by_run: dict[str, list[Stored]] = {}
        for stored in self.files:
            by_run.setdefault(stored.run, []).append(stored)
        return [together(stored) for stored in by_run.values()]

    def tree(self) -> list[Branch]:
        """Return the directories that hold files, each before those inside it.

        Numbers in their names sort as numbers.
        """
        placed = [(stored.path.split("/")[:-1], stored) for stored in self.files]
        return [*_branches(placed, 0, 0)] if placed else []


def take_inventory(
    paths: Paths,
    *,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
) -> Inventory:
    """Look at every segment under some paths; each is read once, for its events and times.

    Args:
        paths: files, directories (recursive), globs or `-`; one or several.
        metrics: filters, as for `iter_events`: which events are counted. Segments without any are
            left out then.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.

    Raises:
        PathError: a path is missing, cannot be read, or holds no logs.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such time zone.
        NoDataError: there is no such launch.
    """
    zone = read_zone(assume_tz)
    report = Report()
    wanted = Filter.read(metrics, location, where, since, until, zone=zone)
    found = choose_launch(find(paths), launch, report)
    states = found.session_states(this_machine())
    wanted = wanted.bound_to(found.directory_keys())
    intake = Intake(wanted, zone, report, text_metrics_of(found))
    files = [_stored(one, states.get(one.session_key), intake) for one in found.segments]
    return Inventory([one for one in files if one.events or wanted.asks_nothing], report)


def together(files: list[Stored]) -> Stored:
    """Return several files as one entry; there is at least one."""
    first = files[0]
    states = {stored.state for stored in files}
    begins = [stored.begin for stored in files if stored.begin is not None]
    ends = [stored.end for stored in files if stored.end is not None]
    return Stored(
        run=first.run,
        session=None,
        rank=None,
        launch=first.launch if len({stored.launch for stored in files}) == 1 else None,
        path=first.path.rpartition("/")[0] or ".",
        kind=None,
        state="live" if "live" in states else first.state if len(states) == 1 else None,
        size=sum(stored.size for stored in files),
        events=sum(stored.events for stored in files),
        begin=min(begins, default=None),
        end=max(ends, default=None),
        files=len(files),
    )


_Placed = list[tuple[list[str], Stored]]
"""Files with the parts of their directories."""


def _branches(placed: _Placed, start: int, depth: int) -> Iterator[Branch]:
    """Yield the tree of some files, which have the directories before `start` in common."""
    directories = [parts for parts, _ in placed]
    alike = (len({*level}) == 1 for level in zip(*directories, strict=False))
    end = sum(1 for _ in itertools.takewhile(bool, alike))
    common = directories[0][:end]
    below = together([stored for _, stored in placed])
    path = "/".join(common) or ("/" if common else ".")
    yield Branch(depth, "/".join(common[start:]) or path, replace(below, path=path))
    deeper: dict[str, _Placed] = {}
    for parts, stored in placed:
        if len(parts) > end:
            deeper.setdefault(parts[end], []).append((parts, stored))
    for name in sorted(deeper, key=_natural):
        yield from _branches(deeper[name], end, depth + 1)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what names are sorted by, so that 8 comes before 32."""
    parts = re.split(r"([0-9]{1,18})", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _stored(segment: Segment, state: SessionState | None, intake: Intake) -> Stored:
    events, begin, end = 0, None, None
    for event in intake.whole(segment):
        events += 1
        if begin is None or event.timestamp < begin:
            begin = event.timestamp
        if end is None or event.timestamp > end:
            end = event.timestamp
    return Stored(
        run=segment.run,
        session=segment.session,
        rank=segment.rank,
        launch=segment.launch,
        path=shown(segment.path),
        kind=_kind(segment),
        state=state,
        size=file_size(segment.path),
        events=events,
        begin=begin,
        end=end,
    )


def _kind(segment: Segment) -> Kind:
    if segment.suffix == ".parquet":
        return "parquet"
    if segment.suffix != ".jsonl":
        return "compressed"
    # Also an active segment has a number: the one that it gets once it is closed.
    name = parse_segment_name(segment.path.name)
    return "active" if name is None or name.index is None else "closed"
