"""Summaries: every figure equal to plain Python's, whatever state the files are in."""

import gzip
import json
import math
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import MicroMetricLogger, NoDataError, SettingError, iter_events, summarize
from micrometric.figures import DEFAULT_FIGURES
from micrometric.filters import Filter
from micrometric.finder import find
from micrometric.keys import read_key, value_of
from micrometric.manifest import Manifest, write_manifest
from micrometric.query import How, Query
from micrometric.reader import read_segment, text_metrics_of
from micrometric.registry import Metric
from micrometric.report import Report
from tests import strategies

SAMPLES = Path("sample_logs")
REAL = sorted(SAMPLES.glob("oracle_top_k=*"))


def observations(value, depth):
    """Take lists of registered dims apart, index by index."""
    if depth and isinstance(value, list):
        for index, item in enumerate(value):
            for inner, number in observations(item, depth - 1):
                yield (index, *inner), number
    else:
        yield (), value


def model(paths, by, dims=None, **filters):
    """Compute a summary in plain Python from what the reader says."""
    dims = dims or {}
    found = find(paths)
    wanted = Filter.read(**filters).bound_to(found.directory_keys())
    texts = text_metrics_of(found)
    keys = [read_key(name, found.directory_keys()) for name in by]
    groups = defaultdict(list)
    for segment in found.segments:
        for event in read_segment(segment, Report(), None, texts):
            if not wanted.matches(event, segment):
                continue
            names = dims.get(event.metric, ())
            for index, value in observations(event.value, len(names)):
                at = dict(zip(names, index, strict=False))
                group = tuple(
                    at[key.name] if key.name in at else value_of(key, event, segment.directories)
                    for key in keys
                )
                called = json.dumps([*map(whole, group)], default=str)
                groups[event.metric, called].append(value)
    return {group: figures(values) for group, values in groups.items()}


def whole(held):
    """Return what a number is called as a group: 1.0 is 1."""
    return int(held) if isinstance(held, float) and held.is_integer() else held


def figures(values):
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    finite = [number for number in numbers if math.isfinite(number)]
    quantiles = np.quantile(finite, [0.5, 0.95, 0.99]) if finite else [None] * 3
    return {
        "count": len(finite),
        "mean": statistics.fmean(finite) if finite else None,
        "std": statistics.stdev(finite) if len(finite) > 1 else None,
        "min": min(finite, default=None),
        "p50": quantiles[0],
        "p95": quantiles[1],
        "p99": quantiles[2],
        "max": max(finite, default=None),
        "non_finite": len(numbers) - len(finite),
        "non_numeric": len(values) - len(numbers),
    }


def assert_equal(summary, expected, by):
    told = {
        (row["metric"], json.dumps(tuple(row[name] for name in by), default=str)): {
            name: row[name] for name in DEFAULT_FIGURES
        }
        for row in summary.rows
    }
    assert told.keys() == expected.keys()
    for group, row in told.items():
        for name, figure in row.items():
            wanted = expected[group][name]
            wanted = wanted if wanted is None else pytest.approx(wanted, rel=1e-9, abs=1e-9)
            assert figure == wanted, (group, name)


def write(directory, *lines, name="micro_metrics.jsonl", end=b"\n"):
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_bytes(b"\n".join(lines) + end)
    return path


def event(value, metric="m", stamp="2026-11-23T08:00:00.000000Z", **metadata):
    fields = {"timestamp": stamp, "metric": metric, "value": value, "metadata": metadata}
    return json.dumps({**fields, "location": "a.f"}).encode()


def test_the_real_logs_by_run_and_layer() -> None:
    by = ["run", "layer_idx"]

    summary = summarize([*REAL], by=by)

    assert len(summary) == 36
    assert [row["count"] for row in summary] == [50] * 36
    assert_equal(summary, model([*REAL], by), by)


def test_all_samples_with_lists_of_dims() -> None:
    by = ["location", "layer_idx", "head"]

    summary = summarize(SAMPLES, by=by)

    assert_equal(summary, model(SAMPLES, by, {"recall": ("head",)}), by)
    assert {row["head"] for row in summary if row["metric"] == "recall"} == {0, 1, 2, 3}


files = st.lists(
    st.lists(strategies.lines() | strategies.damaged_lines, max_size=12), min_size=1, max_size=3
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files, st.sampled_from([b"\n", b"", b'\n{"timest']), st.sampled_from([
    ["location"], ["layer"], ["layer", "step"], ["value"], ["nested.inner"], ["30s"], ["run"], [],
]))  # fmt: skip
def test_figures_are_those_of_the_reader_however_damaged(contents, end, by) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, lines in enumerate(contents):
            write(Path(folder) / f"run{number}", *lines, end=end)
        dims = {"recall": ("head",)}
        manifest = Manifest({"recall": Metric("float", dims=("head",)), "phase": Metric("str")})
        (Path(folder) / "run0").mkdir(exist_ok=True)
        write_manifest(
            Path(folder) / "run0" / "micro_metrics.20261123T080000000000Z-r0-1.manifest.json",
            manifest,
        )
        report = Report()
        expected = model(folder, by, dims)
        events = list(iter_events(folder, report=report))

        try:
            summary = summarize(folder, by=by)
        except NoDataError:
            tops = [name.split(".")[0] for name in by]
            assert any(all(e.metadata.get(top) is None for e in events) for top in tops)
            return

    if by == ["value"]:
        assert sum(row["count"] for row in summary) == sum(f["count"] for f in expected.values())
    else:
        assert_equal(summary, expected, by)


def test_a_last_line_without_end_counts_although_the_engine_would_refuse_it(tmp_path) -> None:
    """Of several files, DuckDB drops such a line without a word."""
    twice = event(1)[:-1] + b', "value": 7}'
    write(tmp_path / "a", event(1), twice, end=b"")
    write(tmp_path / "b", event(1), end=b"")

    (row,) = summarize(tmp_path)

    assert (row["count"], row["max"]) == (3, 7)


def test_the_order_of_the_segments_does_not_matter(tmp_path) -> None:
    lines = (REAL[0] / "micro_metrics.jsonl").read_bytes().splitlines()
    for folder, order in (("a", [0, 1, 2]), ("b", [2, 0, 1])):
        for place, part in enumerate(order):
            name = f"micro_metrics.20261123T08000{place}000000Z-r0-1.0.jsonl"
            write(tmp_path / folder, *lines[part * 200 : (part + 1) * 200], name=name)

    first, second = (summarize(tmp_path / name, by="layer_idx").rows for name in "ab")

    assert [row.pop("metric") for row in first] == [row.pop("metric") for row in second]
    for one, other in zip(first, second, strict=True):
        assert one == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
def test_whole_numbers_beyond_a_double_sort_as_numbers(tmp_path, engine) -> None:
    keys = [-(10**400), 2.5, 5, 1e300, 10**400, 10**400 + 1, "x", None]
    write(tmp_path, *(event(1, k=key) for key in reversed(keys)))

    assert [row["k"] for row in summarize(tmp_path, "k", engine=engine)] == keys


@pytest.mark.parametrize("kind", sorted(strategies.DAMAGES))
def test_each_damage_is_treated_as_the_reader_does(tmp_path, kind) -> None:
    bad = strategies.DAMAGES[kind](event(2.0, layer=1))
    write(tmp_path / "clean", event(1.0, layer=1), event(3.0, layer=2))
    write(tmp_path / "damaged", event(1.5, layer=1), bad, event(2.5, layer=2))
    report = Report()
    list(iter_events(tmp_path, report=report))

    summary = summarize(tmp_path, by="layer")

    assert_equal(summary, model(tmp_path, ["layer"]), ["layer"])
    assert summary.report.skipped == report.skipped
    assert [str(skip) for skip in summary.report.examples] == [str(s) for s in report.examples]


def test_what_is_skipped_is_counted_with_its_lines(tmp_path) -> None:
    path = write(tmp_path, b"garbage", event(1.0), b"[1]", event(2.0))

    summary = summarize(tmp_path)

    assert summary.report.skipped == 2
    assert summary.report.sentences() == [
        f"2 lines are not events and were skipped, the first at {path}:1: not JSON"
    ]


def test_many_damaged_segments_are_mended_without_a_scan_for_each(tmp_path, monkeypatch) -> None:
    from micrometric.engines.duckdb_engine import DuckDBEngine

    for number in range(30):
        write(tmp_path / f"run{number}", event(1.0), event(2.0)[: 20 + number], end=b"")
    scans = []
    collect = DuckDBEngine.collect
    monkeypatch.setattr(DuckDBEngine, "collect", lambda *a: scans.append(1) or collect(*a))

    summary = summarize(tmp_path)

    assert summary.rows[0]["count"] == 30
    assert len(summary.report.unfinished) == 30
    assert len(scans) < 5


def test_many_segments_with_duplicate_keys_are_mended_at_last(tmp_path) -> None:
    for number in range(8):
        write(tmp_path / f"run{number}", event(1.0)[:-1] + b',"value":5}')

    (row,) = summarize(tmp_path).rows

    assert (row["count"], row["mean"]) == (8, 5.0)


def test_a_line_of_50_mb_is_an_event_like_any_other(tmp_path) -> None:
    write(tmp_path, event(1.0), event("x" * 50_000_000), event(2.0))

    (row,) = summarize(tmp_path).rows

    assert (row["count"], row["non_numeric"]) == (2, 1)


def test_compressed_segments_are_read(tmp_path) -> None:
    session = "20261123T080000000000Z-r0-1"
    tmp_path.joinpath(f"micro_metrics.{session}.0.jsonl.gz").write_bytes(
        gzip.compress(event(1.0) + b"\n")
    )
    tmp_path.joinpath(f"micro_metrics.{session}.1.jsonl.zst").write_bytes(
        zstandard.compress(event(2.0) + b"\n")
    )
    write(tmp_path, event(3.0), name=f"micro_metrics.{session}.jsonl")

    (row,) = summarize(tmp_path, by="session").rows

    assert (row["count"], row["mean"], row["session"]) == (3, 2.0, session)


def test_damaged_compression_keeps_what_comes_before_it(tmp_path) -> None:
    packed = gzip.compress(b"".join(event(float(n)) + b"\n" for n in range(1000)))
    tmp_path.joinpath("micro_metrics.20261123T080000000000Z-r0-1.0.jsonl.gz").write_bytes(
        packed[: len(packed) // 2]
    )

    summary = summarize(tmp_path)

    assert 0 < summary.rows[0]["count"] < 1000
    assert "compressed data ends or is damaged" in summary.report.examples[0].reason


def test_booleans_are_0_and_1_and_strings_no_numbers(tmp_path) -> None:
    write(tmp_path, *map(event, [True, False, True, "1.5", "NaN", None, {"a": 1}, [1]]))

    (row,) = summarize(tmp_path).rows

    assert (row["count"], row["mean"]) == (3, pytest.approx(2 / 3))
    assert (row["non_finite"], row["non_numeric"]) == (1, 4)


def test_texts_of_a_text_metric_are_never_numbers(tmp_path) -> None:
    MicroMetricLogger.register_metric("phase", str)
    MicroMetricLogger.register_metric("density", float)
    logger = MicroMetricLogger(tmp_path, metrics_to_log="all")
    logger.log("phase", "NaN")
    logger.log("density", math.nan)
    logger.close()

    density, phase = summarize(tmp_path).rows

    assert (density["non_finite"], density["non_numeric"]) == (1, 0)
    assert (phase["non_finite"], phase["non_numeric"]) == (0, 1)


def test_values_can_be_counted(tmp_path) -> None:
    write(tmp_path, *map(event, ["train", "train", "eval", True, None, 3, "NaN"]))

    counts = {
        row["value"]: row["non_numeric"] + row["count"] for row in summarize(tmp_path, by="value")
    }

    assert counts == {"train": 2, "eval": 1, True: 1, None: 1, 3: 1, "NaN": 0}


def test_nested_dims_are_taken_apart_to_the_last(tmp_path) -> None:
    MicroMetricLogger.register_metric("recall", float, dims=("layer", "head"))
    MicroMetricLogger.register_metric("flat", float, dims=("head",))
    logger = MicroMetricLogger(tmp_path, metrics_to_log="all")
    logger.log("recall", [[0.1, 0.2], [0.3, math.nan]], {"layer": 9})
    logger.log("recall", 5.0)
    logger.log("flat", [])
    logger.log("flat", [1.0, [2.0]])
    logger.close()

    rows = {
        (row["metric"], row["layer"], row["head"]): tuple(
            row[name] for name in ("mean", "non_finite", "non_numeric")
        )
        for row in summarize(tmp_path, by="layer,head")
    }

    assert rows == {
        ("recall", 0, 0): (0.1, 0, 0),
        ("recall", 0, 1): (0.2, 0, 0),
        ("recall", 1, 0): (0.3, 0, 0),
        ("recall", 1, 1): (None, 1, 0),
        ("recall", None, None): (5.0, 0, 0),
        ("flat", None, 0): (1.0, 0, 0),
        ("flat", None, 1): (None, 0, 1),
    }


def test_one_event_has_no_deviation(tmp_path) -> None:
    write(tmp_path, event(1.0))

    (row,) = summarize(tmp_path).rows

    assert (row["std"], row["mean"], row["p99"]) == (None, 1.0, 1.0)


def test_keys_keep_their_types_and_sort_by_them(tmp_path) -> None:
    keys = (10, 9, "10", "a", 2.5, True, [1, 2], {"b": 1})
    write(tmp_path, *(event(1.0, key=key) for key in keys), event(1.0))

    keys = [row["key"] for row in summarize(tmp_path, by="key")]

    assert keys == [True, 2.5, 9, 10, "10", "[1,2]", "a", '{"b":1}', None]


@pytest.mark.parametrize(
    "key", ['quo"te', "do.t", "back\\slash", "sp ace", "ünï", "$.x", "/x", "a'b"]
)
def test_any_key_can_be_grouped_by(tmp_path, key) -> None:
    write(tmp_path, event(1.0, **{key: 7}), event(2.0))

    assert [row[key] for row in summarize(tmp_path, by=[key])] == [7, None]
    assert len(summarize(tmp_path, by=[f"metadata.{key}"])) == 2


def test_dots_reach_inside_and_a_key_with_dots_wins(tmp_path) -> None:
    write(tmp_path, event(1.0, a={"b": {"c": 1}}), event(2.0, **{"a.b.c": 2, "a": {"b": {"c": 3}}}))

    assert [row["a.b.c"] for row in summarize(tmp_path, by="a.b.c")] == [1, 2]


def test_directory_keys_are_numbers_and_collisions_can_be_told_apart(tmp_path) -> None:
    for k in (128, 8, 32):
        write(tmp_path / f"top_k={k}", event(float(k), top_k="metadata"))

    assert [row["top_k"] for row in summarize(tmp_path, by="top_k")] == [8, 32, 128]
    assert [row["dir.top_k"] for row in summarize(tmp_path, by="dir.top_k")] == [8, 32, 128]
    assert [row["metadata.top_k"] for row in summarize(tmp_path, by="metadata.top_k")] == [
        "metadata"
    ]


def test_time_buckets_start_at_the_epoch_also_before_it(tmp_path) -> None:
    stamps = [
        "1969-12-31T23:59:59.500000Z",
        "1970-01-01T00:00:00.000000Z",
        "2026-11-23T08:00:59.999999Z",
    ]
    write(tmp_path, *(event(1.0, stamp=stamp) for stamp in stamps))

    assert [row["1m"] for row in summarize(tmp_path, by="1m")] == [
        datetime(1969, 12, 31, 23, 59, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    ]


def test_times_without_zone_are_taken_in_the_zone_that_is_named(tmp_path) -> None:
    write(tmp_path, event(1.0, stamp="2026-11-23T08:00:00.000000"))

    plain = summarize(tmp_path)
    berlin = summarize(tmp_path, by="timestamp", assume_tz="Europe/Berlin")
    filtered = summarize(tmp_path, since="2026-11-23T07:30:00Z", assume_tz="UTC")

    assert plain.report.assumed_zone is None
    assert berlin.rows[0]["timestamp"] == datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    assert berlin.report.assumed_zone == "Europe/Berlin"
    assert len(filtered) == 1
    assert not summarize(tmp_path, since="2026-11-23T07:30:00Z", assume_tz="Europe/Berlin").rows
    with pytest.raises(SettingError, match="no time zone is called 'Mars'"):
        summarize(tmp_path, assume_tz="Mars")


FILTERS = [
    {"metrics": "density"},
    {"metrics": "d*,!recall"},
    {"metrics": "!density"},
    {"metrics": ""},
    {"metrics": "[!d]*"},
    {"location": "a.*"},
    {"location": "a.f"},
    {"location": "?.[!f]*"},
    {"since": "2026-11-23T08:00:30Z"},
    {"until": "2026-11-23T08:00:30Z"},
    {"where": "layer == 0"},
    {"where": "layer != 0"},
    {"where": "not layer == 0"},
    {"where": "layer == '0' or layer == 'a'"},
    {"where": "layer in (0, 1, 'a')"},
    {"where": "layer not in (0, 'a')"},
    {"where": "layer is None and step >= 2"},
    {"where": "layer != None"},
    {"where": "layer"},
    {"where": "not metadata['layer']"},
    {"where": "0 < step <= 2"},
    {"where": "layer < step"},
    {"where": "layer == step or metric == location"},
    {"where": "nested.inner == 1"},
    {"where": "value > 0.5 and value < 1e9"},
    {"where": "value == 'text' or value == '1.5'"},
    {"where": "value != 1"},
    {"where": "location == 'a.f' and metric > 'e'"},
    {"where": "run == 'run0' or session == 'x' or launch is null"},
    {"where": "rank == 5 or rank is None"},
    {"where": "step in ()"},
    {"where": "not (step in ())"},
    {"where": "true == layer"},
]


LINES = [
    event(value, metric, f"2026-11-23T08:00:{second:02d}.000000Z", **metadata)
    for second, (metric, value, metadata) in enumerate(
        [
            ("density", 0.25, {"layer": 0, "step": 2}),
            ("density", 1, {"layer": 1, "step": 1}),
            ("recall", True, {"layer": "0", "step": 3}),
            ("recall", "NaN", {"layer": "a"}),
            ("phase", "text", {"layer": None, "step": 2}),
            ("phase", "1.5", {"nested": {"inner": 1}}),
            ("phase", None, {"layer": 1.0, "step": 0}),
            ("phase", [1], {"layer": True}),
        ]
        * 6
    )
]


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: " ".join(filters.values()))
def test_each_filter_means_the_same_to_engine_and_reader(tmp_path, filters) -> None:
    elsewhere = [line.replace(b'"a.f"', b'"b.C.g"') for line in LINES[:20]]
    write(tmp_path / "run0", *LINES)
    write(tmp_path / "run1", *elsewhere, LINES[0][:-1] + b',"rank":5,"session":"x"}')

    assert_equal(
        summarize(tmp_path, **filters), model(tmp_path, ["location"], **filters), ["location"]
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files, st.sampled_from(FILTERS))
def test_filters_mean_the_same_to_engine_and_reader(contents, filters) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, lines in enumerate(contents):
            write(Path(folder) / f"run{number}", *lines)
        expected = model(folder, ["location"], **filters)

        try:
            summary = summarize(folder, **filters)
        except NoDataError:
            assert not expected
            return

    assert_equal(summary, expected, ["location"])


def test_a_key_that_no_event_has_names_the_nearest(tmp_path) -> None:
    write(tmp_path / "top_k=8", event(1.0, layer_idx=1))

    with pytest.raises(NoDataError, match=r"the key 'layer'; did you mean 'layer_idx'"):
        summarize(tmp_path, by="layer")
    with pytest.raises(
        NoDataError, match=r"no event has the key 'zzz'; there are 'layer_idx', 'top_k'"
    ):
        summarize(tmp_path, where="zzz == 1")
    assert not summarize(tmp_path, where="layer_idx == 5").rows


def test_several_launches_are_announced_and_one_can_be_chosen(tmp_path) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger()
    for value in (1.0, 2.0):
        logger.configure_logging(tmp_path, "all")
        logger.log("m", value)
    logger.close()

    together = summarize(tmp_path, by="launch")

    first, second = [row["launch"] for row in together]
    assert together.report.sentences() == [
        f"run {tmp_path.name!r} holds 2 launches, read together; --launch last chooses the last, "
        f"{second!r}"
    ]
    assert [row["mean"] for row in summarize(tmp_path, launch="last")] == [2.0]
    assert [row["mean"] for row in summarize(tmp_path, launch=first)] == [1.0]
    with pytest.raises(NoDataError, match="no events of launch 'nope'; there are"):
        summarize(tmp_path, launch="nope")


def test_figures_that_rest_on_a_part_say_so(tmp_path) -> None:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(tmp_path, metrics_to_log="all", max_records=3)
    for value in range(10):
        logger.log("m", float(value))
    logger.close()

    (sentence,) = summarize(tmp_path).report.sentences()

    assert sentence.startswith("of 10 events logged by micro_metrics.")
    assert sentence.endswith(": 7 beyond max_records")


def test_a_summary_becomes_a_frame() -> None:
    summary = summarize(REAL[0], by="layer_idx")

    frame = summary.to_pandas()

    assert list(frame.columns) == ["metric", "layer_idx", *DEFAULT_FIGURES]
    assert frame.to_dict("records") == list(summary)


def test_an_empty_file_has_no_rows(tmp_path) -> None:
    write(tmp_path, end=b"")

    summary = summarize(tmp_path)

    assert summary.rows == []
    assert list(summary.to_pandas().columns) == ["metric", "location", *DEFAULT_FIGURES]


def test_pandas_is_not_needed_for_a_summary() -> None:
    import subprocess

    script = (
        "import sys; from micrometric import summarize; summarize('sample_logs'); "
        "print(sorted({'pandas', 'polars', 'pyarrow', 'typer', 'rich'} & sys.modules.keys()))"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"


def test_the_survey_counts_events_and_knows_the_last(tmp_path) -> None:
    write(tmp_path, event(1.0), event(2.0, stamp="2026-11-23T09:00:00.000000Z"), event(1, "n"))

    seen = Query(find(tmp_path), Filter(), How(UTC)).survey()

    assert (seen["m"].events, seen["n"].events) == (2, 1)
    assert seen["m"].last == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_standard_input_is_read(monkeypatch) -> None:
    import io

    lines = event(1.0, k=1) + b"\n" + event(2.0, k=1)[:-1] + b',"run":"other","rank":3}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))

    rows = summarize("-", by="run,rank").rows

    assert [(row["run"], row["rank"]) for row in rows] == [("-", None), ("other", 3)]


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
@pytest.mark.parametrize(
    "origin",
    [
        '"rank":7', '"rank":9223372036854775807', '"rank":9223372036854775808',
        '"rank":99999999999999999999', '"rank":-1', '"rank":true', '"rank":null', '"rank":"5"',
        '"rank":2.0', '"rank":1e2', '"rank":[1]', '"run":1', '"run":"1"', '"session":[]',
        r'"session":"a\"\u00e9"', '"launch":true', '"launch":null',
    ],
)  # fmt: skip
def test_an_origin_in_a_line_is_what_the_reader_takes_it_for(tmp_path, engine, origin) -> None:
    line = event(1.0)[:-1] + f",{origin}}}".encode()
    write(tmp_path, line, event(2.0), name="micro_metrics.20261123T080000000000Z-r3-1.jsonl")
    by = ["run", "session", "rank", "launch"]

    assert_equal(summarize(tmp_path, by, engine=engine), model(tmp_path, by), by)


@pytest.mark.parametrize(
    "name",
    ["x[1]", "a*b", "q?", "it's", "new\nline", "~t", "{a,b}", "%41", "-dash", "k=[1]", b"bad\xff"],
    ids=repr,
)
def test_any_name_of_a_directory_is_only_a_name(tmp_path, monkeypatch, name) -> None:
    folder = tmp_path / os.fsdecode(name)
    write(folder, event(1.0), b"garbage")
    write(tmp_path / "x1", event(2.0))
    monkeypatch.chdir(tmp_path)

    summary = summarize(".", by="run")

    assert [row["mean"] for row in summary] in ([1.0, 2.0], [2.0, 1.0])
    assert summary.report.skipped == 1
    assert summarize(folder).rows[0]["mean"] == 1.0


@pytest.mark.parametrize("key", ["*", "a/b", "a~1b", '"', "\\", "[0]", "$", "0", "é", "a\nb"])
def test_any_sign_in_a_key_is_only_a_sign(tmp_path, key) -> None:
    write(tmp_path, event(1, other=3, **{key: 5}), event(2, **{key: 6}))

    summary = summarize(tmp_path, [f"metadata.{key}"], stats="sum")

    assert [row[f"metadata.{key}"] for row in summary] == [5, 6]


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
@pytest.mark.parametrize(
    "filters",
    [{"by": "\udcff"}, {"explode": "\udcff"}, {"location": "\udcff*"}],
    ids=["by", "explode", "location"],
)
def test_a_name_may_hold_what_utf8_cannot(tmp_path, engine, filters) -> None:
    write(tmp_path, event([1, 2], "\udcff", **{"\udcff": 1}).replace(b"a.f", rb"\udcff.f"))

    summary = summarize(tmp_path, **filters, stats="non_numeric", engine=engine)

    assert {row["non_numeric"] for row in summary} == {0 if "explode" in filters else 1}


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_a_bucket_that_begins_before_all_time_begins_with_it(tmp_path, engine):
    line = '{"timestamp":"0001-01-01T00:00:00.000000Z","metric":"a","value":1,"metadata":{}}'
    (tmp_path / "micro_metrics.jsonl").write_text(f"{line}\n")

    (row,) = summarize(tmp_path, "700d", engine=engine)

    assert row["700d"] == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("engine", ["duckdb", "pandas"])
def test_a_checksum_that_is_not_that_of_the_lines_is_told(tmp_path, engine):
    line = b'{"timestamp":"2026-11-23T08:00:00.000000Z","metric":"a","value":1,"metadata":{}}\n'
    packed = bytearray(gzip.compress(line))
    packed[-8] ^= 1
    (tmp_path / "micro_metrics.jsonl.gz").write_bytes(packed)

    summary = summarize(tmp_path, engine=engine)

    assert [row["count"] for row in summary] == [1]
    assert summary.report.skipped == 1
    assert "the compressed data ends or is damaged" in str(summary.report.examples[0])
