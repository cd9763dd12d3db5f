"""Parquet that somebody forged: every engine takes it as the reader does, in bounded memory."""

from pathlib import Path

import duckdb
import pytest

from micrometric import Report, check, iter_events, summarize
from micrometric.parquet import ParquetLines
from micrometric.parquet_writer import write_parquet
from micrometric.segment import PLAIN_NAME, closed_name
from tests.tailing import line

FIRST = "20261123T080000000000Z-r0-11"


def forge(path: Path, rows: int = 3, footer: str = "{}", **columns: str) -> None:
    """Write a segment of which some columns hold other SQL than a logger's."""
    usual = {
        "timestamp": "TIMESTAMPTZ '2026-11-23 08:00:00+00'",
        "stamp": "NULL::VARCHAR",
        "metric": "'density'",
        "value": "range::DOUBLE",
        "value_json": "NULL::VARCHAR",
        "metadata": "'{\"k\":1}'",
        "location": "'a.b'",
        "run": "NULL::VARCHAR",
        "session": "NULL::VARCHAR",
        "rank": "NULL::BIGINT",
        "launch": "NULL::VARCHAR",
        "line": "NULL::VARCHAR",
    }
    selected = ", ".join(f"{sql} AS {quoted_name(name)}" for name, sql in (usual | columns).items())
    duckdb.sql(
        f"COPY (SELECT {selected} FROM range({rows})) TO '{path}' (FORMAT parquet, "
        "COMPRESSION zstd, KV_METADATA {'micrometric.format': 'micrometric-segment', "
        f"'micrometric.version': '1', 'micrometric.keys': '{footer}'}})"
    )


def quoted_name(name: str) -> str:
    return f'"{name}"'


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"metric": "NULL::VARCHAR"},
        {"location": "NULL::VARCHAR"},
        {"metadata": "NULL::VARCHAR"},
        {"metadata": "'{'"},
        {"metadata": "'[1]'"},
        {"metadata": """'{},"metric":"other"'"""},
        {"timestamp": "'infinity'::TIMESTAMPTZ"},
        {"timestamp": "NULL::TIMESTAMPTZ"},
        {"timestamp": "NULL::TIMESTAMPTZ", "stamp": "'yesterday'"},
        {"timestamp": "NULL::TIMESTAMPTZ", "stamp": "'2026-11-23 08:00:00'"},
        {"value": "NULL::DOUBLE"},
        {"value": "'nan'::DOUBLE"},
        {"value": "'inf'::DOUBLE"},
        {"value_json": """'1,"metric":"other"'"""},
        {"value": "NULL::DOUBLE", "value_json": "'no'"},
        {"value": "NULL::DOUBLE", "value_json": "'[1]'"},
        {"line": "'no' || chr(10) || 'event'"},
        {"metadata": "CASE range WHEN 1 THEN 'no' ELSE '{}' END"},
    ],
    ids=str,
)
@pytest.mark.parametrize("by", ["location", "k", "1h"])
def test_all_engines_take_them_as_the_reader_does(tmp_path, columns, by):
    forge(tmp_path / closed_name(FIRST, 0, ".parquet"), **columns)
    report = Report()
    events = [*iter_events(tmp_path, report=report)]

    is_there = by != "k" or any("k" in event.metadata for event in events)
    told = {
        engine: summarize(tmp_path, by if is_there else (), engine=engine)
        for engine in ("duckdb", "pandas", "polars")
    }

    for summary in told.values():
        assert summary.rows == told["pandas"].rows
        assert sum(
            row["count"] + row["non_finite"] + row["non_numeric"] for row in summary.rows
        ) == len(events)
        assert summary.report.skipped == report.skipped


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"metric": "[1, 2]"}, "its column 'metric' should be VARCHAR, and is INTEGER[]"),
        ({"metric": "1"}, "its column 'metric' should be VARCHAR, and is INTEGER"),
        ({"line": "'a'::BLOB"}, "its column 'line' should be VARCHAR, and is BLOB"),
        ({"rank": "'1'"}, "its column 'rank' should be BIGINT, and is VARCHAR"),
    ],
    ids=str,
)
def test_columns_of_other_types_are_damage(tmp_path, columns, reason):
    forge(tmp_path / closed_name(FIRST, 0, ".parquet"), **columns)
    for engine in ("duckdb", "pandas"):
        summary = summarize(tmp_path, engine=engine)

        assert summary.rows == []
        assert summary.report.examples[0].reason == reason
    assert check(tmp_path).counts["parquet"] == 1


def test_a_column_of_a_key_that_is_not_as_the_footer_says_is_left_alone(tmp_path):
    path = tmp_path / closed_name(FIRST, 0, ".parquet")
    forge(path, footer='{"k":"BIGINT"}', **{"metadata.k": "'x'"})

    for engine in ("duckdb", "pandas"):
        (row,) = summarize(tmp_path, "k", engine=engine)

        assert (row["k"], row["count"]) == (1, 3)


def test_lines_that_unpack_to_far_more_are_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.parquet._PIECE", 10_000)
    path = tmp_path / closed_name(FIRST, 0, ".parquet")
    forge(path, rows=50, location="repeat('x', 3000)")

    with ParquetLines(path) as rows:
        parts = []
        while part := rows.read(1 << 20):
            parts.append(part)
    with ParquetLines(path) as rows:
        back = [*rows.lines_back()]

    assert max(map(len, parts)) < 20_000
    lines = b"".join(parts).splitlines()
    assert len(lines) == 50
    assert back == lines[::-1]
    assert [event.value for event in iter_events(path)] == [*range(50)]


def test_a_line_beyond_the_limit_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.parquet._PIECE", 1000)
    monkeypatch.setattr("micrometric.parquet.LINE_LIMIT", 2000)
    path = tmp_path / closed_name(FIRST, 0, ".parquet")
    forge(path, rows=5, location="repeat('x', CASE range WHEN 3 THEN 3000 ELSE 1 END)")
    report = Report()

    values = [event.value for event in iter_events(path, report=report)]

    assert values == [0, 1, 2]
    assert "row 4 is longer than" in report.sentences()[0]


def test_a_number_beyond_a_double_stays_one_in_metadata(tmp_path):
    text = (
        line(1, metadata={"k": 0})
        .replace('"k": 0', '"k":1e400')
        .replace('"k":0', '"k":1e400')
        .encode()
    )
    assert b"1e400" in text
    (tmp_path / PLAIN_NAME).write_bytes(text)
    packed = tmp_path / "packed"
    packed.mkdir()
    write_parquet([text], packed / closed_name(FIRST, 0, ".parquet"))

    doubtful = tmp_path / "doubtful.jsonl"
    doubtful.write_bytes(b"none\n" + text)

    for path in (tmp_path / PLAIN_NAME, packed, doubtful):
        for engine in ("duckdb", "pandas", "polars"):
            assert len(summarize(path, "k", where="k > 5", engine=engine)) == 1
            assert len(summarize(path, where="k == 'Infinity'", engine=engine)) == 0
