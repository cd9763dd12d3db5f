"""Live summaries: the figures of `summarize`, kept up to date in constant memory."""

import json
import math
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import FilterError, NoDataError, follow, summarize
from micrometric.event import LogEvent
from micrometric.live import _BINS, RECENT, LiveSummary
from micrometric.manifest import Manifest, write_manifest
from micrometric.registry import Metric
from tests import strategies

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SHARED = ("count", "mean", "min", "max", "non_finite", "non_numeric")
MANIFEST = "micro_metrics.20261123T080000000000Z-r0-1.manifest.json"


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return (NOW + timedelta(seconds=self.seconds)).timestamp()


@pytest.fixture
def clock():
    return Clock()


def at(seconds, value=1.0, metric="m", **metadata):
    return LogEvent(NOW + timedelta(seconds=seconds), metric, value, metadata, "a.f")


def watched(paths, by):
    live = LiveSummary(by)
    with follow(paths, last=None) as follower:
        for batch in follower.batches():
            live.learn(follower.directories, follower.dims)
            live.add(batch)
            if not batch:
                return live
    raise AssertionError("the follower ended")


def assert_same(live, summary):
    names = ("metric", *summary.by)
    told = {json.dumps([row[name] for name in names], default=str): row for row in live.rows()}
    expected = {json.dumps([row[n] for n in names], default=str): row for row in summary.rows}
    assert told.keys() == expected.keys()
    for group, row in expected.items():
        for name in SHARED:
            wanted = row[name]
            wanted = wanted if wanted is None else pytest.approx(wanted, rel=1e-9, abs=1e-9)
            assert told[group][name] == wanted, (group, name)


VALUES = [
    1, 2.5, True, False, None, "text", "1.5", "NaN", "Infinity", "-Infinity", -0.0, 1e308, 1e-300,
    10**30, [], [1, 2], [1, "NaN", None, "x", True], [[1, 2], [3]], {}, {"a": 1}, 3,
]  # fmt: skip
VALUES_AS_TEXT = [*map(json.dumps, VALUES), "NaN", "1e999", "1" + "0" * 400, "-1" + "0" * 400]

PLAIN = ["1", "2.5", "true", "false", "null", '"text"', '"1.5"', '"NaN"', "[]", "[1, 2]", "{}"]


@pytest.mark.parametrize(
    "by", ["location", "layer", "head", "head,layer", "value", "top_k,run", "1m", "metric"]
)
def test_figures_of_every_kind_of_value_are_those_of_summarize(tmp_path: Path, by: str) -> None:
    for top_k in (8, 32):
        folder = tmp_path / f"top_k={top_k}"
        folder.mkdir()
        lines = [
            f'{{"timestamp":"2026-11-23T08:00:{n:02d}.000000Z","metric":"{metric}","value":{value},'
            f'"metadata":{{"layer":{layer},"top_k":1}},"location":"a.f"}}\n'
            for metric in ("density", "recall", "grid", "phase")
            for n, value in enumerate(VALUES_AS_TEXT)
            # As groups, the engine knows other texts of the same number.
            if by != "value" or value in PLAIN
            for layer in (0, '"0"', "true", "null", "[1,2]")
        ]
        (folder / "micro_metrics.jsonl").write_text("".join(lines))
        metrics = {
            "recall": Metric("list", dims=("head",)),
            "grid": Metric("list", dims=("head", "layer")),
            "phase": Metric("str"),
        }
        write_manifest(folder / MANIFEST, Manifest(metrics))

    assert_same(watched(tmp_path, by), summarize(tmp_path, by=by))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(strategies.lines() | strategies.damaged_lines, max_size=12),
    st.sampled_from(["location", "layer", "layer,step", "nested.inner", "30s", "run"]),
)
def test_figures_are_those_of_summarize_however_damaged_the_log(lines, by) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "micro_metrics.jsonl").write_bytes(b"".join(x + b"\n" for x in lines))
        metrics = {"recall": Metric("float", dims=("head",)), "phase": Metric("str")}
        write_manifest(Path(folder) / MANIFEST, Manifest(metrics))
        try:
            summary = summarize(folder, by=by)
        except NoDataError:
            return

        assert_same(watched(folder, by), summary)


def test_the_samples_are_the_same_and_in_the_same_order() -> None:
    by = ["location", "layer_idx", "head"]

    live, summary = watched("sample_logs", by), summarize("sample_logs", by)

    assert_same(live, summary)
    names = ("metric", *by)
    assert [[r[n] for n in names] for r in live.rows()] == [
        [r[n] for n in names] for r in summary.rows
    ]


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(FilterError):
        LiveSummary("run,")


def test_keys_beyond_a_double_sort_as_numbers(clock) -> None:
    live = LiveSummary("k", clock=clock)
    live.add([at(0, k=key) for key in (10**400 + 1, "x", 10**400, 5)])

    assert [row["k"] for row in live.rows()] == [5, 10**400, 10**400 + 1, "x"]


def test_a_key_that_is_called_like_a_column_has_its_prefix(clock) -> None:
    live = LiveSummary("count,last,time", clock=clock)
    live.add([at(0, 2.5, count=7, last=8, time=9)])

    (row,) = live.rows()

    assert live.by == ("metadata.count", "metadata.last", "metadata.time")
    assert [row[name] for name in live.by] == [7, 8, 9]
    assert (row["count"], row["last"]) == (1, 2.5)


def test_a_mean_loses_nothing_to_rounding(clock) -> None:
    live = LiveSummary(clock=clock)
    live.add(at(0, value) for value in (1e16, 1.0, -1e16, 1.0))

    assert live.rows()[0]["mean"] == 0.5


def test_a_sum_beyond_a_double_is_as_in_a_summary(clock) -> None:
    live = LiveSummary(clock=clock)
    live.add(at(0, 1e308) for _ in range(3))

    assert live.rows()[0]["mean"] == math.inf


def test_the_last_and_recent_numbers_are_by_time_whenever_they_come(clock) -> None:
    live = LiveSummary(clock=clock)
    live.add([at(n - 40, n) for n in range(20)])
    live.add([at(-90, -1), at(-20.5, 19.5), at(-10, "text")])

    (row,) = live.rows()
    assert row["last"] == 19.5
    assert row["recent"] == [*range(5, 20), 19.5]
    assert len(row["recent"]) == RECENT


def test_a_metric_without_numbers_has_a_rate_and_counts(clock) -> None:
    live = LiveSummary(clock=clock)
    live.add([at(-1, "warm"), at(0, "cold")])

    (row,) = live.rows()
    assert (row["rate"], row["non_numeric"], row["count"]) == (2.0, 2, 0)
    assert (row["last"], row["mean"], row["recent"]) == (None, None, [])


def test_a_rate_is_over_the_last_ten_seconds_and_decays_to_zero(clock) -> None:
    live = LiveSummary(clock=clock)
    rates = {}
    for tick in range(1, 1200):
        clock.seconds = tick / 20
        if clock.seconds <= 30:
            live.add([at(clock.seconds)])
        if tick % 20 == 0:
            rates[tick // 20] = live.rows()[0]["rate"]

    assert rates[1] == pytest.approx(20, rel=0.1)
    assert rates[5] == pytest.approx(20, rel=0.1)
    assert rates[30] == pytest.approx(20, rel=0.1)
    assert rates[37] == pytest.approx(10, rel=0.1)
    assert rates[43] == 0


def test_events_held_back_for_a_second_do_not_lower_the_rate(clock) -> None:
    live = LiveSummary(clock=clock)
    for second in range(20):
        clock.seconds = second + 1
        live.add([at(second + n / 10) for n in range(10)])
        clock.seconds += 0.9

    assert live.rows()[0]["rate"] == pytest.approx(10, rel=0.05)


def test_old_events_have_no_rate_and_leave_nothing_behind(clock) -> None:
    live = LiveSummary(clock=clock)
    live.add([at(n - 500) for n in range(400)])

    assert live.rows()[0]["rate"] == 0
    assert live._groups[("m",)].bins == {}


def test_a_clock_that_is_ahead_counts_as_now(clock) -> None:
    live = LiveSummary(clock=clock)
    live.add([at(3600)])
    assert live.rows()[0]["rate"] == 1

    clock.seconds = 13
    assert live.rows()[0]["rate"] == 0


def test_a_list_is_one_event_however_many_observations(clock) -> None:
    live = LiveSummary(clock=clock)
    live.learn((), {"m": ("head",)})
    live.add([at(0, [1, 2, 3]), at(0, [])])

    (row,) = live.rows()
    assert (row["count"], row["rate"]) == (3, 1)


def test_memory_of_a_group_is_bounded(clock) -> None:
    live = LiveSummary(clock=clock)
    for tick in range(1000):
        clock.seconds = tick / 4
        live.add([at(clock.seconds)])

    group = live._groups[("m",)]
    assert len(group.bins) <= 2 * _BINS
    assert len(group.recent) == RECENT


def test_groups_beyond_the_limit_are_counted_together(clock) -> None:
    live = LiveSummary("layer", groups=2, clock=clock)
    live.add(at(0, layer=n % 4) for n in range(8))

    assert [row["layer"] for row in live.rows()] == [0, 1]
    assert (len(live), live.left_out) == (2, 4)


def test_of_few_rows_the_groups_logged_now_come_before_those_with_more_events(clock) -> None:
    live = LiveSummary("layer", clock=clock)
    live.add(at(-100, layer=0) for _ in range(9))
    live.add(at(-1, layer=n) for n in (1, 2, 2, 3, 3))

    assert [row["layer"] for row in live.rows(2)] == [2, 3]
    assert [row["layer"] for row in live.rows(4)] == [0, 1, 2, 3]
