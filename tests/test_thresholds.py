"""Limits: what can be read, what each means, and that nothing is evaluated."""

import math

import pytest

from micrometric import FilterError
from micrometric.thresholds import Limit, check, figures_for


def row(**figures):
    return {"non_finite": 0, "count": 5} | figures


@pytest.mark.parametrize(
    ("text", "metric", "figure", "uses_base"),
    [
        ("output_error.mean > 0.5", "output_error", "mean", False),
        ("a.b.c.p99.9<=3", "a.b.c", "p99.9", False),
        (" *_error.max >= 2 * (base - -.1) ", "*_error", "max", True),
        ("x.non_finite != 0", "x", "non_finite", False),
        ("é.median<1e3", "é", "median", False),
    ],
)
def test_a_limit_names_metric_and_figure(text, metric, figure, uses_base):
    limit = Limit.read(text)

    assert (limit.metric, limit.figure, limit.uses_base) == (metric, figure, uses_base)
    assert limit.text == text.strip()


@pytest.mark.parametrize(
    ("expression", "bound"),
    [
        ("1.05 * base + 1e-3", 2.101),
        ("base / 4 - 1", -0.5),
        ("-(base)", -2.0),
        ("+3", 3.0),
        ("2 - base - 1", -1.0),
        ("2 + base * 3", 8.0),
    ],
)
def test_bounds_are_arithmetic(expression, bound):
    limit = Limit.read(f"m.mean > {expression}")

    assert limit.broken_by(row(mean=bound), row(mean=2.0)) is None
    told = limit.broken_by(row(mean=bound + 1), row(mean=2.0))
    assert told == f"{bound + 1:.6g} > {bound:.6g}, by 1"


@pytest.mark.parametrize(
    ("operator", "figure", "broken"),
    [
        (">", 1, False), (">", 2, True), (">=", 1, True), ("<", 1, False), ("<", 0, True),
        ("<=", 1, True), ("==", 1, True), ("!=", 1, False), ("!=", 2, True),
    ],
)  # fmt: skip
def test_each_operator_means_what_it_says(operator, figure, broken):
    assert (
        Limit.read(f"m.max {operator} 1").broken_by(row(max=figure), None) is not None
    ) == broken


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("m.mean", 0, "has no form METRIC.FIGURE OPERATOR EXPRESSION"),
        ("", 0, "has no form"),
        ("m.mean > " + "1 + " * 300 + "1", 0, "has no form"),
        ("m.maen > 1", 2, "names no figure; did you mean 'mean'"),
        ("m.p101 > 1", 2, "names no figure"),
        ("m.mean >", 8, "has nothing to compare with"),
        ("m.mean > 3 +", 12, "cannot be read"),
        ("m.mean > (base", 9, "cannot be read"),
        ("m.mean > foo", 9, "names 'foo', but only 'base' is known there"),
        ("é.mean > é", 9, "names 'é'"),
        ("m.mean > 2 ** 9", 9, "holds more than numbers, base"),
        ("m.mean > 1 + __import__('os')", 13, "holds more than"),
        ("m.mean > base.real", 9, "holds more than"),
        ("m.mean > [1]", 9, "holds more than"),
        ("m.mean > 'a'", 9, "holds more than"),
        ("m.mean > True", 9, "holds more than"),
        ("m.mean > 1 < 2", 9, "holds more than"),
        ("m.mean > 1e999", 9, "holds a number beyond a double"),
        ("m.mean > " + "-" * 60 + "1", 60, "is nested too deeply"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(text, column, said):
    with pytest.raises(FilterError) as caught:
        Limit.read(text)

    assert said in str(caught.value)
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("figures", "base", "said"),
    [
        (row(mean=1.0, non_finite=2), None, "holds 2 values that are not finite"),
        (row(mean=1.0), row(mean=1.0, non_finite=3), "its base holds 3 values that are not finite"),
        (row(mean=None), row(mean=1.0), "has no such figure"),
        (row(mean=1.0), None, "has no base to compare with"),
        (row(mean=1.0), row(mean=None), "has no base to compare with"),
        (row(mean=1.0), row(mean=0.0), "its bound cannot be computed from base 0"),
    ],
)
def test_what_cannot_be_checked_is_broken(figures, base, said):
    assert Limit.read("m.mean < 1 / base").broken_by(figures, base) == said


@pytest.mark.parametrize("bound", ["1/0", "1/(2 - 2)", "1e300 * 1e300", "1e300 * 1e300 * 0"])
def test_a_bound_that_cannot_be_computed_is_broken(bound):
    limit = Limit.read(f"m.mean > {bound}")

    assert limit.broken_by(row(mean=1.0), None) == "its bound cannot be computed"


def test_groups_are_held_against_the_limits_of_their_metric():
    limits = [Limit.read("err*.mean > base"), Limit.read("other.max > 1")]
    before, after = row(mean=1.0), row(mean=2.0)

    checked = check(
        limits,
        [
            ({"layer": 0}, "error", after, before),
            ({"layer": 1}, "error", before, before),
            ({"layer": 2}, "error", None, before),
            ({"layer": 3}, "recall", row(mean=math.nan), before),
        ],
    )

    assert checked.groups == 4
    assert [str(failure) for failure in checked.failures] == [
        "error.mean at layer=0: 2 > 1, by 1 (err*.mean > base)",
        "error.mean at layer=2: is missing (err*.mean > base)",
        "other.max: there is no such metric (other.max > 1)",
    ]


def test_limits_need_their_figures_and_whether_all_are_finite():
    assert figures_for([Limit.read("m.p95 > 1")]) == ["p95", "count", "non_finite"]
    assert figures_for([]) == []
