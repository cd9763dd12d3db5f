"""Comparisons: which groups stand side by side, and what the intervals rest on."""

import json
import math
import sys
from pathlib import Path

import pytest

from micrometric import FilterError, NoDataError, PathError, SettingError, compare, summarize
from micrometric.intervals import between, of_pairs

SAMPLES = Path(__file__).parents[1] / "sample_logs"
TOP_8, TOP_32 = (SAMPLES / f"oracle_top_k={k}" for k in (8, 32))


def write(path, values, metric="m"):
    """Write an event a second: value and metadata."""
    path.mkdir(parents=True, exist_ok=True)
    lines = [
        {
            "timestamp": f"2026-11-23T08:00:{second:02d}.000000Z",
            "metric": metric,
            "value": value,
            "metadata": metadata,
            "location": "a.f",
        }
        for second, (value, metadata) in enumerate(values)
    ]
    with (path / "micro_metrics.jsonl").open("a") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))
    return path


def plain(*values, **metadata):
    return [(value, metadata) for value in values]


@pytest.fixture
def sweep(tmp_path):
    """Three runs a side, of two layers."""
    for k, shift in ((8, 0.0), (32, 2.0)):
        for seed in range(3):
            run = tmp_path / "sweep" / f"k={k}" / f"seed={seed}"
            write(run, plain(shift + seed, shift + seed + 1, layer=0))
            write(run, plain(5 + seed, 6 + seed, layer=1))
    return tmp_path / "sweep"


def test_the_same_groups_stand_side_by_side(tmp_path):
    a = write(tmp_path / "a", plain(1, 3, layer=0) + plain(10, layer=1))
    b = write(tmp_path / "b", plain(4, 6, layer=0) + plain(0, layer=2))

    found = compare(a, b, by="layer", stats="mean,max")

    assert (found.base, found.others, found.by) == ("a", ("b",), ("layer",))
    told = [(r.keys["layer"], r.figure, r.before, r.after, r.difference, r.ratio) for r in found]
    assert told == [
        (0, "mean", 2.0, 5.0, 3.0, 2.5),
        (0, "max", 3.0, 6.0, 3.0, 2.0),
        (1, "mean", 10.0, None, None, None),
        (1, "max", 10.0, None, None, None),
        (2, "mean", None, 0.0, None, None),
        (2, "max", None, 0.0, None, None),
    ]
    assert [row.reason for row in found][2::2] == ["no such group in b", "no such group in a"]


def test_a_base_of_zero_has_no_ratio(tmp_path):
    a, b = (write(tmp_path / name, plain(value)) for name, value in (("a", 0), ("b", 2)))

    (row,) = compare(a, b)

    assert (row.difference, row.ratio) == (2.0, None)


def test_a_base_without_numbers_is_told(tmp_path):
    a, b = (write(tmp_path / name, plain(value)) for name, value in (("a", "text"), ("b", 2)))

    (row,) = compare(a, b)
    (back,) = compare(b, a)

    assert (row.before, row.after, row.difference, row.ratio) == (None, 2.0, None, None)
    assert row.reason == back.reason == "no finite number in a"


def test_a_limit_without_a_base_asks_nothing_of_it(tmp_path):
    a, b = (write(tmp_path / name, plain(value)) for name, value in (("a", "NaN"), ("b", 2)))

    found = compare(a, b, fail_if=["m.max > 3", "m.max > 3 * base", "m.max > 1"])

    assert [str(failure) for failure in found.failures] == [
        "m.max at location=a.f: its base holds 1 value that is not finite (m.max > 3 * base)",
        "m.max at location=a.f: 2 > 1, by 1 (m.max > 1)",
    ]


def test_keys_of_several_kinds_are_said_once(tmp_path):
    a, b = (
        write(tmp_path / name, [(1.0, {"k": key}) for key in (1, "1", True)]) for name in ("a", "b")
    )

    found = compare(a, b, by="k", pair_by="occurrence", stats="mean,max", fail_if="m.mean > 9")

    assert len(found) == 6
    assert [note for note in found.report.notes if "grouped by their JSON text" in note] == [
        "key 'k' holds booleans and numbers and texts; values are grouped by their JSON text"
    ]


def test_events_of_one_run_are_no_ground_for_an_interval(tmp_path):
    a, b = (
        write(tmp_path / name, plain(*values)) for name, values in (("a", (1, 2)), ("b", (3, 4)))
    )

    found = compare(a, b)

    (row,) = found
    assert row.interval is row.effect is found.replication is None
    assert "whose events are not independent of each other; --unit names a key" in str(row.reason)


def test_several_runs_a_side_are(sweep):
    found = compare(sweep / "k=8", sweep / "k=32", by="layer")

    first, second = found
    assert found.replication == "runs"
    assert (first.units, found.intervals) == (3, 2)
    assert first.interval == between([0.5, 1.5, 2.5], [2.5, 3.5, 4.5], 0.975, "welch")
    assert (first.effect, second.effect) == ("unclear", "unclear")
    one = compare(sweep / "k=8", sweep / "k=32", by="layer", where="layer == 0", level=0.5)
    assert one.rows[0].effect == "higher"


def test_runs_weigh_the_same_however_many_events_they_have(tmp_path):
    for side, shift in (("a", 0), ("b", 1)):
        write(tmp_path / side / "r1", plain(*[shift] * 9))
        write(tmp_path / side / "r2", plain(shift + 2))

    (row,) = compare(tmp_path / "a", tmp_path / "b")

    assert row.interval == between([0, 2], [1, 3], 0.95, "welch")


def test_the_values_of_a_key_are_compared_with_one_of_them(sweep):
    found = compare(sweep, key="k", base_value=32, by="layer", unit="seed")

    assert (found.base, found.others) == ("k=32", ("k=8",))
    assert [row.difference for row in found] == [-2.0, 0.0]
    assert found.replication == "values of seed"
    assert compare(sweep, key="k", by="layer").base == "k=8"
    assert compare(sweep, key="k", base_value="32").base == "k=32"


def test_pairs_are_joined_by_their_keys(tmp_path):
    noise = [0.0, 5.0, -3.0, 8.0]
    a = write(tmp_path / "a", [(n, {"step": i}) for i, n in enumerate(noise)])
    shifted = [(n + 1 + i / 10, {"step": i}) for i, n in enumerate(noise)]
    b = write(tmp_path / "b", [*shifted[::-1], (100.0, {"step": 9}), (7.0, {})])

    found = compare(a, b, by="metric", pair_by="step")

    (row,) = found
    differences = [1.3, 1.2, 1.1, 1.0]
    expected = of_pairs(differences, 0.95, "welch")
    assert expected is not None
    assert row.interval is not None
    assert row.interval.low == pytest.approx(expected.low)
    assert (row.units, row.effect, found.replication) == (4, "higher", "pairs by step")
    assert found.report.notes == ["1 value has no pair in a and b, and no part in the intervals"]


def test_pairing_by_occurrence_narrows_what_the_real_logs_tell():
    options = {"by": "layer_idx", "metrics": "*error", "where": "layer_idx == 0"}

    (paired,) = compare(TOP_8, TOP_32, pair_by="occurrence", **options)
    (apart,) = compare(TOP_8, TOP_32, unit="timestamp", **options)

    halves = [(row.interval.high - row.interval.low) / 2 for row in (paired, apart)]
    assert halves == [pytest.approx(0.011, abs=5e-4), pytest.approx(0.057, abs=1e-3)]
    assert paired.units == apart.units == 50
    assert paired.difference == pytest.approx(-0.1584, abs=1e-4)


def test_two_filters_of_one_run(tmp_path):
    run = write(tmp_path / "run", [(float(i), {"step": i}) for i in range(10)])

    (row,) = compare(run, where_base="step < 5", where_other="step >= 5")

    assert (row.before, row.after) == (2.0, 7.0)
    assert row.other == "step >= 5"


def test_a_saved_summary_is_a_base(tmp_path):
    saved = tmp_path / "base.json"
    rows = [{**row, "total": None} for row in summarize(TOP_8, "layer_idx")]
    total = {"metric": "research_attention_density", "layer_idx": None, "total": "all"}
    saved.write_text("".join(json.dumps(row) + "\n" for row in [*rows, total]))

    found = compare(saved, TOP_8, by="layer_idx", stats="mean,p95")

    assert len(found) == 24
    assert {row.difference for row in found} == {0.0}
    assert found.rows[0].reason == "the base is a saved summary, without events"
    with pytest.raises(
        SettingError, match="does not hold 'p10'; save it with --group-by layer_idx"
    ):
        compare(saved, TOP_8, by="layer_idx", stats="p10")


SAVED = b'{"metric":"m","mean":1,"count":1,"location":"a"}\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (SAVED + b"rubbish\n", "line 2 is no row of a summary; expected what summarize"),
        (SAVED + SAVED.replace(b"a", b"\xff"), "line 2 is no row of a summary"),
        (SAVED + b"[" * 100_000, "line 2 is no row of a summary"),
        (SAVED + b'{"mean":1}\n', "line 2 is no row of a summary"),
        (SAVED.replace(b":1,", b':"x",'), "is no summary: expected a number as 'mean', found 'x'"),
        (SAVED.replace(b":1,", b":true,"), "expected a number as 'mean', found 'True'"),
        (SAVED.replace(b'"a"', b"[1]"), "is no summary: 'location' of 'm' is a list or an object"),
    ],
    ids=["rubbish", "not UTF-8", "deep", "no metric", "text", "bool", "list"],
)
def test_what_is_no_summary_is_refused(tmp_path, lines, said):
    saved = tmp_path / "base.json"
    saved.write_bytes(lines)

    with pytest.raises(PathError, match=said):
        compare(saved, TOP_8)


@pytest.mark.parametrize("figure", ['"Infinity"', "1e999", "1" + "0" * 400])
def test_a_saved_figure_may_be_infinite(tmp_path, figure):
    saved = tmp_path / "base.json"
    saved.write_bytes(SAVED.replace(b":1,", f":{figure},".encode()))
    other = write(tmp_path / "other", [(1.0, {})])

    row = next(row for row in compare(saved, other) if row.keys["location"] == "a")

    assert row.before == math.inf


@pytest.mark.parametrize("line", [b"[" * 100_000, b"\xff\n"], ids=["deep", "not UTF-8"])
def test_a_base_of_broken_lines_is_no_saved_summary(tmp_path, line):
    base = tmp_path / "base.jsonl"
    base.write_bytes(line)
    other = write(tmp_path / "other", [(1.0, {})])

    with pytest.raises(NoDataError, match="has no such events"):
        compare(base, other)


def test_limits_are_held_in_every_group(sweep):
    found = compare(sweep, key="k", by="layer", fail_if=["m.mean > 1.5 * base", "x.max > 1"])

    assert found.checks == 3
    assert [str(failure) for failure in found.failures] == [
        "m.mean at layer=0: 3.5 > 2.25, by 1.25 (m.mean > 1.5 * base)",
        "x.max: there is no such metric (x.max > 1)",
    ]


def test_a_group_that_is_missing_fails_its_limit(tmp_path):
    a = write(tmp_path / "a", plain(1, layer=0) + plain(1, layer=1))
    b = write(tmp_path / "b", plain(1, layer=0) + plain("NaN", layer=2))
    c = write(tmp_path / "c", plain(1, layer=0) + plain(1, layer=1))

    found = compare(a, b, c, by="layer", fail_if="m.mean > 2 * base")

    assert [str(failure) for failure in found.failures] == [
        "m.mean at layer=1 in=b: is missing (m.mean > 2 * base)",
        "m.mean at layer=2 in=b: holds 1 value that is not finite (m.mean > 2 * base)",
        "m.mean at layer=2 in=c: is missing (m.mean > 2 * base)",
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "said"),
    [
        ([TOP_8], {}, SettingError, "there is nothing to compare with; name further logs"),
        ([TOP_8, TOP_8], {}, SettingError, "is compared with itself"),
        ([TOP_8, TOP_32], {"unit": "a", "pair_by": "b"}, SettingError, "exclude each other"),
        ([TOP_8, TOP_32], {"level": 1.5}, SettingError, "level is 1.5, expected between 0 and 1"),
        ([TOP_8, TOP_32], {"base_value": 8}, SettingError, "needs the key that it is of"),
        ([SAMPLES], {"key": "oracle_top_k", "where_base": "a == 1"}, SettingError, "exclude"),
        ([SAMPLES], {"key": "oracle_top_k", "base_value": 9}, NoDataError, "has no value 9"),
        ([TOP_8], {"key": "oracle_top_k"}, NoDataError, "has 1 values, nothing to compare"),
        ([SAMPLES], {"key": "oracle_topk"}, NoDataError, "did you mean 'oracle_top_k'"),
        ([TOP_8, TOP_32], {"where": "layer_idx == 99"}, NoDataError, "has no such events"),
        ([TOP_8, TOP_32], {"pair_by": "layr_idx"}, NoDataError, "did you mean 'layer_idx'"),
        ([TOP_8, TOP_32], {"fail_if": "x"}, FilterError, "has no form"),
        ([TOP_8, TOP_32], {"stats": "maen"}, SettingError, "did you mean 'mean'"),
    ],
)
def test_what_cannot_be_compared_is_refused(arguments, options, error, said):
    with pytest.raises(error, match=said):
        compare(*arguments, **options)


def test_without_scipy_there_are_no_intervals(sweep, monkeypatch):
    monkeypatch.setattr("micrometric.intervals.has_scipy", lambda: False)

    found = compare(sweep / "k=8", sweep / "k=32", by="layer")

    assert "pip install 'micrometric[stats]'" in str(found.rows[0].reason)


def test_a_group_with_one_unit_says_so(tmp_path):
    for side in "ab":
        write(tmp_path / side / "r1", plain(1, layer=0) + plain(2, layer=1))
        write(tmp_path / side / "r2", plain(2, layer=0))

    first, second = compare(tmp_path / "a", tmp_path / "b", by="layer")

    assert first.interval is not None
    assert second.reason == "fewer than two runs on a side (1)"


def test_a_notebook_gets_rows_and_a_table(sweep):
    found = compare(sweep / "k=8", sweep / "k=32", by="layer")

    frame = found.to_pandas()

    assert list(frame["difference"]) == [2.0, 0.0]
    assert "<table" in found._repr_html_()
    assert len(found) == 2


@pytest.mark.parametrize("engine", ["pandas", "polars"])
def test_other_engines_compare_the_same(engine):
    options = {"key": "oracle_top_k", "by": "layer_idx", "stats": "mean,p95"}

    found = compare(SAMPLES, **options, pair_by="occurrence", engine=engine)

    expected = compare(SAMPLES, **options, pair_by="occurrence")
    assert len(found) == len(expected) == 48
    for row, wanted in zip(found, expected, strict=True):
        told, sought = row.row(), wanted.row()
        assert told.keys() == sought.keys()
        for name, figure in sought.items():
            close = pytest.approx(figure, rel=1e-9) if isinstance(figure, float) else figure
            assert told[name] == close, name


def test_frames_of_polars_have_a_row_for_each_comparison_and_group(sweep):
    found = compare(sweep / "k=8", sweep / "k=32", by="layer").to_polars()
    groups = summarize(sweep, "layer,k").to_polars()

    assert found["difference"].to_list() == [2.0, 0.0]
    assert found.columns[:4] == ["metric", "layer", "figure", "other"]
    assert groups["k"].to_list() == [8, 32, 8, 32]


def test_a_key_of_several_kinds_is_texts_to_polars(tmp_path):
    write(tmp_path / "a", [(1.0, {"k": key}) for key in (1, 2.5, "x", None)])

    frame = summarize(tmp_path, "k").to_polars()

    assert frame["k"].to_list() == ["1", "2.5", "x", None]


@pytest.mark.parametrize(
    ("keys", "column"),
    [
        ([2**63 - 1, None], [2**63 - 1, None]),
        ([1, 10**400], ["1", str(10**400)]),
        ([2.5, 10**400], [2.5, math.inf]),
    ],
    ids=["64 bits", "beyond them", "beyond a double"],
)
def test_a_key_of_any_whole_numbers_has_a_column_in_polars(tmp_path, keys, column):
    write(tmp_path / "a", [(1.0, {"k": key}) for key in keys])

    assert summarize(tmp_path, "k").to_polars()["k"].to_list() == column


def test_keys_that_are_called_like_a_column_have_their_prefix(tmp_path):
    keys = {"base": 1, "low": 2, "count": 3, "reason": 4, "mean": 5, "occurrence": 6}
    a, b = (write(tmp_path / name, plain(value, **keys)) for name, value in (("a", 2), ("b", 5)))

    found = compare(a, b, by=["value", *keys, "metadata.base"])
    (row,) = compare(a, b, by=keys).to_pandas().to_dict("records")

    assert found.by == ("value", *(f"metadata.{key}" for key in keys))
    assert {row.row()["event.value"] for row in found} == {2, 5}
    assert [row[f"metadata.{key}"] for key in keys] == [*keys.values()]
    assert (row["base"], row["value"], row["count"], row["figure"]) == (2.0, 5.0, 1, "mean")
    assert "event.value" in repr(found).splitlines()[0]


@pytest.mark.parametrize("key", ["count", "mean", "value", "base"])
def test_values_of_a_key_that_is_called_like_a_column_are_compared(tmp_path, key):
    logs = write(tmp_path / "logs", plain(1, 2, **{key: 1}) + plain(5, 6, **{key: 2}))

    (row,) = compare(logs, key=f"metadata.{key}", by=f"metadata.{key}")

    assert (row.before, row.after, row.keys) == (1.5, 5.5, {})
    assert row.other == f"metadata.{key}=2"


def test_units_and_pairs_may_be_called_like_a_figure(tmp_path):
    a, b = (
        write(tmp_path / name, [event for n in range(3) for event in plain(n + shift, count=n)])
        for name, shift in (("a", 0), ("b", 2))
    )

    (by_unit,), (by_pair,) = compare(a, b, unit="count"), compare(a, b, pair_by="count")

    assert (by_unit.units, by_pair.units) == (3, 3)
    assert by_pair.interval.low == by_pair.interval.high == 2.0


@pytest.mark.parametrize("keys", ["low", "count", "total", "low,max,k=1"])
def test_a_saved_summary_is_a_base_whatever_its_keys_are_called(tmp_path, keys):
    names = keys.split(",")
    logs = write(tmp_path / "logs", [(n, dict.fromkeys(names, n)) for n in range(3)])
    saved = tmp_path / "base.json"
    saved.write_text("".join(json.dumps(row) + "\n" for row in summarize(logs, keys)))

    found = compare(saved, logs, by=keys)

    assert [row.difference for row in found] == [0.0, 0.0, 0.0]
    assert [[*row.keys.values()] for row in found] == [[n] * len(names) for n in range(3)]


def test_a_prompt_shows_differences_and_intervals(tmp_path):
    a, b = (write(tmp_path / name, plain(value)) for name, value in (("a", 2), ("b", 5)))

    assert repr(compare(a, b)).splitlines() == [
        "metric  location  figure  other  base  value  difference  low  high  effect",
        "m       a.f       mean    b         2      5           3    -     -       -",
    ]


def test_scipy_loads_only_for_an_interval(tmp_path):
    import subprocess

    a, b = (write(tmp_path / name, plain(1, 2)) for name in "ab")
    code = f"import sys; from micrometric import compare; compare({str(a)!r}, {str(b)!r})"

    command = [sys.executable, "-c", f"{code}; print('scipy' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
