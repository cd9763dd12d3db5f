"""The corpus of damage: what logs may look like, and what is right to say of each.

Each item is a directory of logs, small and kept byte for byte, and beside it a JSON file of the
same name that says what is right; README.md tells which keys that has.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.damage import made

HERE = Path(__file__).parent
_OLD = 1_780_000_000
"""Before any test runs: who looks at the age of a file takes its session for one that ended."""


@dataclass(frozen=True)
class Item:
    """Some logs, and what is right to say of them."""

    name: str
    what: str
    values: list[Any]
    """Of all events, in the order they are read; nearly always the number of the event."""
    skipped: int = 0
    unfinished: int = 0
    defects: dict[str, int] = field(default_factory=dict)
    """Kinds that `check` finds, and how many of each."""
    registered: int = 0
    """Metrics that manifests tell of; 0 where none can be used."""
    codes: dict[str, int] = field(default_factory=dict)
    """Exit codes of commands, where they are not those that follow from the rest."""
    repaired: list[Any] | None = None
    """Values of the events in the repaired logs, where these are not `values`."""
    aside: int | None = None
    """Parts that `repair` sets aside, where they are not the lines that were skipped."""
    left: int = 0
    """Segments of which `repair` can take nothing."""
    counted: int | None = None
    """Observations that a summary is over, where they are not the events."""
    listed: int | None = None
    """Events that forged columns of Parquet promise to who does not read its lines."""
    is_refused: bool = False
    """Whether `compact` leaves a segment as it is because it holds what is no event."""
    is_hostile: bool = False
    """Whether texts are meant to command a terminal, a page, a spreadsheet or a program."""
    make: str | None = None
    """What makes the item from its files, where git cannot keep it."""

    @property
    def observations(self) -> int:
        """What a summary is over: the elements of lists with registered axes, else the events."""
        return len(self.values) if self.counted is None else self.counted

    def place(self, target: Path) -> None:
        """Put the logs into a directory, which is not there yet."""
        files = HERE / self.name
        target.mkdir()
        for path in sorted(files.rglob("*")):
            if path.is_file():
                copy = target / path.relative_to(files)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
        if self.make is not None:
            getattr(made, self.make)(target)
        for path in target.rglob("*"):
            if path.is_file() and not path.is_symlink():
                os.utime(path, (_OLD, _OLD))


def _read(path: Path) -> Item:
    return Item(path.stem, **json.loads(path.read_text()))


ITEMS = [_read(path) for path in sorted(HERE.glob("*.json"))]
