"""What can be wrong with logs: the kinds of defects, what each means, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from micrometric.printable import printable

_NULS = re.compile(rb"\x00+")
_EXCERPT = 60
"""Bytes of a line that are shown."""


class Kind(NamedTuple):
    """A kind of defect."""

    meaning: str
    advice: str
    is_finding: bool = True
    """Whether logs that have it are defective; else it is worth knowing, and no more."""


_SET_ASIDE = "`micrometric repair` sets the line aside"
_KEPT = "the line is read as it is"

KINDS: dict[str, Kind] = {
    "json": Kind("a line that is not JSON", _SET_ASIDE),
    "torn": Kind("a line of which an end is missing", _SET_ASIDE),
    "merged": Kind(
        "whole events in one line with others or with a torn one",
        "`micrometric repair` splits the line; until then its events are not counted",
    ),
    "doubled": Kind(
        "a line that is the one before once more, beyond what its session wrote",
        "`micrometric repair` sets the second aside",
    ),
    "nul": Kind(
        "NUL bytes, as a machine that lost power leaves them",
        "`micrometric repair` sets them aside and keeps the events around them",
    ),
    "encoding": Kind("a line that is not UTF-8", _SET_ASIDE),
    "keys": Kind("an object without the keys of an event, or with others' types", _SET_ASIDE),
    "time": Kind("a timestamp that is no time", _SET_ASIDE),
    "nesting": Kind("data nested too deeply", _SET_ASIDE),
    "digits": Kind("an integer of more digits than are read", _SET_ASIDE),
    "length": Kind("a line beyond the longest that is read", _SET_ASIDE),
    "unfinished": Kind(
        "a last line without its end, of a session that no longer writes", _SET_ASIDE
    ),
    "dtype": Kind(
        "values that are not of the registered dtype",
        f"{_KEPT}; register the metric as what is logged",
    ),
    "order": Kind(
        "time that runs backwards by more than a second",
        f"{_KEPT}; the clock was set, or two programs wrote one file",
    ),
    "missing": Kind(
        "events that a session wrote and that are in none of its files",
        "look for the files elsewhere; figures of this session rest on what is left",
    ),
    "surplus": Kind(
        "more events than a session wrote",
        "look for copies, or for lines of another program",
    ),
    "account": Kind("an account that contradicts itself", "its numbers tell nothing about losses"),
    "manifest": Kind(
        "a manifest that cannot be read or used", "`micrometric repair` writes a new one"
    ),
    "conflict": Kind(
        "manifests that register a metric with different dtypes",
        "the last one counts; keep runs with different dtypes in directories of their own",
    ),
    "no manifest": Kind(
        "segments of a session whose manifest is missing",
        "they are read; losses cannot be told. `micrometric repair` writes a new manifest",
    ),
    "no segments": Kind(
        "a session that wrote events and has no segments left", "look for the files elsewhere"
    ),
    "twin": Kind(
        "one segment in two files, such as a compressed one beside its original",
        "only one is read; once `micrometric check` of the other finds nothing, delete the first",
    ),
    "copy": Kind("a segment whose events another one holds too", "keep one of the two"),
    "compressed": Kind(
        "compressed data that ends early or is damaged",
        "`micrometric repair` recovers what is before the damage",
    ),
    "parquet": Kind("a Parquet file that is damaged or not of micrometric", "make it anew"),
    "unreadable": Kind(
        "a file or directory that cannot be read", "look at its permissions and its disk"
    ),
    "killed": Kind(
        "a session that was killed; up to what was in memory then is lost", "", is_finding=False
    ),
    "leftover": Kind(
        "a temporary file that an interrupted program has left",
        "delete it; nothing reads it",
        is_finding=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong, and where."""

    kind: str
    """One of `KINDS`."""
    path: Path | str
    """The file, or its URL."""
    reason: str
    """What was found, and what was expected."""
    line: int | None = None
    """Number of the line from 1, None of a file as a whole."""
    byte: int | None = None
    """Where it begins, from 0; in compressed files, in what they unpack to."""
    excerpt: str = ""
    """The beginning of the line, safe to show."""

    @property
    def is_finding(self) -> bool:
        """Whether logs that have it are defective."""
        return KINDS[self.kind].is_finding

    @property
    def advice(self) -> str:
        """What to do."""
        return KINDS[self.kind].advice

    def __str__(self) -> str:
        """Return place and reason."""
        place = printable(str(self.path))
        return f"{place if self.line is None else f'{place}:{self.line}'}: {self.reason}"


def excerpt_of(line: bytes) -> str:
    """Return the beginning of a line, whatever bytes it has, safe to show anywhere."""
    line = _NULS.sub(b"\0", line[: 1 << 16])  # One of them says as much as many.
    text = printable(line[:_EXCERPT].rstrip(b"\r\n").decode("utf-8", "backslashreplace"))
    return text if len(line) <= _EXCERPT else f"{text}…"
