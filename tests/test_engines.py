"""Engines: each one gives the same rows, whatever state the files are in."""

import gzip
import importlib.util
import json
import math
import os
import re
import tempfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from micrometric import NoDataError, SettingError, summarize
from micrometric.bins import Along
from micrometric.columns import request_for
from micrometric.engines import ENGINES, Source, open_engine
from micrometric.engines.duckdb_sql import Question
from micrometric.figures import Figures
from micrometric.filters import Filter
from micrometric.finder import find
from micrometric.keys import read_key
from micrometric.manifest import Manifest, write_manifest
from micrometric.query import Query
from micrometric.reader import text_metrics_of
from micrometric.registry import Metric
from micrometric.report import Report
from micrometric.segment import manifest_name
from tests import strategies
from tests.cli.conftest import event
from tests.tailing import line

SAMPLES = Path("sample_logs")
OTHERS = [name for name in ENGINES if name not in ("duckdb", "spark")]
"""Spark has a test of its own among the slow ones."""
PACK = {
    "jsonl": bytes,
    "0.jsonl.gz": gzip.compress,
    "1.jsonl.zst": lambda data: zstandard.ZstdCompressor().compress(data),
}
naive_lines = strategies.lines().map(lambda line: line.replace(b'Z"', b'"', 1))
surrogates = strategies.lines().map(
    lambda line: line.replace(b'"metadata":{', rb'"metadata":{"text":"a\udc80b",').replace(
        b",}", b"}"
    )
)
segments = st.lists(
    st.tuples(
        st.sampled_from(sorted(PACK)),
        st.lists(
            strategies.lines() | strategies.damaged_lines | naive_lines | surrogates, max_size=12
        ),
        st.sampled_from([b"\n", b"", b'\n{"timest']),
    ),
    min_size=1,
    max_size=4,
)
QUESTIONS = [
    {"by": "location"},
    {"by": "layer"},
    {"by": "layer,step"},
    {"by": "text"},
    {"by": "value"},
    {"by": "nested.inner"},
    {"by": "30s"},
    {"by": "timestamp"},
    {"by": "run,session,rank,launch"},
    {"by": "layer_idx"},
    {"by": "head", "explode": "head"},
    {"by": "", "stats": "count,sum,first,last,rate,p12.5,median"},
    {"by": "layer", "stats": "first,last"},
    {"by": "location", "where": "value > 0.1 or layer == 'a'"},
    {"by": "step", "where": "layer != 0 and not value is null"},
    {"by": "location", "where": "layer and text is null", "metrics": "re*,!phase"},
    {"by": "location", "location": "a.*", "since": "2026-11-23T08:00:20Z"},
]


def write(folder: Path, contents) -> None:
    for number, (kind, lines, end) in enumerate(contents):
        run = folder / f"layer_idx={number}"
        run.mkdir()
        name = f"micro_metrics.20261123T080000000000Z-r{number}-1.{kind}"
        (run / name).write_bytes(PACK[kind](b"\n".join(lines) + end))
    write_manifest(
        folder / "layer_idx=0" / "micro_metrics.20261123T080000000000Z-r0-1.manifest.json",
        Manifest({"recall": Metric("float", dims=("head",)), "phase": Metric("str")}),
    )


def answer(paths, engine, question):
    """Return rows and report of a question, or the error that it ends with."""
    question = {"by": "location"} | question
    by = [name for name in question["by"].split(",") if name]
    try:
        summary = summarize(
            paths, **(question | {"by": by}), engine=engine, assume_tz="Europe/Berlin", totals=True
        )
    except NoDataError as error:
        return str(error)
    rows = [*summary.rows, *summary.totals]
    order = [
        (row["metric"], *(json.dumps(row.get(name), default=str) for name in by)) for row in rows
    ]
    told = summary.report
    return sorted(zip(order, rows, strict=True), key=lambda pair: pair[0]), (
        told.skipped,
        sorted(told.unfinished),
        sorted(map(str, told.examples)),
    )


def assert_same(found, expected) -> None:
    if isinstance(expected, str):
        assert found == expected
        return
    assert found[1] == expected[1]
    assert [order for order, _ in found[0]] == [order for order, _ in expected[0]]
    for (_, row), (_, wanted) in zip(found[0], expected[0], strict=True):
        assert row.keys() == wanted.keys()
        for name, figure in wanted.items():
            assert type(row[name]) is type(figure), (name, row, wanted)
            if isinstance(figure, float):
                figure = pytest.approx(figure, rel=1e-9, abs=1e-9)
            assert row[name] == figure, (name, row)


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("by", ["location", "oracle_top_k,layer_idx", "layer_idx,head", "1m"])
def test_engines_agree_on_the_samples(engine, by) -> None:
    assert_same(answer(SAMPLES, engine, {"by": by}), answer(SAMPLES, "duckdb", {"by": by}))


@pytest.mark.parametrize("engine", OTHERS)
@pytest.mark.parametrize("of", ["value", "time", "layer_idx"])
def test_engines_agree_on_bins(engine, of) -> None:
    def binned(engine: str) -> list[dict]:
        query = Query.open(SAMPLES, engine=engine, assume_tz="UTC")
        along = Along(query.keys(of)[0] if of == "layer_idx" else of, bins=20, groups=3)
        keys = query.keys("oracle_top_k")
        return query.binned(keys, Figures(("count", "mean")), along, Figures(("p50", "last")))

    found, expected = binned(engine), binned("duckdb")

    assert len(found) == len(expected) > 20
    for row, wanted in zip(found, expected, strict=True):
        assert row.pop("whole") == pytest.approx(wanted.pop("whole"))
        assert row == pytest.approx(wanted)


@pytest.mark.parametrize("engine", OTHERS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(segments, st.sampled_from(QUESTIONS))
def test_engines_agree_however_damaged_the_logs_are(engine, contents, question) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), contents)

        found = answer(folder, engine, question)

        assert_same(found, answer(folder, "duckdb", question))


@pytest.mark.parametrize("engine", ["duckdb", *OTHERS])
def test_a_value_in_a_path_that_is_no_text_is_one_to_every_engine(engine, tmp_path) -> None:
    for name in (b"k=\xff", b"k=1"):
        run = tmp_path / os.fsdecode(name)
        run.mkdir()
        (run / "micro_metrics.jsonl").write_text(event(0, "m", 1) + "\n")

    rows = summarize(tmp_path, by="k", engine=engine).rows

    assert [(row["k"], row["count"]) for row in rows] == [(1, 1), ("\ufffd", 1)]


@pytest.mark.parametrize("engine", ["duckdb", *OTHERS])
def test_directories_named_like_fields_take_no_field_s_place(engine, tmp_path) -> None:
    folder = tmp_path / "metric=other" / "value=7" / "location=nowhere"
    folder.mkdir(parents=True)
    line = (
        b'{"timestamp":"2026-11-23T08:00:13Z","metric":"m","value":1.5,"metadata":{},"location":""}'
    )
    (folder / "micro_metrics.jsonl").write_bytes(line + b"\n")
    question = {"by": "dir.metric"}

    rows, _ = answer(tmp_path, engine, question)

    assert [(row["metric"], row["dir.metric"], row["mean"]) for _, row in rows[:1]] == [
        ("m", "other", 1.5)
    ]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(segments)
def test_decoded_events_make_the_columns_that_sql_makes(contents) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), contents)
        found = find(folder)
        names = ["layer", "value", "layer_idx", "dir.layer_idx", "head", "rank", "30s", "text"]
        keys = [read_key(name, found.directory_keys()) for name in names]
        wanted = Filter.read(where="layer == 1 or value > 0 or rank == 0 or text == 'a'")
        request = request_for(keys, wanted.bound_to(found.directory_keys()))
        tables = [columns(name, found, request) for name in ("duckdb", "polars")]

    assert tables[0] == tables[1]


def columns(name, found, request):
    """Return the rows that an engine loads, in an order of their own."""
    source = Source(
        found.segments,
        dims={"recall": ("head",)},
        text_metrics=text_metrics_of(found),
        zone=None,
        report=Report(),
    )
    with open_engine(name, source) as engine:
        rows = engine.collect(engine.load(request))
        while rows is None or any(row["suspect"] for row in rows):
            engine.mend_suspects(request)
            rows = engine.collect(engine.load(request))
    return sorted(
        repr([(key, settled(row[key])) for key in sorted(row) if key != "file"]) for row in rows
    )


def settled(cell):
    return "nan" if isinstance(cell, float) and math.isnan(cell) else cell


@pytest.mark.parametrize("engine", OTHERS)
def test_each_event_can_be_a_group_of_its_own(engine) -> None:
    from micrometric.figures import Figures

    def means(name):
        query = Query.open(SAMPLES, engine=name, metrics="research_*density")
        rows = query.rows(query.keys("run,layer_idx"), Figures(("mean",)), occurrence=True)
        return sorted([*row.values()] for row in rows)

    assert means(engine) == means("duckdb")


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(SettingError, match="no query engine is called 'polar'; did you mean"):
        summarize(SAMPLES, engine="polar")


def test_an_engine_that_is_not_installed_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(SettingError, match=r"not installed; pip install 'micrometric\[polars\]'"):
        summarize(SAMPLES, engine="polars")


@pytest.mark.parametrize("engine", OTHERS)
def test_only_duckdb_keeps_to_a_memory_limit(engine) -> None:
    with pytest.raises(SettingError, match="knows no memory limit, only 'duckdb' does"):
        summarize(SAMPLES, engine=engine, memory_limit="1GB")


@pytest.mark.parametrize("engine", ["duckdb", *OTHERS])
def test_only_spark_has_a_master(engine) -> None:
    with pytest.raises(SettingError, match=f"the engine '{engine}' has no master"):
        summarize(SAMPLES, engine=engine, master="spark://host:7077")


@pytest.mark.parametrize("engine", OTHERS)
def test_an_engine_tells_how_far_it_is(engine) -> None:
    told: list[float] = []

    summarize(SAMPLES, engine=engine, progress=told.append)

    assert told == sorted(told)
    assert 0 <= told[0] < told[-1] < 1


def test_dims_of_thousands_of_metrics_cost_no_columns(tmp_path: Path) -> None:
    """Only the axes that are asked for have one."""
    metrics = {f"m{number}": Metric("float", dims=(f"axis{number}",)) for number in range(3000)}
    name = manifest_name("20261123T080000000000Z-h-1")
    write_manifest(tmp_path / name, Manifest(metrics))
    (tmp_path / "micro_metrics.jsonl").write_text(line(1, metric="m7", value=[1, 2, 3]))

    question = Question(
        request_for([read_key("axis7", set())], Filter()),
        {name: metric.dims for name, metric in metrics.items()},
        (),
        frozenset(),
    )

    assert len(re.findall('AS "dim axis[0-9]+"', question.of_lines([], ""))) <= 2
    rows = summarize(tmp_path, "axis7").rows
    assert [(row["axis7"], row["count"]) for row in rows] == [(0, 1), (1, 1), (2, 1)]
