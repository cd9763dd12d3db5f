from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from micrometric.finder import find
from micrometric.opening import open_found
from micrometric.regular import open_regular


def test_a_file_is_opened(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"a\nb\n")

    with open_regular(path) as file:
        assert file.read() == b"a\nb\n"
    with open_regular(path, buffering=0) as raw:
        assert raw.read(2) == b"a\n"


@pytest.mark.parametrize("kind", ["fifo", "device", "directory"])
def test_nothing_else_is_opened_or_waited_for(tmp_path, kind):
    path = tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()

    with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
        open_regular(path)


@pytest.mark.parametrize("name", ["micro_metrics.jsonl", "micro_metrics.jsonl.gz"])
def test_a_segment_that_became_a_pipe_since_it_was_found_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    (segment,) = find(tmp_path).segments
    path.unlink()
    os.mkfifo(path)
    # As if it became one between this look and the opening.
    monkeypatch.setattr("micrometric.opening.is_in_place", lambda _: True)

    with pytest.raises(OSError, match="not a regular file"), open_found(segment):
        pass
    assert stat.S_ISFIFO(path.stat().st_mode)
