"""Spellings of keys: what is one group, to every engine and in every form of file."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric import compact, compare, summarize
from micrometric.live import LiveSummary
from micrometric.reader import iter_events
from micrometric.spelling import identity, one_number, respelled, spelled
from tests.test_engines import OTHERS

EVENT = (
    '{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"m","value":1.5,'
    '"metadata":{"k":%s},"location":"a.f"}\n'
)
SPELLINGS = [
    (0, ["0", "-0", "0.0", "-0.0", "0e7"]),
    (1, ["1", "1.0", "1e0", "10e-1", "1.000"]),
    (2.5, ["2.5", "25e-1"]),
    (1e-05, ["1e-05", "0.00001", "1E-5"]),
    (2**53 + 1, ["9007199254740993"]),
    (2.0**64, ["18446744073709551616", "1.8446744073709552e19"]),
    (2**64 + 1, ["18446744073709551617"]),
    ("1", ['"1"', r'"\u0031"']),
    (True, ["true"]),
    ("[1,[2.5]]", ["[1,[2.5]]", "[1.0, [25e-1]]"]),
    ('{"a":1}', ['{"a":1}', '{"a": 1e0}']),
]


@pytest.fixture
def logs(tmp_path):
    texts = [text for _, spellings in SPELLINGS for text in spellings]
    (tmp_path / "micro_metrics.jsonl").write_text("".join(EVENT % text for text in texts))
    return tmp_path


def counts(rows):
    return {identity(row["k"]): row["count"] for row in rows}


EXPECTED = {identity(key): len(texts) for key, texts in SPELLINGS}


@pytest.mark.parametrize("engine", ["duckdb", *OTHERS])
def test_equal_numbers_are_one_group_and_texts_and_booleans_are_none(engine, logs):
    found = summarize(logs, "k", engine=engine)

    assert counts(found) == EXPECTED
    assert {type(row["k"]) for row in found} == {int, float, str, bool}
    assert found.report.notes == [
        "key 'k' holds booleans and numbers and texts; values are grouped by their JSON text"
    ]


def test_parquet_and_live_figures_know_the_same_groups(logs):
    live = LiveSummary("k")
    live.add(iter_events(logs))
    compact(logs, now=datetime(2040, 1, 1, tzinfo=UTC))

    assert list(logs.glob("*.parquet"))
    assert counts(live.rows()) == counts(summarize(logs, "k")) == EXPECTED


def test_a_comparison_tells_true_from_one(tmp_path):
    for side, shift in (("a", 0), ("b", 1)):
        (tmp_path / side).mkdir()
        lines = [EVENT.replace("1.5", str(n + shift)) % key for n, key in ((1, "true"), (5, "1.0"))]
        (tmp_path / side / "micro_metrics.jsonl").write_text("".join(lines))

    found = compare(tmp_path / "a", tmp_path / "b", by="k")
    by_key = compare(tmp_path, key="k")

    told = [(row.keys["k"], row.before, row.after) for row in found]
    assert sorted(told, key=repr) == [(1, 5.0, 6.0), (True, 1.0, 2.0)]
    assert {by_key.base, *by_key.others} == {"k=1", "k=true"}


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(json_data)
def test_what_is_spelled_once_stays_so(held):
    text = spelled(held)

    assert respelled(text) == text
    assert respelled(json.dumps(json.loads(text), indent=1)) == text


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False), st.data())
def test_numbers_are_spelled_alike_if_and_only_if_they_are_equal(number, data):
    near = st.sampled_from([number, float(number) if abs(number) < 1e300 else number, number + 1])
    other = data.draw(near)

    assert (spelled(number) == spelled(other)) == (number == other)
    assert one_number(number) == number


@pytest.mark.parametrize("text", ["7" * 5000, "[" * 5000 + "]" * 5000, '{"a":' + "7" * 5000 + "}"])
def test_what_no_reader_takes_stays_as_it_is(text):
    assert respelled(text) == text
