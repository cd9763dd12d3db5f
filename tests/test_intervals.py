"""Intervals: by hand, by what they promise, and where there is none."""

import math
import random
import statistics

import pytest

from micrometric.intervals import Interval, between, of_pairs, simultaneous


def test_welchs_interval_is_that_of_the_textbook():
    base, other = [4.0, 6.0, 5.0, 5.5], [7.0, 9.0, 8.0]

    found = between(base, other, 0.95, "welch")

    variances = [statistics.variance(v) / len(v) for v in (base, other)]
    error = math.sqrt(sum(variances))
    freedom = sum(variances) ** 2 / sum(
        v**2 / (len(values) - 1) for v, values in zip(variances, (base, other), strict=True)
    )
    assert freedom == pytest.approx(3.990, abs=1e-3)
    assert found is not None
    middle, half = (found.low + found.high) / 2, (found.high - found.low) / 2
    assert middle == pytest.approx(8 - 5.125)
    # The quantile of t with 3.990 degrees of freedom lies just above that of 4.
    assert half / error == pytest.approx(2.776, abs=0.01)


def test_the_interval_of_pairs_is_that_of_one_sample():
    found = of_pairs([1.0, 2.0, 3.0, 4.0], 0.95, "welch")

    half = 3.182446 * statistics.stdev([1, 2, 3, 4]) / 2
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(2.5 - half), pytest.approx(2.5 + half))


@pytest.mark.parametrize("method", ["welch", "bootstrap"])
def test_an_interval_covers_the_difference_as_often_as_it_says(method):
    chance = random.Random(1)
    trials = 400 if method == "welch" else 60
    covered = 0
    for _ in range(trials):
        base = [chance.gauss(0, 1) for _ in range(20)]
        other = [chance.gauss(1, 3) for _ in range(40)]
        found = between(base, other, 0.9, method)
        assert found is not None
        covered += found.low <= 1 <= found.high

    # Three standard errors of a share of 0.9 among so many.
    assert abs(covered / trials - 0.9) < 3 * math.sqrt(0.09 / trials)


@pytest.mark.parametrize("method", ["welch", "bootstrap"])
def test_the_same_data_gives_the_same_interval(method):
    data = [1.0, 4.0, 2.0], [5.0, 9.0, 6.0]

    assert between(*data, 0.95, method) == between(*data, 0.95, method)
    assert of_pairs(data[1], 0.95, method) == of_pairs(data[1], 0.95, method)


def test_one_value_has_no_interval():
    assert between([1.0], [1.0, 2.0], 0.95, "welch") is None
    assert of_pairs([1.0], 0.95, "bootstrap") is None


def test_values_that_are_all_equal_leave_no_doubt():
    assert between([1.0, 1.0], [3.0, 3.0], 0.95, "welch") == Interval(2.0, 2.0)
    assert of_pairs([0.5, 0.5], 0.95, "welch") == Interval(0.5, 0.5)


@pytest.mark.parametrize(
    ("low", "high", "excludes"), [(0.1, 0.2, True), (-2, -1, True), (-1, 1, False), (0, 1, False)]
)
def test_an_effect_is_what_leaves_zero_out(low, high, excludes):
    assert Interval(low, high).excludes_zero == excludes


def test_several_intervals_share_the_doubt():
    assert simultaneous(0.95, 1) == pytest.approx(0.95)
    assert simultaneous(0.95, 10) == pytest.approx(0.995)
    assert simultaneous(0.95, 0) == pytest.approx(0.95)


@pytest.mark.parametrize("method", ["welch", "bootstrap"])
def test_values_that_differ_by_rounding_are_the_same(method):
    """Of such scipy would warn that its result is not reliable."""
    nearly = [-2 / 3, -2 / 3 + 2e-16, -2 / 3, -2 / 3 - 1e-16]

    pairs = of_pairs(nearly, 0.95, method)
    apart = between([value - 1 for value in nearly], nearly, 0.95, method)

    assert pairs == Interval(-2 / 3, -2 / 3)
    assert apart is not None
    assert (apart.low, apart.high) == (pytest.approx(1), pytest.approx(1))
