import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric_cli.render.text import is_printable, printable, shortened, width_of

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
        ("den\u3164sity", r"den\u3164sity"),
        ("\u115f\u1160\uffa0\u2800\u034f", r"\u115f\u1160\uffa0\u2800\u034f"),
        ("a\ufe0f\U000e0100", r"a\ufe0f\U000e0100"),
        ("\u17b4\u17b5\u180b\u180f", r"\u17b4\u17b5\u180b\u180f"),
        ("e" + "\u0301" * 6, "e" + "\u0301" * 4 + r"\u0301\u0301"),
        ("e\u20dd" + "\u0301" * 4 + "e\u0301", "e\u20dd" + "\u0301" * 3 + r"\u0301" + "e\u0301"),
    ],
)
def test_what_commands_a_terminal_is_written_as_an_escape(text, safe):
    assert printable(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "größer ≥ 3 µs — “so”",
        "Việt Nam e\u0302\u0301",
        "हिन्दी ภาษาไทย தமிழ் မြန်မာ ខ្មែរ",
        "שָׁלוֹם العَرَبِيَّة",
        "漢字 かな カナ 한국어",
        "ཨོཾ་མ་ཎི་པདྨེ་ཧཱུྃ",
        "→ √2 · ∑ 😀",
        "⠓⠊",
    ],
)
def test_texts_of_all_languages_stay(text):
    assert printable(text) == text
    assert is_printable(text)


@given(st.text())
def test_nothing_that_is_not_printable_is_left(text):
    shown = printable(text)

    assert shown.isprintable()
    assert printable(shown) == shown
    assert is_printable(text) == (shown == text)


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
