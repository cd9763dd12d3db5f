"""Figures: each by its own definition in plain Python, by any key, exploded or in total."""

import json
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import NoDataError, SettingError, summarize
from micrometric.engines.duckdb_sql import sharing_quantiles
from micrometric.event import format_timestamp
from micrometric.figures import DEFAULT_FIGURES, MEANINGS, Figures

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
ALL = [*MEANINGS, "p0", "p12.5", "p99.9", "p100"]


def write(path, rows):
    """Write events: seconds after the start, value, metadata."""
    path.mkdir(exist_ok=True)
    lines = [
        {
            "timestamp": format_timestamp(START + timedelta(seconds=second)),
            "metric": "m",
            "value": value,
            "metadata": metadata,
            "location": "a.f",
        }
        for second, value, metadata in rows
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (path / "micro_metrics.jsonl").write_text(text)
    return path


def expected(rows):
    """Return each figure of some events; of those at one time the greatest is first and last."""
    numbers = [(second, float(v)) for second, v, _ in rows if isinstance(v, int | float)]
    values = [value for _, value in numbers]
    seconds = [second for second, _, _ in rows]
    span = max(seconds) - min(seconds)
    first = max(numbers, key=lambda one: (-one[0], one[1]), default=(0, None))[1]
    last = max(numbers, key=lambda one: one, default=(0, None))[1]
    there = {
        "mean": np.mean,
        "std": lambda _: np.std(values, ddof=1) if len(values) > 1 else None,
        "min": np.min,
        "max": np.max,
        "sum": math.fsum,
        "median": np.median,
        **{f"p{s}": lambda v, s=s: np.percentile(v, s) for s in (0, 12.5, 95, 99.9, 100)},
    }
    return {
        "count": len(values),
        "first": first,
        "last": last,
        "rate": (len(rows) - 1) / span if span else None,
        "non_finite": 0,
        "non_numeric": len(rows) - len(values),
        **{name: compute(values) if values else None for name, compute in there.items()},
    }


events = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.floats(-1e6, 1e6) | st.integers(-1000, 1000) | st.booleans() | st.just("text"),
        st.fixed_dictionaries({"layer": st.integers(0, 1)}),
    ),
    min_size=1,
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(events)
def test_each_figure_is_what_its_name_says(tmp_path, rows):
    logs = write(tmp_path / "logs", rows)

    summary = summarize(logs, "layer", stats=ALL, totals=True)

    groups = {layer: [row for row in rows if row[2]["layer"] == layer] for layer in (0, 1)}
    wanted = [expected(group) for group in groups.values() if group] + [expected(rows)]
    for told, figures in zip([*summary, *summary.totals], wanted, strict=True):
        for name in ALL:
            figure = figures[name]
            figure = figure if figure is None else pytest.approx(figure, rel=1e-9, abs=1e-9)
            assert told[name] == figure, name


def test_only_what_is_asked_for_is_told_in_that_order(tmp_path):
    logs = write(tmp_path / "logs", [(0, 1, {}), (1, 3, {})])

    summary = summarize(logs, stats=" max, mean,max")

    assert summary.rows == [{"metric": "m", "location": "a.f", "max": 3.0, "mean": 2.0}]
    assert list(summary.to_pandas().columns) == ["metric", "location", "max", "mean"]
    assert Figures.read(None).names == DEFAULT_FIGURES


@pytest.mark.parametrize("name", ["maen", "p", "p101", "p-1", "p1e1", "P95", ""])
def test_a_figure_that_there_is_not_is_refused(tmp_path, name):
    logs = write(tmp_path / "logs", [(0, 1, {})])

    with pytest.raises(SettingError, match="no figure is called") as caught:
        summarize(logs, stats=["mean", name])

    assert ("did you mean 'mean'" in str(caught.value)) == (name == "maen")


def test_lists_without_dims_are_taken_apart_when_told(tmp_path):
    logs = write(tmp_path / "logs", [(0, [1, 2], {}), (1, [3, [4, 5]], {}), (2, 6, {})])

    by_row = summarize(logs, "i", stats="count,sum,non_numeric", explode="i")
    by_both = summarize(logs, ["i", "j"], stats=["sum"], explode=["i", "j"])

    assert [(r["i"], r["count"], r["sum"], r["non_numeric"]) for r in by_row] == [
        (0, 2, 4.0, 0), (1, 1, 2.0, 1), (None, 1, 6.0, 0),
    ]  # fmt: skip
    assert [(row["i"], row["j"], row["sum"]) for row in by_both] == [
        (0, None, 4.0), (1, 0, 4.0), (1, 1, 5.0), (1, None, 2.0), (None, None, 6.0),
    ]  # fmt: skip


def test_an_axis_that_no_list_has_is_refused(tmp_path):
    logs = write(tmp_path / "logs", [(0, 1, {"layer": 1})])

    with pytest.raises(NoDataError, match="no event has the key 'lyer'; did you mean 'layer'"):
        summarize(logs, "lyer", explode="lyer")


def test_a_key_of_several_types_is_told_once(tmp_path):
    rows = [
        (0, 1, {"k": 1}),
        (1, 2, {"k": "1"}),
        (2, 3, {"k": [1]}),
        (3, 3, {"k": [2]}),
        (4, 1, {}),
    ]
    logs = write(tmp_path / "logs", rows)

    summary = summarize(logs, "k", stats="count")

    assert [row["k"] for row in summary] == [1, "1", "[1]", "[2]", None]
    assert summary.report.notes == [
        "key 'k' holds numbers and texts; values are grouped by their JSON text"
    ]


def test_memory_has_a_limit(tmp_path):
    logs = write(tmp_path / "logs", [(n, n, {}) for n in range(100)])

    assert summarize(logs, memory_limit="100MB").rows[0]["count"] == 100
    with pytest.raises(SettingError, match="'much' is no amount of memory; expected a number and"):
        summarize(logs, memory_limit="much")


def test_progress_is_told_while_a_query_runs(tmp_path, monkeypatch):
    monkeypatch.setattr("micrometric.engines.running._PROGRESS", 0.001)
    logs = write(tmp_path / "logs", [(n, n, {"n": n}) for n in range(20_000)])
    told: list[float] = []

    summarize(logs, "n", progress=told.append)

    assert told
    assert all(0 <= share <= 1 for share in told)


def test_a_notebook_shows_a_table_in_which_nothing_runs(tmp_path):
    logs = write(tmp_path / "logs", [(0, 1, {"k": "<script>"})])

    html = summarize(logs, "k", stats="mean,std")._repr_html_()

    assert "<th>mean</th>" in html
    assert "<td></td>" in html
    assert "None" not in html
    assert "&lt;script&gt;" in html


def test_a_prompt_shows_a_table_that_is_safe_to_print(tmp_path):
    logs = write(tmp_path / "logs", [(0, 1234567.0, {"k": "a\x1b[2J"}), (1, 0.5, {"k": "b"})])

    shown = repr(summarize(logs, "k", stats="count,mean,std"))

    assert shown.splitlines() == [
        "metric  k         count       mean  std",
        "m       a\\x1b[2J      1  1.235e+06    -",
        "m       b             1        0.5    -",
    ]


def test_a_prompt_says_how_many_groups_it_does_not_show(tmp_path):
    logs = write(tmp_path / "logs", [(0, n, {"k": n}) for n in range(45)])

    shown = repr(summarize(logs, "k")).splitlines()

    assert len(shown) == 1 + 40 + 1
    assert shown[-1] == "(40 of 45 rows shown; to_pandas() has all)"


def test_a_prompt_says_that_there_is_no_group(tmp_path):
    logs = write(tmp_path / "logs", [(0, 1, {})])

    assert repr(summarize(logs, where="value > 5")) == "(no groups)"


def test_the_values_of_a_group_are_kept_once_for_all_quantiles(tmp_path, monkeypatch):
    logs = write(tmp_path / "logs", [(n, n, {}) for n in range(101)])
    queries = []

    def shared(query, function):
        queries.append(sharing_quantiles(query, function))
        return queries[-1]

    monkeypatch.setattr("micrometric.engines.duckdb_engine.sharing_quantiles", shared)

    (row,) = summarize(logs, stats="p10,p99.9,median,p10")
    (single,) = summarize(logs, stats="p10")

    assert (row["p10"], row["p99.9"], row["median"]) == (10.0, pytest.approx(99.9), 50.0)
    assert single["p10"] == 10.0
    # As long as narwhals writes quantiles in the form that is looked for.
    assert queries[0].count('quantile_cont("finite", [0.1, 0.99') == 3


def test_quantiles_may_be_by_a_sketch_and_it_is_said(tmp_path):
    logs = write(tmp_path / "logs", [(n % 60, n**2, {}) for n in range(5000)])

    (exact,) = summarize(logs, stats="p50,p99,mean")
    sketched = summarize(logs, stats="p50,p99,mean", approximate=True)

    (row,) = sketched
    assert row["mean"] == exact["mean"]
    assert row["p50"] != exact["p50"]
    assert row["p50"] == pytest.approx(exact["p50"], rel=0.02)
    assert row["p99"] == pytest.approx(exact["p99"], rel=0.02)
    assert sketched.report.notes == ["quantiles are approximate, by a t-digest of the values"]


@pytest.mark.parametrize("engine", ["pandas", "polars"])
def test_an_engine_without_a_sketch_says_that_quantiles_are_exact(engine, tmp_path):
    logs = write(tmp_path / "logs", [(n % 60, n**2, {}) for n in range(500)])

    found = summarize(logs, stats="p50,p99", engine=engine, approximate=True)

    assert found.rows == summarize(logs, stats="p50,p99", engine=engine).rows
    assert not found.approximate
    assert found.report.notes == [
        f"the engine '{engine}' has no sketch for --approximate; quantiles are exact"
    ]


def test_what_figures_lack_is_said_at_a_prompt_and_in_a_notebook(tmp_path):
    logs = write(tmp_path / "logs", [(n, n, {}) for n in range(3)])
    with next(logs.rglob("*.jsonl")).open("a") as file:
        file.write("<b>rubbish</b>\n")

    found = summarize(logs, stats="p50", approximate=True)

    assert repr(found).splitlines()[-2:] == [
        "(quantiles are approximate, by a t-digest of the values)",
        f"(1 line is not an event and was skipped, the first at {found.report.examples[0]})",
    ]
    assert "<p>quantiles are approximate, by a t-digest of the values</p>" in found._repr_html_()


@pytest.mark.parametrize("engine", ["duckdb", "pandas", "polars"])
@pytest.mark.parametrize("key", ["count", "rate", "max", "sum", "p99.9", "total"])
def test_a_key_that_is_called_like_a_figure_has_its_prefix(tmp_path, key, engine):
    rows = [(0, 1.0, {key: 7}), (1, 2.0, {key: 7}), (2, 3.0, {key: 8})]
    logs = write(tmp_path / "logs", rows)

    found = summarize(logs, key, stats="count,max", engine=engine)

    assert found.by == (f"metadata.{key}",)
    assert [tuple(row.values()) for row in found] == [("m", 7, 2, 2.0), ("m", 8, 1, 3.0)]
    assert [*found.rows[0]] == ["metric", f"metadata.{key}", "count", "max"]
    assert summarize(logs, f"{key},metadata.{key}", stats="count,max").rows == found.rows


def test_a_part_of_a_path_that_is_called_like_a_figure_has_its_prefix(tmp_path):
    for count in (1, 2):
        write(tmp_path / f"count={count}", [(0, 1.0, {"count": 5})])

    rows = summarize(tmp_path, ["count", "metadata.count"], stats="count").rows

    assert [tuple(row.items())[1:] for row in rows] == [
        (("dir.count", 1), ("metadata.count", 5), ("count", 1)),
        (("dir.count", 2), ("metadata.count", 5), ("count", 1)),
    ]


def test_what_is_called_like_a_figure_is_filtered_by_its_own_name(tmp_path):
    logs = write(tmp_path / "logs", [(n, float(n), {"count": n}) for n in range(4)])

    found = summarize(logs, "count", stats="sum", where="count > 1", fail_if="m.sum > 2")

    assert [(row["metadata.count"], row["sum"]) for row in found] == [(2, 2.0), (3, 3.0)]
    assert [str(failure) for failure in found.failures] == [
        "m.sum at metadata.count=3: 3 > 2, by 1 (m.sum > 2)"
    ]
