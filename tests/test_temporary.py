"""Temporary files that there is no room for: the command says where, in one line."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import zstandard

from micrometric import PathError, SettingError
from micrometric.engines.running import lack_of_room
from micrometric.segment import closed_name
from micrometric.temporary import temporary_directory
from tests.cli.conftest import SESSION, event


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A directory with a segment of 3,000 events, compressed to less than 40 KiB."""
    path = tmp_path / "logs"
    path.mkdir()
    lines = "".join(event(n, "density", n, metadata={"step": n}) + "\n" for n in range(3000))
    segment = path / closed_name(SESSION, 0, ".jsonl.zst")
    segment.write_bytes(zstandard.compress(lines.encode()))
    return path


def limited(arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no file of more than 40 KiB, as on a disk that is full then."""
    room = directory / "room"
    room.mkdir()
    return subprocess.run(
        ["bash", "-c", f"ulimit -f 40; {sys.executable} -m micrometric_cli {arguments}"],
        cwd=directory,
        env={**os.environ, "TMPDIR": str(room)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            "summarize logs",
            "list logs",
            "plot logs",
            "plot logs -o a.svg",
            "report logs -o a.html",
        ),
        *("export logs -o - -f csv", "export logs -o a.parquet", "summarize - < lines"),
    ],
)
def test_no_room_for_temporary_files_is_one_line_that_names_them(packed, tmp_path, arguments):
    (tmp_path / "lines").write_text("".join(f"{event(n, 'density', n)}\n" for n in range(3000)))

    ended = limited(arguments, tmp_path)

    assert ended.stderr == (
        f"micrometric: cannot write temporary files in '{tmp_path}/room': File too large; let "
        "TMPDIR name a directory with more room\n"
    )
    assert ended.returncode == 2
    assert not [*(tmp_path / "room").iterdir()]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "board"])
def test_no_room_for_an_export_is_one_line_that_names_it(packed, tmp_path, name):
    form = "-f tensorboard" if name == "board" else ""

    ended = limited(f"export logs -o {name} {form}", tmp_path)

    assert ended.stderr == f"micrometric: cannot write {name!r}: File too large\n"
    assert ended.returncode == 2


def test_a_directory_that_cannot_be_made_is_told(monkeypatch):
    def refuse(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    monkeypatch.setattr("tempfile.tempdir", None)

    with pytest.raises(PathError, match=r"^cannot write temporary files: No usable temporary"):
        temporary_directory().__enter__()


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (duckdb.IOException("Could not write: No space left on device"), PathError, "TMPDIR"),
        (duckdb.OutOfMemoryException("the 'max_temp_directory_size' setting"), PathError, "TMPDIR"),
        (
            duckdb.OutOfMemoryException("failed to allocate\nhint"),
            SettingError,
            "failed to allocate;",
        ),
    ],
)
def test_what_duckdb_calls_a_lack_of_room_is_told(error, kind, said):
    told = lack_of_room(error)

    assert isinstance(told, kind)
    assert said in str(told)


def test_what_else_duckdb_raises_is_no_lack_of_room():
    assert lack_of_room(duckdb.BinderException("no such column")) is None
    assert lack_of_room(None) is None
