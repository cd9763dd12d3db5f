"""The programs that read logs, ours and others, as contenders of `python -m benchmarks.follow`."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.recorder import METRIC

_OURS = (sys.executable, "-m", "micrometric_cli")
_TYPER = (sys.executable, "-c", "import typer")


@dataclass(frozen=True, slots=True)
class Reader:
    """A contender: a program that reads logs."""

    name: str
    command: Callable[[Sequence[Path]], Sequence[str]]
    needs: tuple[str, ...] = ()
    """Programs that it runs and that may not be installed."""

    def missing(self) -> str:
        """Return why it cannot be measured here, or nothing."""
        programs = [each for each in self.needs if not shutil.which(each)]
        return f"{' and '.join(programs)} not installed" if programs else ""


def _ours(*options: str) -> Callable[[Sequence[Path]], Sequence[str]]:
    return lambda paths: [*_OURS, "tail", *options, *map(str, paths)]


def _tail_jq(paths: Sequence[Path]) -> Sequence[str]:
    return ["sh", "-c", f"tail -n 0 -F {shlex.join(map(str, paths))} | jq --unbuffered -c ."]


_JSON = ("-f", "json")
_COLOUR = ("--color", "always")
TAIL = Reader("tail -F", lambda paths: ["tail", "-n", "0", "-F", *map(str, paths)], ("tail",))
FOLLOWING = Reader("json", _ours("-n", "0", *_JSON))
FOLLOWERS = (
    TAIL,
    Reader("tail -F | jq", _tail_jq, ("tail", "jq")),
    FOLLOWING,
    Reader("coloured", _ours("-n", "0", *_COLOUR)),
)
POLLING = Reader("json, --poll", _ours("-n", "0", *_JSON, "--poll"))
PRINTERS = (
    Reader("cat", lambda paths: ["cat", *map(str, paths)], ("cat",)),
    Reader("jq", lambda paths: ["jq", "-c", ".", *map(str, paths)], ("jq",)),
    Reader("json", _ours("--no-follow", "--from-start", *_JSON)),
    Reader("coloured", _ours("--no-follow", "--from-start", *_COLOUR)),
)
IMPORT = Reader("import typer", lambda _: _TYPER)
SHOW_LAST = (
    Reader("tail", lambda paths: ["tail", "-n", "10", *map(str, paths)], ("tail",)),
    IMPORT,
    Reader("json", _ours("-n", "10", "--no-follow", *_JSON)),
)
STARTERS = (
    IMPORT,
    Reader("--help", lambda _: [*_OURS, "--help"]),
    Reader("validate", lambda paths: [*_OURS, "validate", "--metrics", METRIC, str(paths[0])]),
    Reader("tail", _ours("-n", "0", "--no-follow")),
)
