"""Live tables at a width, and recent values as a line."""

import math

import pytest

from micrometric_cli.render.live import ASCII_LEVELS, fit_live, live_table, sparkline
from micrometric_cli.render.table import cells_of

ROW = {
    "metric": "density",
    "layer": 3,
    "count": 1200,
    "rate": 12.345,
    "last": 0.25,
    "mean": 0.5,
    "min": 0.125,
    "max": 1.0,
    "recent": [n / 16 for n in range(16)],
    "non_finite": 0,
    "non_numeric": 0,
}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([5], "▅"),
        ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"),
        ([-1e308, 1e308, 0], "▁█▅"),
        ([math.nan, 1, math.inf, 2], "!▁!█"),
        ([0, 5e-324], "▅▅"),
    ],
    ids=["none", "one", "rising", "widest", "not finite", "narrowest"],
)
def test_a_sign_stands_for_a_value(values, line):
    assert sparkline(values) == line


def test_without_blocks_there_are_plain_signs():
    assert sparkline([0, 7], ASCII_LEVELS) == "_@"


def test_all_is_shown_where_there_is_room():
    fitted = fit_live([ROW], ["layer"], digits=4, width=100)

    assert {name: cells[0] for name, cells in fitted.cells.items()} == {
        "metric": "density",
        "layer": "3",
        "count": "1200",
        "rate": "12.3",
        "last": "0.2500",
        "mean": "0.5000",
        "min": "0.1250",
        "max": "1.0000",
        "recent": sparkline(ROW["recent"]),
        "non_finite": "0",
        "non_numeric": "0",
    }
    assert [column.name for column in fitted.columns][-1] == "recent"


def test_fewer_recent_values_are_shown_before_a_column_goes():
    wide, narrow = (fit_live([ROW], ["layer"], digits=4, width=width) for width in (80, 70))

    assert (len(wide.cells["recent"][0]), wide.left_out) == (16, [])
    assert (len(narrow.cells["recent"][0]), narrow.left_out) == (8, [])
    assert fit_live([ROW], ["layer"], digits=4, width=54).left_out == ["min", "max"]


def test_what_is_no_number_has_columns_where_there_is_any():
    columns = fit_live([ROW | {"non_finite": 1}], [], digits=4, width=None).columns

    assert [column.name for column in columns][-2:] == ["recent", "non_finite"]


def test_for_programs_it_is_in_full_with_the_time():
    table = live_table([ROW | {"recent": [1.5, math.nan]}], ["layer"], "now")

    assert [column.name for column in table.columns] == ["time", *ROW]
    assert table.rows[0]["recent"] == [1.5, "NaN"]
    assert cells_of(table)["time"] == ["now"]
