"""What is in the files when following begins."""

import gzip
from pathlib import Path

import pytest

from micrometric.filters import Filter
from micrometric.finder import Segment
from micrometric.intake import Intake
from micrometric.parquet_writer import write_parquet
from micrometric.past import last_events, whole_batches
from micrometric.report import Report
from micrometric.segment import PLAIN_NAME, active_name, closed_name
from micrometric.waiting import PollingWaiter
from micrometric.watcher import Watcher
from tests.tailing import lines

FIRST, SECOND = "20261123T080000000000Z-r0-11", "20261123T090000000000Z-r1-12"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir()
    return path


def pack(path: Path, numbers: list[int]) -> None:
    path.write_bytes(gzip.compress(lines(numbers).encode()))


def last_values(
    logs: Path | list[Path], count: int | None, report: Report | None = None
) -> list[object]:
    report = report or Report()
    paths = [logs] if isinstance(logs, Path) else logs
    watcher = Watcher(paths, None, report, PollingWaiter())
    watcher.look()
    for watched in watcher.files.values():
        watched.file.seek_end()
    intake = Intake(Filter.read(), None, report)
    events = last_events(watcher, intake, count)
    watcher.close()
    return [event.value for event in events]


def test_the_last_of_each_session_count_whatever_their_segments_are_called(logs):
    pack(logs / closed_name(FIRST, 3, ".jsonl.gz"), [10, 11])
    pack(logs / closed_name(SECOND, 0, ".jsonl.gz"), [20, 21])

    assert last_values(logs, 2) == [20, 21]
    assert last_values(logs, 3) == [11, 20, 21]
    assert last_values(logs, None) == [10, 11, 20, 21]


def test_a_later_segment_is_read_first_whichever_of_them_is_compressed(logs):
    (logs / closed_name(FIRST, 0)).write_text(lines([1, 2]))
    pack(logs / closed_name(FIRST, 1, ".jsonl.gz"), [11, 12])
    (logs / active_name(FIRST)).write_text("")

    assert last_values(logs, 2) == [11, 12]


def test_of_one_session_no_more_is_read_than_is_asked_for(logs):
    (logs / closed_name(FIRST, 0)).write_text(lines([1]) + "rubbish\n" + lines([2]))
    (logs / closed_name(FIRST, 1)).write_text(lines([10]) + "rubbish\n" + lines([11, 12]))
    report = Report()

    assert last_values(logs, 2, report) == [11, 12]
    assert report.skipped == 0


@pytest.mark.parametrize(
    "suffixes",
    [(".jsonl", ".jsonl"), (".jsonl.gz", ".jsonl.gz"), (".jsonl", ".jsonl.gz")],
    ids=["plain", "compressed", "mixed"],
)
def test_files_without_a_session_are_each_a_source(logs, suffixes):
    earlier, later = (logs / f"{name}{suffix}" for name, suffix in zip("ba", suffixes, strict=True))
    for path, numbers in [(earlier, [1, 2]), (later, [11, 12])]:
        if path.suffix == ".gz":
            pack(path, numbers)
        else:
            path.write_text(lines(numbers))

    assert last_values([later, earlier], 2) == [11, 12]
    assert last_values([earlier, later], 3) == [2, 11, 12]


def test_damaged_parquet_is_told_of(logs):
    (logs / closed_name(FIRST, 0, ".parquet")).write_bytes(b"rubbish")
    (logs / PLAIN_NAME).write_text(lines([1]))
    report = Report()

    assert last_values(logs, 2, report) == [1]
    assert report.skipped == 1


def test_the_last_rows_of_parquet_are_read(logs):
    rows = lines(range(10)).encode().splitlines()
    write_parquet(rows, logs / closed_name(FIRST, 0, ".parquet"))

    assert last_values(logs, 2) == [8, 9]


def test_what_cannot_be_read_is_noted(tmp_path):
    report = Report()
    intake = Intake(Filter.read(), None, report)
    gone = Segment(tmp_path / "gone.jsonl.gz", "logs", suffix=".jsonl.gz")

    assert [*whole_batches(gone, intake)] == []
    assert report.notes == [f"cannot read {str(gone.path)!r}: No such file or directory"]


def test_a_segment_is_told_in_batches(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(lines(range(1500)))
    batches = [*whole_batches(Segment(path, "logs"), Intake(Filter.read(), None, Report()))]

    assert [event.value for batch in batches for event in batch] == [*range(1500)]
    assert [len(batch) for batch in batches] == [1000, 500]
