"""The command line in this process: what it prints, on a terminal of a width or piped."""

import io
import json
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from micrometric.event import format_timestamp
from micrometric.manifest import Manifest, SessionFacts, write_manifest
from micrometric.registry import Metric
from micrometric.segment import closed_name, manifest_name

SAMPLES = Path(__file__).parents[2] / "sample_logs"
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
SESSION = "20261123T080000000000Z-host-4711"


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str


class Stream(io.TextIOWrapper):
    """What a command prints to: a terminal, or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", newline="\n")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined]


def block(text: str) -> str:
    """Return lines as they are printed: without the indent they have in a test."""
    return textwrap.dedent(text.removeprefix("\n"))


Cli = Callable[..., Ended]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run a command in an empty directory; `columns` makes its output a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: object, columns: int | None = None) -> Ended:
        from micrometric_cli.app import main

        out, err = (Stream(terminal=columns is not None) for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            if columns is not None:
                patch.setenv("COLUMNS", str(columns))
            with pytest.raises(SystemExit) as ending:
                main([*map(str, arguments)])
        return Ended(int(ending.value.code or 0), out.text(), err.text())

    return run


def event(second: int, metric: str, value: Any, **fields: Any) -> str:
    """An event line of our own logger."""
    moment = format_timestamp(START + timedelta(seconds=second))
    head = {"timestamp": moment, "metric": metric, "value": value}
    return json.dumps(head | {"metadata": {}, "location": "pkg.model.Attention.forward"} | fields)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that has ended: two enabled metrics, one that is not, and one nobody registered."""
    directory = tmp_path / "logs"
    directory.mkdir()
    lines = [event(n, "density", n / 4, metadata={"layer_idx": n % 2}) for n in range(4)]
    lines += [event(4, "phase", "warm"), event(5, "stray", 1, location="pkg.main.<module>")]
    (directory / closed_name(SESSION, 0)).write_text("".join(f"{line}\n" for line in lines))
    metrics = {
        "density": Metric("float", "1", "share of keys attended", place="pkg.model:3"),
        "phase": Metric("str", place="pkg.model:4"),
        "debug_scores": Metric("list", dims=("head",), place="pkg.model:5"),
    }
    write_manifest(directory / manifest_name(SESSION), Manifest(metrics, facts()))
    return directory


def facts(**changes: Any) -> SessionFacts:
    """The facts of a session that has ended."""
    stamp = format_timestamp(START)
    told = {
        "id": SESSION,
        "start": stamp,
        "heartbeat": stamp,
        "end": stamp,
        "host": "host",
        "boot": "boot",
        "pid": 4711,
        "launch": "morning",
        "spec": "all,!debug_*",
    }
    return SessionFacts(**(told | changes))
