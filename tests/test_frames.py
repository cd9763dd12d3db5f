"""Frames: the columns, their dtypes, and what is told beside them."""

import math
from pathlib import Path

import pandas as pd
import pytest

from micrometric import MicroMetricLogger, read

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
