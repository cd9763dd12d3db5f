"""Which files may go: by age, size, number or run."""

from __future__ import annotations

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
    """When it was written last."""
    reason: str
    state: tuple[int, int, int]
    """Device, inode and size: it goes only while it still is that file."""


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
            files: what may go.
            fixed: bytes of what stays in any case.
        """
        files = sorted(files, key=lambda one: (one.written, str(one.path)))
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
            for one in files:
                if total <= self.max_size:
                    break
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
        by_run: dict[str, list[Doomed]] = {}
        for one in files:
            by_run.setdefault(one.run, []).append(one)
        for mine in by_run.values():
            for one in mine[: max(0, len(mine) - keep)]:
                yield one, f"not of the {keep} newest segments of its run"
