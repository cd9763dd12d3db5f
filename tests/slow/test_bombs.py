"""Compression bombs: a few kilobytes that unpack to a line without end take bounded memory."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from micrometric.bounds import LINE_LIMIT
from micrometric.segment import closed_name
from tests.cli.conftest import SAMPLES, SESSION, event
from tests.programs import environment
from tests.test_forged_parquet import forge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_PIECE = 1 << 20
_MOST = 5 * LINE_LIMIT
"""Bytes that a command may hold, itself and its libraries included."""


@pytest.fixture(scope="module", params=[".jsonl.gz", ".jsonl.zst", ".parquet"])
def bomb(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An event, a line of more than twice the longest, and an event."""
    path = tmp_path_factory.mktemp("bomb") / closed_name(SESSION, 0, request.param)
    if request.param == ".parquet":
        # Megabytes that stand in it once, in thousands of rows.
        forge(path, rows=2000, location=f"repeat('x', {_PIECE})")
        return _aged(path)
    line = event(0, "density", 1).encode() + b"\n"
    with path.open("wb") as file:
        packing = zstandard.ZstdCompressor().stream_writer(file)
        with gzip.open(file, "wb") if request.param == ".jsonl.gz" else packing as out:
            out.write(line)
            for _ in range(2 * LINE_LIMIT // _PIECE + 1):
                out.write(b"x" * _PIECE)
            out.write(b"\n" + line)
    return _aged(path)


def _aged(bomb: Path) -> Path:
    assert bomb.stat().st_size < 1 << 20
    os.utime(bomb, (0, 0))  # Nobody writes it any more.
    return bomb.parent


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["list"], 0),
        (["summarize"], 0),
        (["summarize", "--engine", "pandas"], 0),
        (["tail", "--no-follow", "--from-start"], 0),
        (["tail", "--no-follow"], 0),
        (["check"], 1),
        (["files"], 0),
        (["export", "-f", "csv", "-o", "-"], 0),
        (["plot"], 0),
        (["compare", str(SAMPLES / "oracle_top_k=8")], 0),
        (["report", "-o", "report.html"], 0),
        (["compact", "--to", "compacted"], 1),
        (["prune", "--keep-segments", "0"], 0),
        (["repair", "-o", "fixed"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_line_without_end_takes_bounded_memory(bomb, tmp_path, command, code):
    if any(bomb.glob("*.parquet")):
        # All its rows are events, and some hold all that they are asked for.
        if command in (
            ["tail", "--no-follow", "--from-start"],
            ["summarize", "--engine", "pandas"],
        ):
            pytest.skip("holds all that it is asked for")
        code = 1 if command == ["check"] else 0  # A manifest is missing.
    process = subprocess.Popen(
        [sys.executable, "-m", "micrometric_cli", command[0], str(bomb), *command[1:]],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=tmp_path, env=environment(),
    )  # fmt: skip
    assert process.stderr is not None
    said = process.stderr.read().decode()
    process.stderr.close()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)

    assert process.returncode == code, said
    assert "Traceback" not in said
    assert used.ru_maxrss * 1024 < _MOST
