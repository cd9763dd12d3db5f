"""Which files may go: by age, size, number or run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Doomed:
    """A file that goes, or would."""

    path: Path
    run: str
    session: str | None
    index: int | None
    size: int
    written: datetime
    """When its segment was written last, in whatever form."""
    reason: str
    state: tuple[int, int, int]
    """Device, inode and size: it goes only while it still is that file."""

    @property
    def segment(self) -> tuple[Path, str, int | None]:
        """What the forms of a segment have in common: they stay or go together, and are one."""
        return self.path.parent, self.session or self.path.name, self.index

    @property
    def age(self) -> tuple[datetime, str, int]:
        """What sorts segments from the oldest on, also where a copy has given them one date."""
        return self.written, self.session or "", -1 if self.index is None else self.index


@dataclass(slots=True)
class Pruning:
    """What goes, what stays although it was meant, and why."""

    doomed: list[Doomed] = field(default_factory=list)
    """The oldest first."""
    left: dict[Path, str] = field(default_factory=dict)
    deleted: list[Doomed] = field(default_factory=list)
    """What is gone by now; nothing in a dry run."""
    manifests: list[Path] = field(default_factory=list)
    """Manifests that go with the last segment of their session."""
    notes: list[str] = field(default_factory=list)
    """What could not be used, a sentence each."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What may go."""

    before: datetime | None
    max_size: int | None
    keep_runs: int | None
    keep_segments: int | None
    run: str | None

    def choose(self, files: list[Doomed], fixed: int) -> list[Doomed]:
        """Return what goes of some files, each with its reason, the oldest first.

        Args:
            files: what may go; the forms of a segment follow each other.
            fixed: bytes of what stays in any case.
        """
        files = sorted(files, key=lambda one: (one.age, *map(str, one.segment)))
        reasons: dict[Path, str] = {}
        for one, reason in self._all_reasons(files, fixed):
            if self.run is None or fnmatchcase(one.run, self.run):
                reasons.setdefault(one.path, reason)
        return [replace(one, reason=reasons[one.path]) for one in files if one.path in reasons]

    def _all_reasons(self, files: list[Doomed], fixed: int) -> Iterator[tuple[Doomed, str]]:
        conditions = (self.before, self.max_size, self.keep_runs, self.keep_segments)
        if all(condition is None for condition in conditions):
            yield from ((one, f"its run is {one.run}") for one in files)
        if self.before is not None:
            said = f"written before {self.before:%Y-%m-%d %H:%M:%SZ}"
            yield from ((one, said) for one in files if one.written < self.before)
        if self.keep_runs is not None:
            yield from self._of_old_runs(files, self.keep_runs)
        if self.keep_segments is not None:
            yield from self._of_many(files, self.keep_segments)
        if self.max_size is not None:
            total = fixed + sum(one.size for one in files)
            for _, forms in itertools.groupby(files, key=lambda one: one.segment):
                if total <= self.max_size:
                    break
                for one in forms:
                    if self.run is None or fnmatchcase(one.run, self.run):
                        total -= one.size
                        yield one, f"all together are more than {self.max_size:,} bytes"

    def _of_old_runs(self, files: list[Doomed], keep: int) -> Iterator[tuple[Doomed, str]]:
        written: dict[str, datetime] = {}
        for one in files:
            if self.run is None or fnmatchcase(one.run, self.run):
                written[one.run] = one.written  # The last counts: they are in order.
        old = set(sorted(written, key=written.__getitem__)[: max(0, len(written) - keep)])
        yield from ((one, f"not of the {keep} newest runs") for one in files if one.run in old)

    def _of_many(self, files: list[Doomed], keep: int) -> Iterator[tuple[Doomed, str]]:
        by_run: dict[str, dict[tuple[Path, str, int | None], list[Doomed]]] = {}
        for one in files:
            by_run.setdefault(one.run, {}).setdefault(one.segment, []).append(one)
        for segments in by_run.values():
            for forms in [*segments.values()][: max(0, len(segments) - keep)]:
                yield from ((one, f"not of the {keep} newest segments of its run") for one in forms)
