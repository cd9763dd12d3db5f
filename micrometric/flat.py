"""Events as flat rows, for frames, exports and whatever knows no nested data.

The event's fields and its origin come first, then a column for each `name=value` key of the path
and each metadata key, under its own name, or as `dir.x` or `metadata.x` where the name is taken.
What a metadata key holds is not taken apart.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from micrometric.event import ORIGIN_FIELDS, LogEvent, finite
from micrometric.keys import EVENT_FIELDS
from micrometric.printable import BLANK

if TYPE_CHECKING:
    from _csv import Writer as CsvWriter

    from _typeshed import SupportsWrite

FIXED = (*EVENT_FIELDS, *ORIGIN_FIELDS)
"""The columns that events always have."""
Kind = Literal["bool", "int", "float", "str", "json"]
"""What all values of a column are; `json` where they are of several kinds, lists or objects."""
_LARGEST = 2**63
_SIGNS = r"=+\-@＝＋－＠"  # noqa: RUF001 - wide signs do, too
"""What a formula begins with."""
_UNSEEN = (
    r"\s\x00-\x20\x7f-\xa0\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    rf"\U000e0000-\U000e0fff{BLANK}"
)
"""What may stand before it: some programs drop it, and then run what is left."""
_ENDS = ";\t\r\n"
"""What ends a cell where the list separator is no comma: quotes in the midst of a line of its own
are no quotes there."""
_END = f"\r\n{_ENDS}"
"""The end of a row for `csv`, which quotes what holds a sign of it; it is written as a break."""
_sign = re.compile(f"[{_SIGNS}\t\r\n]")
_formula = re.compile(
    rf"\A(?=[\t\r\n].|[{_UNSEEN}]*[{_SIGNS}].)"
    rf"|(?<=[{_ENDS}])(?=(?:(?![{_ENDS}])[{_UNSEEN}])*[{_SIGNS}])",
    re.DOTALL,
)
"""The places where a formula would begin; at the start of a text, with anything behind its sign."""


@dataclass(slots=True)
class Flat:
    """The columns that some events need beside the fixed ones."""

    directories: dict[str, Kind | None] = field(default_factory=dict)
    metadata: dict[str, Kind | None] = field(default_factory=dict)
    """Kinds by key, in order of appearance; None while all values are null."""
    has_texts: bool = False
    """Whether a value is no number."""

    def learn(self, events: Iterable[LogEvent]) -> None:
        """Take note of the columns of some events."""
        for event in events:
            if event.directories:
                _learn(self.directories, event.directories.items())
            if event.metadata:
                _learn(self.metadata, event.metadata.items())
            if not isinstance(event.value, float | int):
                self.has_texts = True

    def names(self) -> dict[str, tuple[Literal["directory", "metadata"], str]]:
        """Return what each column is called and which key it holds, in order."""
        columns: dict[str, tuple[Literal["directory", "metadata"], str]] = {}
        for key in self.directories:
            columns[_free(key, "dir", columns)] = "directory", key
        for key in self.metadata:
            columns[_free(key, "metadata", columns)] = "metadata", key
        return columns

    def kind(self, source: Literal["directory", "metadata"], key: str) -> Kind:
        """Return what the values of a key are."""
        kinds = self.directories if source == "directory" else self.metadata
        return kinds[key] or "json"


def under(event: LogEvent, source: Literal["directory", "metadata"], key: str) -> Any:
    """Return what an event has under a directory or metadata key, None where it has nothing."""
    held = event.metadata if source == "metadata" else event.directories
    return None if held is None else held.get(key)


def csv_cell(value: Any) -> Any:
    """Return a value as a cell of CSV: lists, objects and booleans as JSON, null as nothing.

    What a spreadsheet would run as a formula gets an apostrophe in front, as spreadsheets
    themselves write such texts; a sign alone is none. So does what would begin one in the midst of
    a text for a spreadsheet that divides lines by other signs than commas.
    """
    value = finite(value)
    if isinstance(value, list | dict | bool):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and _sign.search(value):
        return _formula.sub("'", value)
    return value


def csv_writer(file: SupportsWrite[str]) -> CsvWriter:
    r"""Return what writes rows of CSV that end with a bare \n.

    A text with a break of either kind is quoted: a bare \r would start a row for most readers. So
    is one with a sign by which some divide a line.
    """
    return csv.writer(_BareEnds(file), lineterminator=_END)


class _BareEnds:
    """A file of rows, each of which is written at once."""

    def __init__(self, file: SupportsWrite[str]) -> None:
        self._file = file

    def write(self, row: str) -> object:
        return self._file.write(row.removesuffix(_END) + "\n")


def as_double(value: float) -> float:
    """Return a number as a double; integers beyond those are infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def observations(value: Any, depth: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the elements of nested lists with their indexes, at most so deep; else the value."""
    if depth and isinstance(value, list):
        for index, item in enumerate(value):
            for inner, element in observations(item, depth - 1):
                yield (index, *inner), element
    else:
        yield (), value


def json_text(value: Any) -> str | None:
    """Return a value as JSON, None for null."""
    return None if value is None else json.dumps(finite(value), ensure_ascii=False)


def _learn(kinds: dict[str, Kind | None], items: Iterable[tuple[str, Any]]) -> None:
    for key, value in items:
        known = kinds.setdefault(key, None)
        if known != "json" and value is not None:
            found = _kind_of(value)
            if known is None:
                kinds[key] = found
            elif known != found:
                kinds[key] = "float" if {known, found} == {"int", "float"} else "json"


def _kind_of(value: Any) -> Kind:
    if value.__class__ is int:
        return "int" if -_LARGEST <= value < _LARGEST else "json"
    names: dict[type, Kind] = {bool: "bool", float: "float", str: "str"}
    return names.get(value.__class__, "json")


def _free(key: str, prefix: str, taken: Iterable[str]) -> str:
    # DuckDB and others do not tell small letters from large ones.
    known = {name.lower() for name in (*FIXED, *taken)}
    name = key
    while name.lower() in known:
        name = f"{prefix}.{name}"
    return name
