"""Exports: what the readers of each format find in them is what was logged."""

import csv
import io
import json
import math
import re
import struct
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from micrometric import MicroMetricLogger, PathError, SettingError, export, iter_events
from micrometric.event import finite, format_timestamp
from micrometric.exports import FORMATS, SUFFIXES
from tests import strategies
from tests.cli.conftest import event as event_line

FIXED = ["timestamp", "metric", "value", "location", "run", "session", "rank", "launch"]
ODD = [
    (0.1, {"layer": 3, "note": "warm"}),
    (-2, {"layer": 4, "Layer": 1.5}),
    (True, {"run": "inner", "flag": False}),
    (math.nan, {"mixed": 1}),
    (math.inf, {"mixed": "one", "flag": True}),
    ("=1+1", {"note": "@cmd"}),
    ([1, [2.5]], {"nested": {"a": 1}}),
    (None, {"big": 2**70}),
    (10**400, {}),
    ("\ud800", {"note": "\ud800"}),
]


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    directory = tmp_path / "logs" / "top_k=8"
    MicroMetricLogger.register_metric("odd", object)
    logger = MicroMetricLogger(directory, metrics_to_log="all")
    for value, metadata in ODD:
        logger.log("odd", value, metadata)
    logger.close()
    return tmp_path / "logs"


def rows_of(path: Path) -> list[dict[str, object]]:
    """Rows as DuckDB reads them, the time as text."""
    relation = duckdb.sql(f"SELECT * REPLACE (timestamp::VARCHAR AS timestamp) FROM '{path}'")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def test_parquet_has_typed_columns(logs: Path, tmp_path: Path) -> None:
    done = export(logs, tmp_path / "out.parquet")

    rows = rows_of(tmp_path / "out.parquet")
    assert done.events == len(rows) == len(ODD)
    assert list(rows[0]) == [
        *FIXED, "text", "top_k", "layer", "note", "metadata.Layer", "metadata.run", "flag",
        "mixed", "nested", "big",
    ]  # fmt: skip
    assert [row["value"] for row in rows[:3]] == [0.1, -2.0, 1.0]
    assert math.isnan(rows[3]["value"])
    assert [row["value"] for row in rows[4:]] == [math.inf, *[None] * 3, math.inf, None]
    assert [row["text"] for row in rows] == [
        *[None] * 5, '"=1+1"', "[1, [2.5]]", None, None, '"?"',
    ]  # fmt: skip
    assert [rows[0][name] for name in ("top_k", "layer", "note")] == [8, 3, "warm"]
    assert [row["mixed"] for row in rows[3:5]] == ["1", '"one"']
    assert (rows[2]["flag"], rows[2]["metadata.run"]) == (False, "inner")
    assert (rows[6]["nested"], rows[7]["big"]) == ('{"a": 1}', str(2**70))
    first = next(iter_events(logs))
    # DuckDB writes no zeros at the end.
    assert str(rows[0]["timestamp"]).startswith(first.timestamp.isoformat(" ")[:26].rstrip("0"))
    assert rows[0]["session"] == first.session


def test_arrow_has_the_same_rows_as_parquet(logs: Path, tmp_path: Path) -> None:
    export(logs, tmp_path / "out.arrow")
    export(logs, tmp_path / "out.parquet")

    with pa.OSFile(str(tmp_path / "out.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    told = table.drop_columns("timestamp").to_pylist()
    rows = [{k: v for k, v in row.items() if k != "timestamp"} for row in rows_of(
        tmp_path / "out.parquet"
    )]  # fmt: skip
    assert repr(told) == repr(rows)
    assert table["timestamp"].type == pa.timestamp("us", tz="UTC")
    assert table["timestamp"][0].as_py() == next(iter_events(logs)).timestamp


def test_csv_has_a_row_an_event_and_runs_no_formula(logs: Path, tmp_path: Path) -> None:
    export(logs, tmp_path / "out.csv")

    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:8] == FIXED
    assert [row["value"] for row in rows] == [
        "0.1", "-2", "true", "NaN", "Infinity", "'=1+1", "[1, [2.5]]", "", str(10**400), "\\ud800",
    ]  # fmt: skip
    assert rows[5]["note"] == "'@cmd"
    assert rows[6]["nested"] == '{"a": 1}'
    assert rows[0]["timestamp"] == format_timestamp(next(iter_events(logs)).timestamp)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(strategies.lines(), min_size=1, max_size=8))
def test_every_format_holds_the_values_that_were_logged(tmp_path: Path, lines: list[bytes]) -> None:
    source = tmp_path / "micro_metrics.jsonl"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    events = list(iter_events(source))

    for suffix in (".jsonl", ".csv", ".parquet"):
        assert export(source, tmp_path / f"o{suffix}", force=True).events == len(events)

    assert repr(list(iter_events(tmp_path / "o.jsonl"))) == repr(events)
    with (tmp_path / "o.csv").open(newline="") as file:
        assert [row["metric"] for row in csv.DictReader(file)] == [e.metric for e in events]
    for row, event in zip(rows_of(tmp_path / "o.parquet"), events, strict=True):
        if isinstance(event.value, float | int):
            assert repr(row["value"]) == repr(float(event.value))
        elif event.value is not None:
            assert json.loads(str(row["text"])) == finite(event.value)
        kinds = {type(one.metadata.get("layer")) for one in events} - {type(None)}
        layer = event.metadata.get("layer")
        is_json = len(kinds) > 1 and kinds != {int, float} and layer is not None
        assert row.get("layer") == (json.dumps(layer) if is_json else layer)
        assert row.get("step") == event.metadata.get("step")


SAMPLES = Path(__file__).parents[1] / "sample_logs"
READERS = {
    "csv with pandas": (".csv", pd.read_csv),
    "csv with polars": (".csv", lambda path: pl.read_csv(path).to_pandas()),
    "jsonl with pandas": (
        ".jsonl",
        lambda path: pd.read_json(path, lines=True, precise_float=True),
    ),
    "jsonl with polars": (".jsonl", lambda path: pl.read_ndjson(path).to_pandas()),
    "parquet with pandas": (".parquet", pd.read_parquet),
    "parquet with polars": (".parquet", lambda path: pl.read_parquet(path).to_pandas()),
    "parquet with pyarrow": (".parquet", lambda path: pyarrow.parquet.read_table(path).to_pandas()),
    "arrow with pandas": (".arrow", pd.read_feather),
    "arrow with polars": (".arrow", lambda path: pl.read_ipc(path).to_pandas()),
    "arrow with pyarrow": (
        ".arrow",
        lambda path: pa.ipc.open_file(path).read_all().to_pandas(),
    ),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_others_read_is_what_was_logged(tmp_path: Path, reader: str) -> None:
    suffix, read = READERS[reader]
    path = tmp_path / f"out{suffix}"
    events = list(iter_events(SAMPLES, metrics="!recall", assume_tz="UTC"))

    export(SAMPLES, path, metrics="!recall", assume_tz="UTC")

    frame = read(path)
    assert frame["value"].tolist() == [event.value for event in events]
    assert frame["metric"].tolist() == [event.metric for event in events]
    assert frame["run"].tolist() == [event.run for event in events]
    moments = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
    assert moments.tolist() == [pd.Timestamp(event.timestamp) for event in events]
    if suffix != ".jsonl":
        layers = [event.metadata.get("layer_idx", math.nan) for event in events]
        assert frame["layer_idx"].tolist() == pytest.approx(layers, nan_ok=True)


def test_a_stream_is_kept_on_disk_and_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("micrometric.batches._MOST", 3)
    lines = b"".join(path.read_bytes() for path in (SAMPLES / "topk_attention").glob("*.jsonl"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))

    done = export("-", tmp_path / "out.csv")

    frame = pd.read_csv(tmp_path / "out.csv")
    assert done.events == len(frame) == lines.count(b"\n")
    assert set(frame["run"]) == {"-"}


def as_float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def board(path: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(path), size_guidance={"scalars": 0, "histograms": 0})
    accumulator.Reload()
    return accumulator


def test_tensorboard_has_scalars_by_step_and_a_histogram_of_each(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("density", float)
    logger = MicroMetricLogger(tmp_path / "logs", metrics_to_log="all")
    values = {(step, layer): step / 10 + layer for step in range(3) for layer in range(2)}
    for (step, layer), value in values.items():
        logger.log("density", value, {"step": step, "layer_idx": layer})
    logger.log("density", [1, 2.5, "text"])
    logger.log("density", 4)
    logger.log("density", 5)
    logger.close()

    done = export(tmp_path / "logs", tmp_path / "board", format="tensorboard")

    assert done.events == 9
    read = board(tmp_path / "board" / "logs")
    for layer in range(2):
        scalars = read.Scalars(f"density/layer_idx={layer}")
        assert [(one.step, one.value) for one in scalars] == [
            (step, as_float32(values[step, layer])) for step in range(3)
        ]
    assert [(one.step, one.value) for one in read.Scalars("density")] == [(0, 4.0), (1, 5.0)]
    assert [one.value for one in read.Scalars("density/1")] == [2.5]
    spread = {one.step: one.histogram_value for one in read.Histograms("density")}
    assert (spread[2].min, spread[2].max, spread[2].num) == (0.2, 1.2, 2)
    assert sum(spread[2].bucket) == 2
    moment = read.Scalars("density/layer_idx=0")[0].wall_time
    assert moment == next(iter_events(tmp_path / "logs")).timestamp.timestamp()


def test_the_key_of_the_step_may_be_told(tmp_path: Path) -> None:
    source = tmp_path / "micro_metrics.jsonl"
    line = '{"timestamp":"2026-11-23T08:00:00Z","metric":"m","value":1,"metadata":{"t":7}}\n'
    source.write_text(line)

    export(source, tmp_path / "board", format="tensorboard", step="t")

    (folder,) = {path.parent for path in (tmp_path / "board").rglob("events*")}
    assert [one.step for one in board(folder).Scalars("m")] == [7]


@pytest.mark.parametrize("told", [10**30, -(10**30), 2**63, 1.0, "x"])
def test_what_is_no_step_to_tensorboard_is_metadata(tmp_path: Path, told) -> None:
    source = tmp_path / "micro_metrics.jsonl"
    line = '{"timestamp":"2026-11-23T08:00:00Z","metric":"m","value":1,"metadata":{"step":%s}}\n'
    source.write_text(2 * (line % json.dumps(told)))

    export(source, tmp_path / "board", format="tensorboard")

    (folder,) = {path.parent for path in (tmp_path / "board").rglob("events*")}
    assert [one.step for one in board(folder).Scalars(f"m/step={told}")] == [0, 1]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_column_is_called_as_utf8_can_hold(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "micro_metrics.jsonl"
    told = {"timestamp": "2026-11-23T08:00:00Z", "metric": "m", "value": 1}
    source.write_text(json.dumps(told | {"metadata": {"\ud800'": 1}}) + "\n")

    export(source, tmp_path / f"out.{suffix}")

    read = pd.read_parquet if suffix == "parquet" else pd.read_feather
    assert list(read(tmp_path / f"out.{suffix}")["?'"]) == [1]


def test_names_that_utf8_or_a_path_cannot_hold_are_escaped(tmp_path: Path) -> None:
    source = tmp_path / "micro_metrics.jsonl"
    line = (
        r'{"timestamp":"2026-11-23T08:00:00Z","metric":"m\ud800","value":1,"run":"a\u0000\ud800"}'
    )
    source.write_text(f"{line}\n")

    export(source, tmp_path / "board", format="tensorboard")

    assert [one.value for one in board(tmp_path / "board" / r"a_\ud800").Scalars(r"m\ud800")] == [1]


def test_tensorboard_files_are_replaced_only_when_told(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "board"
    export(logs, out, format="tensorboard")
    (out / "mine.txt").write_text("mine")

    with pytest.raises(PathError, match="is not empty; --force replaces the TensorBoard files"):
        export(logs, out, format="tensorboard")
    export(logs, out, format="tensorboard", force=True)

    assert len(list(out.rglob("events*"))) == 1
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_there_is_replaced_only_when_told(logs: Path, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"out{suffix}"
    out.write_text("mine")

    with pytest.raises(PathError, match="is there already; --force writes over it"):
        export(logs, out)
    assert out.read_text() == "mine"
    export(logs, out, force=True)

    assert out.read_bytes() != b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", out.name]


def test_nothing_is_left_of_what_could_not_be_written_whole(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("micrometric.sinks.encode_event", fail)

    with pytest.raises(PathError, match=r"cannot write '.*out.jsonl': No space left on device"):
        export(logs, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


@pytest.mark.parametrize(
    ("name", "format_", "said"),
    [
        ("out.xlsx", None, "does not tell the format; expected a name that ends with one of .csv"),
        ("-", None, "standard output has no name that tells the format; name it: --format"),
        ("out", "parket", "no format is called 'parket'.*did you mean 'parquet'"),
    ],
)
def test_a_format_must_be_known(
    logs: Path, tmp_path: Path, name: str, format_: str | None, said: str
) -> None:
    target = name if name == "-" else str(tmp_path / name)

    with pytest.raises(SettingError, match=said):
        export(logs, target, format=format_)


@pytest.mark.parametrize("format_", FORMATS)
def test_what_cannot_be_read_is_not_said_of_the_output(tmp_path: Path, format_: str) -> None:
    with pytest.raises(PathError, match=r"^no such path: '/nonexistent/x'$"):
        export("/nonexistent/x", tmp_path / "out", format=format_)

    assert not (tmp_path / "out").is_file()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ('Could not write file "x": No space left on device", "errno":"28"}', "No space left on"),
        ("Cannot open file", "IO Error: Cannot open file"),
    ],
)
def test_where_parquet_cannot_be_written_it_is_said_of_the_output(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise duckdb.IOException(f"IO Error: {reason}")

    monkeypatch.setattr(duckdb.DuckDBPyRelation, "write_parquet", fail)

    with pytest.raises(PathError, match=rf"^cannot write '.*/o\.parquet': {said}"):
        export(logs, tmp_path / "o.parquet")


def test_a_step_is_for_tensorboard_alone(logs: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="a step is for tensorboard"):
        export(logs, tmp_path / "o.csv", step="step")


@pytest.mark.parametrize(
    ("format_", "module", "extra"),
    [("arrow", "pyarrow", "arrow"), ("tensorboard", "tensorboard", "tensorboard")],
)
def test_what_is_not_installed_is_named(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_, module, extra
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)

    with pytest.raises(SettingError, match=rf"pip install 'micrometric\[{extra}\]'"):
        export(logs, tmp_path / "out", format=format_)
    assert not (tmp_path / "out").exists()


FORMULAS = {
    "=1+1": "'=1+1",
    " \xa0=1+1": "' \xa0=1+1",
    "\ufeff=1+1": "'\ufeff=1+1",
    "\u200b@a": "'\u200b@a",
    "\0+1": "'\0+1",
    "\u3164-1": "'\u3164-1",
    "\t=1": "'\t'=1",
    "a;=1+1": "a;'=1+1",
    "a; \u200b=1;b": "a;' \u200b=1;b",
    "a\t-1;@b": "a\t'-1;'@b",
    "a\r\n=1": "a\r\n'=1",
    "-": "-",
    "a;=": "a;'=",
    "a = b": "a = b",
    "a;b": "a;b",
    "a-b, =c": "a-b, =c",
}


@pytest.mark.parametrize("reader", ["pandas", "polars"])
def test_no_text_in_csv_computes_whatever_divides_the_cells(tmp_path: Path, reader: str) -> None:
    lines = [
        event_line(n, "density", text, metadata={"k": [text]}) for n, text in enumerate(FORMULAS)
    ]
    (tmp_path / "micro_metrics.jsonl").write_text("\n".join(lines) + "\n")

    export(tmp_path, tmp_path / "o.csv")

    _, read = READERS[f"csv with {reader}"]
    assert read(tmp_path / "o.csv")["value"].tolist() == [*FORMULAS.values()]
    # As spreadsheets of other places do, for which quotes within a line are none.
    for cell in re.split(r"[;\t\n\r]", (tmp_path / "o.csv").read_text()):
        assert not re.match(r"[\s\0\ufeff\u200b\u3164]*[=+\-@]", cell)


def test_what_divides_cells_elsewhere_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "micro_metrics.jsonl").write_text(
        "".join(event_line(n, "density", text) + "\n" for n, text in enumerate(["a;b", "a\tb"]))
    )

    export(tmp_path, tmp_path / "o.csv")

    written = (tmp_path / "o.csv").read_text()
    assert all(text in written for text in ('"a;b"', '"a\tb"'))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("sign", ["o", "ö"])
def test_an_output_may_have_as_long_a_name_as_any(
    logs: Path, tmp_path: Path, suffix: str, sign: str
) -> None:
    name = sign * ((255 - len(suffix)) // len(sign.encode())) + suffix

    assert export(logs, tmp_path / name).events == len(ODD)
    assert {path.name for path in tmp_path.iterdir()} == {"logs", name}


def test_a_break_of_either_kind_within_a_text_starts_no_row(tmp_path: Path) -> None:
    path = tmp_path / "micro_metrics.jsonl"
    path.write_text(
        event_line(0, "density", "a\r=1+1") + "\n" + event_line(1, "density", "b\n=1+1") + "\n"
    )

    export(path, tmp_path / "o.csv")

    with (tmp_path / "o.csv").open(newline="") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["a\r'=1+1", "b\n'=1+1"]
    assert (tmp_path / "o.csv").read_bytes().endswith(b",\n")
