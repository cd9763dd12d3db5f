"""The language of conditions: what it reads, what it refuses and where, what it means."""

import pytest

from micrometric import FilterError
from micrometric.conditions import (
    Both,
    Comparison,
    IsNull,
    Literal_,
    Name,
    Not,
    Truth,
    holds,
    names_in,
)
from micrometric.where import DEPTH_LIMIT, LENGTH_LIMIT, parse_where

EVENT = {
    "layer": 3,
    "flag": True,
    "off": False,
    "name": "a",
    "empty": "",
    "digit": "3",
    "nan": float("nan"),
    "huge": 10**400,
    "list": [1],
    "metadata.odd-key": 1,
    "a.b": 2,
    "null": None,
    "zero": 0,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer == 3", True),
        ("layer == 3.0", True),
        ("layer != 3", False),
        ("3 == layer", True),
        ("layer > 2 and layer < 4", True),
        ("2 < layer < 4", True),
        ("2 < layer < 3", False),
        ("layer == '3'", False),
        ("layer != '3'", True),
        ("layer < 'x'", False),
        ("digit == '3'", True),
        ("digit == 3", False),
        ("name == 'a' or layer == 9", True),
        ("not name == 'a'", False),
        ("name > 'A'", True),
        ("flag == true", True),
        ("flag == 1", True),
        ("flag", True),
        ("off", False),
        ("zero", False),
        ("name", True),
        ("empty", False),
        ("missing", False),
        ("list", False),
        ("layer in (1, 2, 3)", True),
        ("layer in [1]", False),
        ("layer in {3, 'x'}", True),
        ("layer not in (1, 2)", True),
        ("missing not in (1, 2)", False),
        ("layer in ()", False),
        ("missing in (None, 1)", True),
        ("missing == 1", False),
        ("missing != 1", False),
        ("not missing == 1", True),
        ("missing is None", True),
        ("missing is not None", False),
        ("missing != None", False),
        ("missing == null", True),
        ("layer is not None", True),
        ("layer != None", True),
        ("None == layer", False),
        ("nan == 3", False),
        ("nan != 3", True),
        ("nan > 3", False),
        ("huge > 1e308", True),
        ("list == 1", False),
        ("list != 1", True),
        ('metadata["odd-key"] == 1', True),
        ("a.b == 2", True),
        ("layer > -5", True),
        ("layer > -1", True),
        ("layer == +3", True),
        ("layer == zero", False),
        ("  layer == 3  ", True),
        ("(layer == 3)", True),
        ("layer == 0x3", True),
    ],
)
def test_what_a_condition_means(text: str, expected: bool) -> None:
    assert holds(parse_where(text), EVENT.get) is expected


def test_conditions_are_small_nodes() -> None:
    assert parse_where("a.b == 1 and not (c or d is None)") == Both(
        "and",
        (
            Comparison(Name("a.b"), "==", Literal_(1.0)),
            Not(Both("or", (Truth(Name("c")), IsNull(Name("d"))))),
        ),
    )


def test_what_is_not_in_a_list_is_there_and_equals_none_of_it() -> None:
    assert parse_where("a not in (1, None)") == Both(
        "and",
        (
            Not(IsNull(Name("a"))),
            Not(Both("or", (Comparison(Name("a"), "==", Literal_(1.0)), IsNull(Name("a"))))),
        ),
    )


def test_the_names_of_a_condition_are_told_once() -> None:
    condition = parse_where("a == b and not (a > 1 or c) and d is None and 1 < e.f")

    assert names_in(condition) == ["a", "b", "c", "d", "e.f"]


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("layer = 3", 6, "cannot be read ("),
        ("layer ==", 8, "cannot be read (invalid syntax)"),
        ("layer == 3 &&", 12, "cannot be read (invalid syntax)"),
        ("  layer == ", 10, "cannot be read (invalid syntax)"),
        ("__import__('os')", 0, "holds something that is neither key nor value"),
        ("a.b().c == 1", 0, "holds something that is neither key nor value"),
        ("a[0] == 1", 0, "holds something that is neither key nor value"),
        ("(a if b else c) == 1", 1, "holds something that is neither key nor value"),
        ("a == -b", 5, "holds something that is neither key nor value"),
        ("a == (1 + 1)", 6, "holds something that is neither key nor value"),
        ("a == f'{b}'", 5, "holds something that is neither key nor value"),
        ("a == b'x'", 5, "holds something that is neither key nor value"),
        ("a == 1j", 5, "holds something that is neither key nor value"),
        ("a == -'x'", 5, "holds something that is neither key nor value"),
        ("lambda: 1", 0, "holds something that is neither key nor value"),
        ("a is 3", 5, "has 'is' before something else than None"),
        ("1 == 1", 0, "compares two values and no key"),
        ("1", 0, "has a value where a condition belongs"),
        ("a and 'x'", 6, "has a value where a condition belongs"),
        ("1 in (1, 2)", 0, "has a value where a key belongs"),
        ("a in b", 5, "has 'in' before something else than a list"),
        ("a < None", 0, "asks for an order with None"),
        ("  a < None", 2, "asks for an order with None"),
        ("  ü<1<None", 4, "compares two values and no key"),
        ("a == 1" + "0" * 400, 5, "holds a number beyond a double"),
        ("a == -1" + "0" * 400, 5, "holds a number beyond a double"),
        ("ü == 'ä' and b < None", 13, "asks for an order with None"),
        ("(a ==\n 1) and (b <\n None)", 15, "asks for an order with None"),
        ("(a\n ==\n 1) and (b <\n None)", 16, "asks for an order with None"),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_column(text: str, column: int, what: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_where(text)

    message = str(caught.value)
    assert message.startswith(f"--where {what}")
    assert message.endswith(
        f" at column {column + 1}: {text!r}; expected conditions such as "
        "layer_idx == 3 and value > 0.1"
    )
    assert (caught.value.text, caught.value.column) == (text, column)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "--where is empty, expected such as 'layer_idx == 3'"),
        ("   ", "--where is empty, expected such as 'layer_idx == 3'"),
        # How Python says so is another thing in each version.
        ("a == 1\0", "--where cannot be read"),
        ("(" * 3000 + "a" + ")" * 3000, "--where cannot be read"),
        ("-" * 9000 + "a", "--where cannot be read"),
        ("a" * (LENGTH_LIMIT + 1), "--where is 10001 characters long, expected up to 10000"),
    ],
    ids=["empty", "blank", "nul", "brackets", "signs", "long"],
)
def test_what_is_too_much_is_refused(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_where(text)

    assert str(caught.value).startswith(message)


def test_an_empty_condition_is_an_error_in_a_text() -> None:
    with pytest.raises(FilterError) as caught:
        parse_where(" ")

    assert caught.value.text == " "


def test_a_condition_may_be_as_long_as_the_limit() -> None:
    assert parse_where("a" * LENGTH_LIMIT) == Truth(Name("a" * LENGTH_LIMIT))


@pytest.mark.parametrize(
    "deep",
    [lambda depth: "not " * depth + "a", lambda depth: "(a and " * depth + "a" + ")" * depth],
    ids=["not", "and"],
)
def test_conditions_are_nested_up_to_the_limit(deep) -> None:
    parse_where(deep(DEPTH_LIMIT))

    with pytest.raises(FilterError, match="--where is nested too deeply at column"):
        parse_where(deep(DEPTH_LIMIT + 1))
