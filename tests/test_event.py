"""The event line: what is written is read back, and what others write is understood."""

import json
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric import LogEvent, NotAnEvent
from micrometric.event import (
    FIELDS,
    ORIGIN_FIELDS,
    decode_fields,
    decode_line,
    encode_event,
    encode_fields,
    is_naive,
    parse_timestamp,
    to_event,
    without_lone_surrogates,
)

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NON_FINITE_NAMES = {"NaN", "Infinity", "-Infinity"}

texts = st.text(
    # Also what Python makes of bytes that are no text, as in the names of files.
    st.characters() | st.characters(categories=["Cs"], min_codepoint=0xDC80, max_codepoint=0xDCFF)
).filter(lambda text: text not in NON_FINITE_NAMES)
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
finite_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
events = st.builds(
    LogEvent,
    timestamp=st.datetimes(timezones=st.just(UTC)),
    metric=st.text("abc/._-:19", min_size=1),
    value=plain_values,
    metadata=st.dictionaries(texts, finite_values, max_size=4),
    location=texts,
    run=st.none() | texts,
    session=st.none() | texts,
    rank=st.none() | st.integers(0, 10_000),
    launch=st.none() | texts,
)


def line(**changes: object) -> bytes:
    fields = {
        "timestamp": "2026-11-23T12:00:00Z",
        "metric": "density",
        "value": 0.5,
        "metadata": {"layer_idx": 3},
        "location": "pkg.f",
    } | changes
    return json.dumps({key: item for key, item in fields.items() if item is not ...}).encode()


@pytest.fixture
def _far_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose clock on the wall is nine hours before UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "FAR-9")
        time.tzset()
        yield
    time.tzset()


@given(events)
def test_an_event_is_read_back_from_its_line(event: LogEvent) -> None:
    encoded = encode_event(event)

    assert encoded.endswith(b"\n")
    assert encoded.count(b"\n") == 1
    assert decode_line(encoded) == event
    json.loads(encoded, parse_constant=pytest.fail)


def test_the_line_has_its_keys_in_order_without_spaces() -> None:
    event = LogEvent(NOON, "density", 0.25, {"layer_idx": 3}, "pkg.module.Class.method")

    assert encode_event(event) == (
        b'{"timestamp":"2026-11-23T12:00:00.000000Z","metric":"density","value":0.25,'
        b'"metadata":{"layer_idx":3},"location":"pkg.module.Class.method"}\n'
    )


def test_a_lone_surrogate_is_written_as_json_escapes_it() -> None:
    assert encode_fields({"a": "\udcff", "b": 1}) == b'{"a":"\\udcff","b":1}\n'


def test_where_a_line_must_be_utf_8_a_sign_stands_for_a_lone_surrogate() -> None:
    line = b'{"a": "\\udcff\xc3\xa9", "b": 1}'

    assert without_lone_surrogates(line) == '{"a":"?é","b":1}\n'.encode()


def test_the_line_holds_the_fields_that_are_specified() -> None:
    event = LogEvent(NOON, "density", 0.25, {}, "f", run="a", session="s", rank=2, launch="l")

    assert list(json.loads(encode_event(event))) == [*FIELDS, *ORIGIN_FIELDS]


def test_the_origin_follows_where_it_is_known() -> None:
    event = LogEvent(NOON, "density", 1, {}, "f", run="a", session="s", rank=2, launch="l")

    assert encode_event(event).endswith(
        b'"location":"f","run":"a","session":"s","rank":2,"launch":"l"}\n'
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf)],
)
def test_non_finite_values_are_strings_that_read_back_as_floats(text: str, value: float) -> None:
    encoded = encode_event(LogEvent(NOON, "m", [value, {"a": value}], {"a": value}, "f"))
    decoded = decode_line(encoded)

    assert json.loads(encoded)["value"] == [text, {"a": text}]
    assert repr(decoded.value) == repr([value, {"a": value}])
    assert decoded.metadata == {"a": text}


def test_a_text_metric_keeps_the_names_of_non_finite_floats() -> None:
    fields = decode_fields(line(value="NaN"))

    assert to_event(fields, text_metrics=frozenset({"density"})).value == "NaN"
    assert math.isnan(to_event(fields, text_metrics=frozenset({"other"})).value)


def test_the_parts_of_the_path_go_with_the_event() -> None:
    assert to_event(decode_fields(line()), directories={"k": 8}).directories == {"k": 8}


def test_integers_keep_their_digits() -> None:
    assert decode_line(line(value=2**80 + 1)).value == 2**80 + 1


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"NaN", "nan"),
        (b"-Infinity", "-inf"),
        (b"1e999", "inf"),
        (b"-1e999", "-inf"),
        (rb'"\ud800"', r"'\ud800'"),
    ],
    ids=["nan", "minus-infinity", "beyond-a-double", "beyond-below", "lone-surrogate"],
)
def test_what_other_writers_make_is_read(raw: bytes, value: str) -> None:
    assert repr(decode_line(line().replace(b"0.5", raw)).value) == value


def test_the_line_of_the_original_logger_is_read() -> None:
    event = decode_line(
        line(metric=..., metric_enum="old", timestamp="2026-11-23T14:00:00"),
        zone=timezone(timedelta(hours=2)),
    )

    assert (event.metric, event.timestamp) == ("old", NOON)


def test_byte_order_mark_line_ends_and_unknown_keys_are_accepted() -> None:
    expected = decode_line(line())

    assert decode_line(b"\xef\xbb\xbf" + line() + b"\r\n") == expected
    assert decode_line(line(extra=[1], rank="0", run=7, session=7, launch=7)) == expected


@pytest.mark.parametrize(
    ("told", "rank"), [(0, 0), (2**63 - 1, 2**63 - 1), (2**63, None), (-1, None), (True, None)]
)
def test_a_rank_is_a_whole_number_that_64_bits_hold(told, rank) -> None:
    assert decode_line(line(rank=told)).rank == rank


def test_the_last_of_duplicate_keys_wins() -> None:
    doubled = line()[:-1] + b',"value":2,"value":3,"metadata":{"a":1,"a":2}}'

    assert decode_line(doubled).value == 3
    assert decode_line(doubled).metadata == {"a": 2}
    assert decode_line(doubled.replace(b"0.5", b"NaN")).value == 3


def test_metadata_and_location_may_be_missing() -> None:
    for missing in (..., None):
        event = decode_line(line(metadata=missing, location=missing))
        assert (event.metadata, event.location) == ({}, "")


DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("raw", "kind", "reason"),
    [
        (b"", "json", "not JSON"),
        (b"garbage", "json", "not JSON"),
        (b'{"timestamp":', "json", "not JSON"),
        (line() + b"\0", "json", "not JSON"),
        (line().replace(b"pkg", b"p\0g"), "json", "not JSON"),
        (line() + line(), "json", "not JSON"),
        (line().replace(b"pkg", b"\xff"), "encoding", "not UTF-8"),
        (b"[1, 2]", "keys", "expected a JSON object, found a list"),
        (b"NaN", "keys", "expected a JSON object, found a number"),
        (b'"text"', "keys", "expected a JSON object, found a string"),
        (b"null", "keys", "expected a JSON object, found null"),
        (line(timestamp=...), "keys", "lacks the key 'timestamp'"),
        (line(metric=...), "keys", "lacks the key 'metric'"),
        (line(value=...), "keys", "lacks the key 'value'"),
        (line(timestamp=5), "keys", "'timestamp' is a number, expected a string"),
        (line(timestamp=5, metric=5), "keys", "'timestamp' is a number, expected a string"),
        (
            line(timestamp=5, metric=5, location=5),
            "keys",
            "'timestamp' is a number, expected a string",
        ),
        (line(metric=True), "keys", "'metric' is a bool, expected a string"),
        (line(metadata=[1]), "keys", "'metadata' is a list, expected an object"),
        (line(location={}), "keys", "'location' is an object, expected a string"),
        (line(timestamp="soon"), "time", "timestamp 'soon' is not ISO 8601 within years 1-9999"),
        (
            line(timestamp="0000-01-01T00:00:00Z"),
            "time",
            "timestamp '0000-01-01T00:00:00Z' is not ISO 8601 within years 1-9999",
        ),
        (
            line(timestamp="x" * 50),
            "time",
            f"timestamp {'x' * 40!r} is not ISO 8601 within years 1-9999",
        ),
        (b'{"value":' + DEEP + b"}", "nesting", "nested more than 128 deep"),
        (b'{"value":NaN,"more":' + DEEP + b"}", "nesting", "nested more than 128 deep"),
    ],
)
def test_a_line_that_is_no_event_says_why(raw: bytes, kind: str, reason: str) -> None:
    with pytest.raises(NotAnEvent) as caught:
        decode_line(raw)

    assert (caught.value.kind, caught.value.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T12:00:00Z", NOON),
        ("2026-11-23T13:30:00+01:30", NOON),
        ("2026-11-23T12:00:00.123456789Z", NOON + timedelta(microseconds=123456)),
        ("20261123T120000Z", NOON),
        ("2026-11-23 12:00+00:00", NOON),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_any_iso_8601_is_read(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment
    assert not is_naive(text)


def test_a_time_without_zone_is_local_or_in_the_zone_that_is_named() -> None:
    text = "2026-11-23T12:00:00"

    assert is_naive(text)
    assert parse_timestamp(text) == datetime(2026, 11, 23, 12).astimezone()
    assert parse_timestamp(text, timezone(timedelta(hours=2))) == NOON - timedelta(hours=2)


@pytest.mark.usefixtures("_far_away")
def test_the_clock_on_the_wall_counts_only_where_no_zone_is_named() -> None:
    assert parse_timestamp("2026-11-23T21:00:00") == NOON
    assert parse_timestamp("2026-11-23T12:00:00Z") == NOON
    assert b'"2026-11-23T12:00:00.000000Z"' in encode_event(LogEvent(NOON, "m", 1, {}, "f"))


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"])
def test_a_time_that_utc_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(NotAnEvent):
        parse_timestamp(text)


def test_a_text_that_is_no_time_is_not_naive() -> None:
    assert not is_naive("soon")


def test_real_logs_of_the_original_logger_are_read() -> None:
    for segment in Path("sample_logs").glob("oracle_top_k=*/micro_metrics.jsonl"):
        decoded = [decode_line(raw, zone=UTC) for raw in segment.read_bytes().splitlines()]
        assert len(decoded) == 600
        assert {event.metric for event in decoded} == {
            "research_attention_density",
            "research_attention_output_error",
        }
