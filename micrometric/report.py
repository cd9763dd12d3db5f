"""What reading met on its way: lines that are no events, and what else a reader must be told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from micrometric.fetched import root_of, shown

_EXAMPLES = 20
"""Skipped lines remembered one by one; all are counted."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is not an event."""

    path: Path | str
    """Its file, or the URL it was fetched from."""
    line: int | None
    """Number of the line, from 1; None where its file was not read from the start."""
    reason: str
    kind: str = field(default="keys", compare=False)
    """One of the kinds of `micrometric.defects`."""

    def __str__(self) -> str:
        """Return place and reason."""
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.reason}"


@dataclass(slots=True)
class Report:
    """What was skipped, assumed and noticed while reading. Pass one in to look at it afterwards."""

    skipped: int = 0
    """Lines that are no events."""
    examples: list[Skipped] = field(default_factory=list)
    """The first of them."""
    unfinished: list[Path | str] = field(default_factory=list)
    """Segments, or their URLs, whose last line is not whole yet; no defect."""
    unread: list[Path | str] = field(default_factory=list)
    """Directories, or their URLs, that could not be looked into; `notes` tells why."""
    assumed_zone: str | None = None
    """The zone taken for timestamps that name none, None when there were none."""
    notes: list[str] = field(default_factory=list)
    """Sentences about manifests, launches, sampled and capped data."""

    def skip(self, path: Path, line: int | None, reason: str, kind: str = "keys") -> None:
        """Count a line that is no event."""
        self.skipped += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(Skipped(source_of(path), line, reason, kind))

    def leave_unfinished(self, path: Path) -> None:
        """Remember a segment whose last line is not whole yet."""
        self.unfinished.append(source_of(path))

    def take(self, other: Report) -> None:
        """Add what another reading of the same logs met, of which this one may know a part."""
        if other.skipped > self.skipped:
            self.skipped, self.examples = other.skipped, other.examples
        self.unfinished += [path for path in other.unfinished if path not in self.unfinished]
        self.unread += [path for path in other.unread if path not in self.unread]
        self.assumed_zone = self.assumed_zone or other.assumed_zone
        for sentence in other.notes:
            self.note(sentence)

    def note(self, sentence: str) -> None:
        """Remember a sentence, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def sentences(self) -> list[str]:
        """Return all there is to say, a sentence each."""
        said = [*self.notes]
        if self.skipped:
            first = self.examples[0]
            said.append(f"{skipped_lines(self.skipped)}, the first at {first}")
        if self.unfinished:
            others = f" and {len(self.unfinished) - 1} more" if len(self.unfinished) > 1 else ""
            said.append(f"the last line of {self.unfinished[0]}{others} is unfinished")
        if self.assumed_zone is not None:
            said.append(
                f"timestamps without a zone were taken as {self.assumed_zone} time; "
                "--assume-tz names another"
            )
        return said


def skipped_lines(count: int) -> str:
    """Return how many lines were skipped as no events.

    >>> skipped_lines(1), skipped_lines(1200)
    ('1 line is not an event and was skipped', '1,200 lines are not events and were skipped')
    """
    if count == 1:
        return "1 line is not an event and was skipped"
    return f"{count:,} lines are not events and were skipped"


def source_of(path: Path) -> Path | str:
    """Return the URL that a file was fetched from, else its path."""
    # The URL of a fetched file: its path means nothing to anybody, and soon nothing at all.
    return path if root_of(path) is None else shown(path)
