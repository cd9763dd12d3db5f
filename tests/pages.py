"""Pages of documentation, taken at their word: their files are written and their commands run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.terminal import in_terminal

ROOT = Path(__file__).parents[1]
COLUMNS = 100
"""Width of the terminal whose sessions the pages show."""

_BLOCK = re.compile(
    r"(?:^<!-- ([^\n]*?) -->\n)?^```(\S+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
# What differs each time: times, what tells a process from others, and how long things take.
_PASSING = [
    # Progress, which slow work shows and then erases.
    (re.compile(r"[^\r\n]*\r\x1b\[K"), ""),
    (re.compile(r"\d{8}T\d{12}Z-\w+-\d+"), "SESSION"),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3,6}Z"), "TIME"),
    (re.compile(r"'[\w.-]+-\w+\.\d+'"), "LAUNCH"),
    # A message is broken where it is, because of how long those are.
    (re.compile(r"(?<=\S)\n  (?=\S)"), " "),
    (re.compile(r'"(host|boot|process_start)": ".*"'), r'"\1": …'),
    (re.compile(r'"pid": \d+'), '"pid": …'),
]


class Block(NamedTuple):
    """A block of code on a page, and the comment before it."""

    note: str
    language: str
    text: str


class Ran(NamedTuple):
    """A command, what the page shows of it and what it printed, both without what passes."""

    command: str
    shown: str
    printed: str


def blocks(page: Path) -> list[Block]:
    """Return the blocks of code of a page, with `file: NAME` or the like as note, or ""."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text())]


def commands(session: str) -> list[tuple[str, str]]:
    """Return the commands of a session, each with what it prints."""
    parts = re.split(r"^\$ (.*)\n", session, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def walk(page: Path, folder: Path, **environment: str) -> Iterator[Ran]:
    """Go down a page: write each file that it names, and run each session, all in one folder."""
    for block in blocks(page):
        if block.note.startswith("file: "):
            (folder / block.note.removeprefix("file: ")).write_text(block.text)
        elif block.language == "console" and not block.note:
            for command, shown in commands(block.text):
                printed = in_terminal(command, columns=COLUMNS, cwd=folder, **environment)
                yield Ran(command, settled(shown), settled(printed))


def settled(text: str) -> str:
    """Return a text without what differs each time."""
    for pattern, name in _PASSING:
        text = pattern.sub(name, text)
    return text
