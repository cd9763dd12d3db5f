"""The spec language, against a plain model of what its words say."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrometric import SpecError
from micrometric.spec import did_you_mean, hint, nearest, parse_spec

names = st.text("ab_1", min_size=1, max_size=4)
terms = st.builds(
    str.__add__,
    st.sampled_from(["", "", "!"]),
    names | st.text("ab_*?", min_size=1, max_size=4) | st.just("all"),
)


def model(wanted: list[str], identifier: str) -> bool:
    def named(term: str) -> bool:
        return term == "all" or fnmatchcase(identifier, term)

    chosen = [term for term in wanted if term[0] != "!"]
    excluded = [term[1:] for term in wanted if term[0] == "!"]
    return (
        bool(wanted) and (not chosen or any(map(named, chosen))) and not any(map(named, excluded))
    )


@given(st.lists(terms, max_size=5), names)
def test_a_spec_means_what_its_terms_say(wanted: list[str], identifier: str) -> None:
    assert parse_spec(wanted).matches(identifier) == model(wanted, identifier)


@given(st.lists(terms, max_size=5), st.sets(names, max_size=5), st.randoms())
def test_order_repetition_and_form_do_not_matter(wanted, identifiers, random) -> None:
    shuffled = [*wanted, *wanted]
    random.shuffle(shuffled)

    expected = {name for name in identifiers if model(wanted, name)}
    assert parse_spec(wanted).select(identifiers) == expected
    assert parse_spec(" , ".join(wanted)).select(identifiers) == expected
    assert parse_spec(shuffled).select(identifiers) == expected
    assert parse_spec(str(parse_spec(wanted))).select(identifiers) == expected


@pytest.mark.parametrize("nothing", [None, "", "  ", [], (), set()])
def test_nothing_enables_nothing(nothing) -> None:
    spec = parse_spec(nothing)

    assert spec.terms == ()
    assert not spec.matches("density")


@pytest.mark.parametrize(
    "form",
    ["density,attn_*", ["density", "attn_*"], ("density,attn_*",), {"density": 1, "attn_*": 2}],
    ids=["string", "list", "tuple-of-strings", "dict"],
)
def test_a_spec_may_be_a_string_or_any_iterable(form) -> None:
    assert parse_spec(form).select(["density", "attn_x", "other"]) == {"density", "attn_x"}


def test_a_spec_passes_through() -> None:
    spec = parse_spec("a")

    assert parse_spec(spec) is spec


def test_character_classes_match_in_globs() -> None:
    assert parse_spec("layer_[0-3],!layer_[!01]").select(f"layer_{n}" for n in range(6)) == {
        "layer_0",
        "layer_1",
    }


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,,b", 2, "expected a metric name at column 3 of 'a,,b', found nothing"),
        (",a", 0, "expected a metric name at column 1 of ',a', found nothing"),
        ("a,", 2, "expected a metric name at column 3 of 'a,', found nothing"),
        ("a, !", 3, "expected a metric name at column 4 of 'a, !', found '!' alone"),
        ("a,  ,b", 2, "expected a metric name at column 3 of 'a,  ,b', found nothing"),
        ("den sity", 3, "unexpected ' ' at column 4 of 'den sity'"),
        ("a,b$", 3, "unexpected '$' at column 4 of 'a,b$'"),
        ("a, bc ,d$", 8, "unexpected '$' at column 9 of 'a, bc ,d$'"),
        ("a,attn_[0", 7, "unexpected '[' at column 8 of 'a,attn_[0'"),
        ("!!a", 1, "unexpected '!' at column 2 of '!!a'"),
    ],
)
def test_a_spec_that_cannot_be_read_says_where(text: str, column: int, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(text)

    assert str(caught.value).startswith(message)
    assert caught.value.column == column
    assert caught.value.text == text


def test_what_no_name_holds_is_answered_with_what_a_term_is_made_of() -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec("$")

    assert str(caught.value) == (
        "unexpected '$' at column 1 of '$', expected names of letters, digits and _ . / : - with "
        "* ? [ ] as wildcards and a leading ! to exclude"
    )


@pytest.mark.parametrize("wrong", [3, 1.5, b"density", None.__class__])
def test_another_type_is_refused(wrong) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(wrong)

    assert str(caught.value) == (
        "metrics_to_log must be 'all', a comma-separated string or an iterable of names, "
        f"not {wrong!r}"
    )


def test_an_iterable_of_other_things_is_refused() -> None:
    with pytest.raises(SpecError, match="must hold strings, found 3 at index 1"):
        parse_spec(["a", 3])


def test_terms_that_match_nothing_are_named() -> None:
    spec = parse_spec("density,densty,attn_*,!recal,!debug_*,all")

    assert spec.unmatched(["density", "recall"]) == ("densty", "attn_*", "!recal")


def test_terms_that_match_something_are_not_named() -> None:
    assert parse_spec("density,!recall").unmatched(["density", "recall"]) == ()


@pytest.mark.parametrize("term", ["all", "!all"])
def test_all_is_right_where_there_are_no_metrics(term) -> None:
    assert parse_spec(term).unmatched([]) == ()


def test_nearest_names_come_likeliest_first() -> None:
    known = ["density", "dense", "accuracy", "Recall"]

    assert nearest("densty", known)[0] == "density"
    assert nearest("RECAL", known) == ["Recall"]
    assert nearest("zzz", known) == []


def test_only_so_many_names_are_near() -> None:
    known = ["loss_a", "loss_b", "loss_c", "loss_d"]

    assert len(nearest("loss", known)) == 3


@pytest.mark.parametrize(
    ("name", "known", "end"),
    [
        ("loss", ["zebra", "lose", "loss_b"], "; did you mean 'loss_b' or 'lose'?"),
        ("zzz", ["b", "a"], "; there are 'a', 'b'"),
        ("zzz", "abcde", "; there are 'a', 'b', 'c', 'd', 'e'"),
        ("zzz", "abcdefg", "; there are 'a', 'b', 'c', 'd', 'e' and 2 more"),
        ("zzz", [], ""),
    ],
    ids=["near", "few", "five", "many", "none"],
)
def test_a_hint_says_what_a_name_may_have_meant_or_what_there_is(name, known, end) -> None:
    assert hint(name, known) == end
    assert did_you_mean(name, known) == (end if "did you mean" in end else "")
