import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric_cli.render.text import printable, shortened, width_of

names = st.sets(st.text("ab.é漢", min_size=1, max_size=30), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain täxt", "plain täxt"),
        ("[red]kept[/red]", "[red]kept[/red]"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b", r"\x9b"),
        ("\u202eevil", r"\u202eevil"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_commands_a_terminal_is_written_as_an_escape(text, safe):
    assert printable(text) == safe


@given(st.text())
def test_nothing_that_is_not_printable_is_left(text):
    assert printable(text).isprintable()


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("é", 1), ("", 0)]
)
def test_width_is_that_on_a_terminal(text, width):
    assert width_of(text) == width


def test_the_middle_gives_way():
    text = "package.module.Class.method"

    assert shortened([text], 16) == {text: "packa…ass.method"}


def test_what_fits_stays():
    assert shortened(["a.b", "c"], 3) == {"a.b": "a.b", "c": "c"}


def test_two_that_would_look_the_same_stay_longer():
    one, two = "pkg.model.First.forward", "pkg.model.Other.forward"

    short = shortened([one, two], 12)

    assert short == {one: "pkg.…t.forward", two: "pkg.…r.forward"}


@given(names, st.integers(4, 40))
def test_short_forms_are_never_ambiguous(texts, width):
    short = shortened(texts, width)

    assert len(set(short.values())) == len(texts)


@given(st.text("ab.é漢", max_size=60), st.integers(4, 40))
def test_one_text_is_never_wider_than_asked(text, width):
    assert width_of(shortened([text], width)[text]) <= width
