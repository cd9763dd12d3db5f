"""Ticks: round, within the axis, as many as there is room for, and told apart by their texts."""

import pytest

from micrometric.pictures import Axis
from micrometric.ticks import ticks


@pytest.mark.parametrize(
    ("axis", "low", "high", "most", "texts"),
    [
        (Axis("y"), 0, 1, 6, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (Axis("y"), 0, 1, 5, ["0.00", "0.25", "0.50", "0.75", "1.00"]),
        (Axis("y"), -3, 8, 4, ["0", "5"]),
        (Axis("y", whole=True), 0, 2, 6, ["0", "1", "2"]),
        (Axis("y", whole=True), 0, 7, 3, ["0", "5"]),
        (Axis("y"), 0, 4e-7, 5, ["0", "1e-7", "2e-7", "3e-7", "4e-7"]),
        (Axis("y"), 0, 3e9, 4, ["0", "1e9", "2e9", "3e9"]),
        (Axis("y"), 1e6, 1e6 + 4, 5, ["1e6", "1.000001e6", "1.000002e6", "1.000003e6",
                                     "1.000004e6"]),
        (Axis("y", "log"), 1e-3, 1e3, 4, ["0.001", "0.1", "10", "1000"]),
        (Axis("y", "log"), 1e-9, 1e9, 3, ["1e-09", "0.01", "100000"]),
        (Axis("y", "log"), 1, 40, 9, ["1", "2", "5", "10", "20"]),
        (Axis("y", "log"), 2, 4, 3, ["2", "3", "4"]),
        (Axis("y", names=("a", "b", "c")), -0.5, 2.5, 2, ["a", "c"]),
        (Axis("t", "time"), 0, 0.2, 3, ["00:00:00.000", "00:00:00.100", "00:00:00.200"]),
        (Axis("t", "time"), 0, 60, 5, ["00:00:00", "00:00:15", "00:00:30", "00:00:45",
                                      "00:01:00"]),
        (Axis("t", "time"), 0, 7200, 3, ["00:00", "01:00", "02:00"]),
        (Axis("t", "time"), 0, 864000, 3, ["1970-01-01", "1970-01-08"]),
    ],
)  # fmt: skip
def test_ticks_are_round(axis: Axis, low: float, high: float, most: int, texts: list[str]) -> None:
    found = ticks(axis, low, high, most)

    assert [text for _, text in found] == texts
    assert all(low <= place <= high for place, _ in found)
    assert [place for place, _ in found] == sorted(place for place, _ in found)


@pytest.mark.parametrize(("low", "high"), [(-1e11, -6e10), (2.5e11, 3e11)])
def test_where_there_is_no_time_there_is_no_tick(low: float, high: float) -> None:
    texts = [text for _, text in ticks(Axis("t", "time"), low, high, 5)]

    assert texts
    assert all("0001" <= text[:4] <= "9999" for text in texts)
