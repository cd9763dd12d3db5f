"""Frames: the columns, their dtypes, and what is told beside them."""

import math
from pathlib import Path

import pandas as pd
import pytest

from micrometric import MicroMetricLogger, SettingError, read
from micrometric.report import Report

COLUMNS = ["timestamp", "metric", "value", "location", "run", "session", "rank", "launch"]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    MicroMetricLogger.register_metric("m", float)
    logger = MicroMetricLogger(tmp_path / "logs", metrics_to_log="all", max_records=3)
    logger.log("m", 1, {"layer": 3})
    logger.log("m", True, {"run": "inner"})
    logger.log("m", math.nan)
    logger.log("m", 4.0)
    logger.close()
    return tmp_path / "logs"


def test_a_frame_has_a_row_for_each_event(written: Path) -> None:
    frame = read(written)

    assert list(frame.columns) == [*COLUMNS, "layer", "metadata.run"]
    assert str(frame.dtypes["timestamp"]) == "datetime64[us, UTC]"
    assert str(frame.dtypes["value"]) == "float64"
    assert str(frame.dtypes["rank"]) == "Int64"
    assert list(frame["value"][:2]) == [1.0, 1.0]
    assert math.isnan(frame["value"][2])
    assert list(frame["metadata.run"])[1] == "inner"
    assert set(frame["run"]) == {"logs"}


@pytest.mark.parametrize("engine", ["pandas", "polars"])
def test_a_value_beyond_a_double_is_infinite(tmp_path: Path, engine) -> None:
    MicroMetricLogger.register_metric("m", int)
    logger = MicroMetricLogger(tmp_path, metrics_to_log="all")
    logger.log("m", -(10**400))
    logger.close()

    assert [*read(tmp_path, engine=engine)["value"]] == [-math.inf]


def test_what_was_left_out_is_told_beside(written: Path) -> None:
    with (written / "micro_metrics.jsonl").open("a") as file:
        file.write("garbage\n")

    frame = read(written)

    assert frame.attrs["skipped"] == 1
    assert any("1 line is not" in note for note in frame.attrs["notes"])
    assert any("1 beyond max_records" in note for note in frame.attrs["notes"])


def test_metadata_may_stay_one_column(written: Path) -> None:
    frame = read(written, metadata_column=True, where="layer == 3")

    assert list(frame.columns) == [*COLUMNS, "metadata"]
    assert list(frame["metadata"]) == [{"layer": 3}]


def test_values_of_several_kinds_stay_as_they_are(tmp_path: Path) -> None:
    MicroMetricLogger.register_metric("any", object)
    logger = MicroMetricLogger(tmp_path / "logs", metrics_to_log="all")
    for value in (1.5, "text", [1, 2], None):
        logger.log("any", value)
    logger.close()

    frame = read(tmp_path)

    assert frame["value"].dtype == object
    assert list(frame["value"]) == [1.5, "text", [1, 2], None]


def test_no_events_are_an_empty_frame_with_all_columns(written: Path) -> None:
    frame = read(written, metrics="other")

    assert list(frame.columns) == COLUMNS
    assert len(frame) == 0
    assert isinstance(frame, pd.DataFrame)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    MicroMetricLogger.register_metric("any", object)
    logger = MicroMetricLogger(tmp_path / "logs", metrics_to_log="all")
    for value, layer in ((1.5, 3), ("text", 4), ([1, 2], None), (math.nan, 5)):
        logger.log("any", value, {"layer": layer, "kind": layer if value == 1.5 else "a"})
    logger.close()
    with (tmp_path / "logs" / "micro_metrics.jsonl").open("a") as file:
        file.write("garbage\n")
    return tmp_path / "logs"


def test_frames_of_polars_have_a_type_for_each_column(mixed: Path) -> None:
    report = Report()

    frame = read(mixed, engine="polars", report=report)

    assert frame.columns == [*COLUMNS, "text", "layer", "kind"]
    assert str(frame.schema["timestamp"]) == "Datetime(time_unit='us', time_zone='UTC')"
    assert frame["layer"].to_list() == [3, 4, None, 5]
    assert frame["kind"].to_list() == ["3", '"a"', '"a"', '"a"']
    assert frame["value"].to_list()[:3] == [1.5, None, None]
    assert math.isnan(frame["value"][3])
    assert frame["text"].to_list() == [None, '"text"', "[1, 2]", None]
    assert report.skipped == 1


def test_duckdb_goes_on_with_a_relation(mixed: Path) -> None:
    relation = read(mixed, engine="duckdb", where="layer > 3")

    assert relation.columns == [*COLUMNS, "text", "layer", "kind"]
    assert relation.aggregate("count(*), sum(layer)").fetchall() == [(2, 9)]


@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
def test_every_frame_is_empty_where_there_are_no_events(written: Path, engine) -> None:
    frame = read(written, metrics="other", engine=engine)

    assert list(frame.columns) == COLUMNS
    assert len(frame) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine": "polar"}, "no frames are called 'polar'; did you mean 'polars'"),
        ({"engine": "spark"}, r"read makes no frames of Spark; summarize\(engine='spark'\)"),
        ({"engine": "polars", "metadata_column": True}, "is for pandas alone"),
    ],
)
def test_what_is_no_frame_is_refused(written: Path, options, said) -> None:
    with pytest.raises(SettingError, match=said):
        read(written, **options)


def test_polars_that_is_not_installed_says_what_to_install(written: Path, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(SettingError, match=r"not installed; pip install 'micrometric\[polars\]'"):
        read(written, engine="polars")
