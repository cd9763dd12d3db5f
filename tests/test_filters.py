"""Filters and keys: which events are wanted, and what a name means."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from micrometric import FilterError, LogEvent
from micrometric.columns import glob_regex
from micrometric.filters import Filter, read_time
from micrometric.found import Segment
from micrometric.keys import Key, bucket_start, metadata_at, read_key, value_of

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
SEGMENT = Segment(Path("x"), "run", directories={"top_k": 8, "both": "dir"})
EVENT = LogEvent(NOW, "m", 0.5, {"layer": 1, "both": "meta", "run": "inner"}, "a.f", run="run")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("10m", NOW - timedelta(minutes=10)),
        ("1.5h", NOW - timedelta(hours=1.5)),
        ("90s", NOW - timedelta(seconds=90)),
        ("3d", NOW - timedelta(days=3)),
        ("2w", NOW - timedelta(weeks=2)),
        ("today", datetime(2026, 11, 23, tzinfo=UTC)),
        (" Yesterday ", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-23T08:00", datetime(2026, 11, 23, 8, tzinfo=UTC)),
        ("2026-11-23T08:00+02:00", datetime(2026, 11, 23, 6, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, 8), datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (
            datetime(2026, 11, 23, 8, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 11, 23, 7, tzinfo=UTC),
        ),
    ],
)
def test_times_are_read(text, moment: datetime) -> None:
    assert read_time(text, "--since", NOW, UTC) == moment


def test_midnight_is_by_the_clock_on_the_wall() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    after_the_change = datetime(2026, 10, 25, 12, tzinfo=UTC)

    assert read_time("today", "--since", after_the_change, berlin) == datetime(
        2026, 10, 24, 22, tzinfo=UTC
    )
    assert read_time("yesterday", "--since", after_the_change, berlin) == datetime(
        2026, 10, 23, 22, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "text", ["soon", "", "10 minutes", "-5m", "999999999w", "10M2", "0000-01-01"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        read_time(text, "--until", NOW)

    assert str(caught.value).startswith(f"--until {text!r} is no time; expected ISO 8601 such as")


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ({}, True),
        ({"metrics": "m"}, True),
        ({"metrics": ["n", "o"]}, False),
        ({"location": "a.*"}, True),
        ({"location": "A.*"}, False),
        ({"since": NOW}, True),
        ({"since": NOW + timedelta(seconds=1)}, False),
        ({"until": NOW}, True),
        ({"until": NOW - timedelta(seconds=1)}, False),
        ({"where": "layer == 1 and top_k == 8"}, True),
        ({"where": "layer == 2"}, False),
        ({"metrics": "m", "where": "layer == 2"}, False),
        ({"since": "1h", "until": "now"}, True),
    ],
)
def test_all_filters_must_be_met(filters, wanted: bool) -> None:
    read = Filter.read(**filters, zone=UTC, now=NOW)

    assert read.matches(EVENT, SEGMENT) is wanted
    assert read.bound_to({"top_k"}).matches(EVENT, SEGMENT) is wanted


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("metric", "m"),
        ("value", 0.5),
        ("location", "a.f"),
        ("timestamp", NOW),
        ("run", "run"),
        ("metadata.run", "inner"),
        ("session", None),
        ("top_k", 8),
        ("both", "dir"),
        ("dir.both", "dir"),
        ("metadata.both", "meta"),
        ("layer", 1),
        ("missing", None),
        ("dir.missing", None),
        ("1h", datetime(2026, 11, 23, 12, tzinfo=UTC)),
        ("metadata.", None),
        ("dir.", None),
    ],
)
def test_one_namespace_of_keys(name: str, value) -> None:
    key = read_key(name, SEGMENT.directories)

    assert value_of(key, EVENT, SEGMENT.directories) == value
    assert key.name == name


def test_a_key_needs_a_name() -> None:
    with pytest.raises(FilterError, match="expected the name of a key, found nothing"):
        read_key("", ())


def test_a_bucket_that_is_a_directory_key_is_that() -> None:
    assert read_key("1m", {"1m"}).kind == "directory"
    assert read_key("1m", ()) == Key("1m", "bucket", "1m", 60)


def test_dots_reach_inside() -> None:
    metadata = {"a": {"b": {"c": 1}}, "a.x": 2, "t": "text"}

    assert metadata_at(metadata, "a.b.c") == 1
    assert metadata_at(metadata, "a.x") == 2
    assert metadata_at(metadata, "a.b.z") is None
    assert metadata_at(metadata, "t.z") is None


@pytest.mark.parametrize(
    ("moment", "seconds", "start"),
    [
        (datetime(2026, 11, 23, 8, 0, 59, 999999, UTC), 60, datetime(2026, 11, 23, 8, tzinfo=UTC)),
        (
            datetime(1969, 12, 31, 23, 59, 59, 1, UTC),
            60,
            datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
        ),
        (datetime(2026, 11, 23, 8, tzinfo=UTC), 86400, datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_buckets_start_at_multiples_of_the_epoch(moment, seconds, start) -> None:
    assert bucket_start(moment, seconds) == start


@pytest.mark.parametrize(
    ("glob", "regex"),
    [
        ("a.b", r"^(?:a\.b)$"),
        ("a*", "^(?:a(?s:.*))$"),
        ("?", "^(?:(?s:.))$"),
        ("[!a]", "^(?:[^a])$"),
        ("[a-c]x", "^(?:[a-c]x)$"),
        ("[", r"^(?:\[)$"),
        ("[]]", r"^(?:[]])$"),
    ],
)
def test_globs_become_plain_regular_expressions(glob: str, regex: str) -> None:
    assert glob_regex(glob) == regex
