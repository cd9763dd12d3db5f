"""From a segment to its bytes: whatever name it has, however it is compressed, block by block."""

import contextlib
import gzip
import io
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from micrometric import PathError
from micrometric.finder import find
from micrometric.found import Segment
from micrometric.opening import lines_back, numbered_blocks, open_found, pin
from micrometric.parquet_writer import write_parquet
from micrometric.report import Report, Skipped
from micrometric.segment import active_name, closed_name
from tests.tailing import lines

SESSION = "20261123T080000000000Z-r0-11"


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    """An active segment as it was found."""
    (tmp_path / active_name(SESSION)).write_bytes(b"a\n")
    (segment,) = find(tmp_path).segments
    return segment


def close(segment: Segment, suffix: str = ".jsonl") -> Path:
    """Give it the name of a closed segment, or put a compressed one in its place."""
    path = segment.path.with_name(closed_name(SESSION, segment.index, suffix))
    if suffix == ".jsonl":
        return segment.path.rename(path)
    path.write_bytes(gzip.compress(segment.path.read_bytes()))
    segment.path.unlink()
    return path


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([b"a", b"bc", b"d" * 9, b"\n", b"\n"]), max_size=12).map(b"".join),
    st.integers(1, 6),
)
@example(b"d" * 9, 2)
@example(b"d" * 9 + b"\na", 2)
@example(b"d" * 9 + b"\n\nbc\na", 3)
def test_blocks_are_whole_lines_and_know_their_place(content: bytes, size: int) -> None:
    report = Report()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("micrometric.opening._BLOCK", size)
        patch.setattr("micrometric.opening.LINE_LIMIT", 5)
        path = Path(folder) / "log.jsonl"
        path.write_bytes(content)

        blocks = [*numbered_blocks(Segment(path, "run"), report)]

    lines = content.splitlines(keepends=True)
    told = {}
    for block in blocks:
        assert content[block.offset :].startswith(block.lines)
        assert block.number == content[: block.offset].count(b"\n") + 1
        assert block.whole == block.lines.count(b"\n")
        told |= enumerate(block.lines.splitlines(keepends=True), block.number)
    passed = {skipped.line for skipped in report.examples}
    assert told == {number: line for number, line in enumerate(lines, 1) if number not in passed}
    assert all(len(lines[number - 1]) > 5 for number in passed)


@pytest.mark.parametrize("suffix", [None, ".jsonl", ".jsonl.gz"])
def test_a_segment_is_opened_under_the_name_it_has_by_now(segment, suffix):
    if suffix is not None:
        close(segment, suffix)
        segment.path.write_bytes(b"another\n")

    with open_found(segment) as file:
        assert file.read() == b"a\n"


def test_a_segment_that_was_deleted_is_empty(segment):
    segment.path.unlink()

    with open_found(segment) as file:
        assert file.read() == b""


def test_a_segment_whose_name_changes_at_every_look_is_given_up(segment, monkeypatch):
    monkeypatch.setattr("micrometric.opening.is_in_place", lambda _: False)
    monkeypatch.setattr("micrometric.opening.relocated", lambda place: place)

    with open_found(segment) as file:
        assert file.read() == b""


def test_a_file_that_was_named_must_be_there(tmp_path):
    gone = Segment(tmp_path / "gone", "run")

    with pytest.raises(FileNotFoundError), open_found(gone):
        pass
    with pytest.raises(PathError) as caught:
        next(numbered_blocks(gone, Report()))
    assert str(caught.value) == f"cannot read {str(gone.path)!r}: No such file or directory"


def test_standard_input_is_read_as_it_is(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a\n")))

    (segment,) = find("-", again=False).segments
    with open_found(segment) as file:
        assert file.read() == b"a\n"
    assert not file.closed


@pytest.mark.parametrize("name", ["kept", "renamed"])
def test_a_pinned_segment_stays_the_same_file(segment, name):
    if name == "renamed":
        close(segment)
    with contextlib.ExitStack() as held:
        path = pin(segment, held)
        if name == "kept":
            close(segment)
        segment.path.write_bytes(b"another\n")

        assert path.read_bytes() == b"a\n"


def test_a_segment_compressed_meanwhile_is_pinned_by_its_name(segment):
    path = close(segment, ".jsonl.gz")

    with contextlib.ExitStack() as held:
        assert pin(segment, held) == path


def test_without_names_for_open_files_a_segment_keeps_its_own(segment, monkeypatch):
    real = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda path: not str(path).startswith("/dev/fd") and real(path)
    )

    with contextlib.ExitStack() as held:
        assert pin(segment, held) == segment.path


def test_a_deleted_segment_cannot_be_pinned(segment):
    segment.path.unlink()

    with contextlib.ExitStack() as held:
        assert pin(segment, held) is None


def test_a_segment_that_goes_away_while_it_is_pinned_is_none(segment, monkeypatch):
    monkeypatch.setattr("micrometric.opening.is_in_place", lambda _: True)
    segment.path.unlink()

    with contextlib.ExitStack() as held:
        assert pin(segment, held) is None


def parquet(folder: Path, content: bytes | None = None) -> Segment:
    path = folder / closed_name(SESSION, 0, ".parquet")
    if content is None:
        write_parquet(lines(range(3)).encode().splitlines(), path)
    else:
        path.write_bytes(content)
    return Segment(path, "run", SESSION, suffix=".parquet", index=0)


def test_rows_of_parquet_come_as_lines_the_last_first(tmp_path):
    segment = parquet(tmp_path)
    with open_found(segment) as file:
        forward = file.read().splitlines()

    assert len(forward) == 3
    assert [line.rstrip() for line in lines_back(segment, Report())] == forward[::-1]


@pytest.mark.parametrize("read", [numbered_blocks, lines_back])
def test_damaged_parquet_is_skipped_and_told(tmp_path, read):
    segment = parquet(tmp_path, b"PAR1 rubbish PAR1")
    report = Report()

    assert [*read(segment, report)] == []
    assert [(s.path, s.line, s.kind) for s in report.examples] == [(segment.path, None, "parquet")]
    assert "parquet" in report.examples[0].reason.lower()


def test_parquet_that_cannot_be_read_is_an_error(tmp_path):
    segment = parquet(tmp_path, b"")
    segment.path.unlink()
    segment.path.mkdir()

    with pytest.raises(PathError, match=r"^cannot read '.*\.parquet': Is a directory$"):
        next(lines_back(segment, Report()))


def test_parquet_that_was_deleted_has_no_lines(tmp_path):
    parquet(tmp_path)
    (found,) = find(tmp_path).segments
    found.path.unlink()

    assert [*lines_back(found, Report())] == []


def test_damaged_compressed_data_is_told_with_the_line_it_begins_at(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b"a\nb\n") + b"junk")
    report = Report()

    (block,) = numbered_blocks(Segment(path, "run", suffix=".jsonl.gz"), report)

    assert block.lines == b"a\nb\n"
    (skipped,) = report.examples
    assert (skipped.path, skipped.line, skipped.kind) == (path, 3, "compressed")
    assert skipped.reason.startswith("the compressed data ends or is damaged: Error -3")


def test_a_line_beyond_the_limit_is_told_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.opening.LINE_LIMIT", 2 << 20)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"a\n" + b"x" * (3 << 20) + b"\nb\n")
    report = Report()

    blocks = [block.lines for block in numbered_blocks(Segment(path, "run"), report)]

    assert blocks == [b"a\n", b"b\n"]
    assert report.examples == [Skipped(path, 2, "longer than 2 MiB")]
    assert report.examples[0].kind == "length"
