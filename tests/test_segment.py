"""The names of files: what they tell, and which are ours."""

from datetime import UTC, datetime

import pytest

from micrometric.segment import (
    PLAIN_NAME,
    active_name,
    closed_name,
    is_manifest_name,
    manifest_name,
    new_session_id,
    original_session_id,
    parse_segment_name,
)
from tests.sessions import NOW


def test_a_session_id_sorts_by_time_and_carries_its_start() -> None:
    start = datetime(2026, 11, 23, 8, 29, 37, 581670, tzinfo=UTC)

    assert new_session_id(start, "r0", 4711) == "20261123T082937581670Z-r0-4711"
    assert new_session_id(start, "my-host.local/ä", 1).endswith("-my_host_local__-1")
    assert new_session_id(start, "", 1).endswith("-_-1")
    assert parse_segment_name(active_name(new_session_id(start, "x" * 200, 1))) is not None


@pytest.mark.parametrize(
    ("written", "start"),
    [
        (datetime(999, 6, 1, tzinfo=UTC).timestamp(), "09990601T000000000000Z"),
        (-63_000_000_000.0, "00010101T000000000000Z"),
        (400_000_000_000.0, "99991231T235959000000Z"),
    ],
    ids=["before-1000", "before-1", "beyond-9999"],
)
def test_a_file_of_any_date_is_archived_under_the_name_of_a_segment(
    written: float, start: str
) -> None:
    session = original_session_id(written)

    assert session == f"{start}-original-0"
    assert parse_segment_name(closed_name(session, 0, ".parquet")) is not None


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_names_are_read_back(suffix: str) -> None:
    session = new_session_id(NOW, "r0", 1)

    closed = parse_segment_name(closed_name(session, 3, suffix))
    assert closed is not None
    assert (closed.session, closed.index, closed.suffix) == (session, 3, suffix)
    active = parse_segment_name(active_name(session))
    assert active is not None
    assert (active.session, active.index) == (session, None)
    plain = parse_segment_name(PLAIN_NAME)
    assert plain is not None
    assert (plain.session, plain.index) == (None, None)
    assert is_manifest_name(manifest_name(session))


@pytest.mark.parametrize("short", ["gz", "zst"])
def test_compressed_names_may_leave_out_jsonl(short: str) -> None:
    name = parse_segment_name(f"micro_metrics.20261123T082937581670Z-r0-4711.0.{short}")

    assert name is not None
    assert name.suffix == f".jsonl.{short}"


@pytest.mark.parametrize(
    "name",
    [
        "other.jsonl",
        "micro_metrics.json",
        "micro_metrics.jsonl.tmp",
        "micro_metrics.notasession.jsonl",
        "micro_metrics.20261123T082937581670Z-r0-4711.x.jsonl",
        "micro_metrics.jsonl\n",
        "xmicro_metrics.jsonl",
        manifest_name("20261123T082937581670Z-r0-4711"),
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    assert parse_segment_name(name) is None
