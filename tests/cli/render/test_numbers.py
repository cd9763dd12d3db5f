import doctest
from math import inf, nan

import pytest

from micrometric_cli.render import numbers
from micrometric_cli.render.numbers import aligned, decimals_for, format_number


def shown(values, digits=4):
    decimals = decimals_for([value for value in values if value is not None], digits)
    return [format_number(value, decimals, digits) for value in values]


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([0.4375, 1.0, 1.44e-07], ["0.4375", "1.0000", "1.44e-07"]),
        ([1, 20, 300], ["1", "20", "300"]),
        ([12345.678, 0.5], ["12345.68", "0.50"]),
        ([123.456, 1.0], ["123.46", "1.00"]),
        ([0.00112, 0.000376], ["0.001120", "0.000376"]),
        ([1.5, 0.0012], ["1.5000", "0.0012"]),
        ([1.5, 0.00012], ["1.50000", "0.00012"]),
        ([1.5e-10, 0.0, 2.5e-12], ["1.50e-10", "0", "2.50e-12"]),
        ([2.5e9, 1e300, 7], ["2.50e+09", "1.00e+300", "7"]),
        ([-0.5, -2.25], ["-0.5000", "-2.2500"]),
        ([nan, inf, -inf, 0.5, None], ["NaN", "inf", "-inf", "0.5000", "-"]),
        ([nan], ["NaN"]),
        ([None], ["-"]),
        ([0.0, 0.0], ["0", "0"]),
    ],
    ids=str,
)
def test_numbers_of_a_set_share_their_decimals(values, cells):
    assert shown(values) == cells


@pytest.mark.parametrize(("digits", "cell"), [(2, "0.33"), (3, "0.333"), (8, "0.33333333")])
def test_digits_are_those_of_the_largest(digits, cell):
    assert shown([1 / 3], digits) == [cell]


def test_points_stand_under_points_and_exponents_to_the_right():
    assert aligned(["12346", "0.25", "1.44e-07", "-", "1.0"]) == [
        "12346   ",
        "0.25",
        "1.44e-07",
        "-",
        "1.0 ",
    ]


def test_nothing_is_aligned_to_nothing():
    assert aligned([]) == []
    assert aligned(["-", "NaN"]) == ["-", "NaN"]


def test_examples():
    assert doctest.testmod(numbers).failed == 0
