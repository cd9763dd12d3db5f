"""Tables at a width: what fits, what goes, what is shortened."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from micrometric_cli.render.draw import draw, fit
from micrometric_cli.render.table import Column, Table, text_of
from micrometric_cli.render.text import width_of
from tests.cli.conftest import block

LONG = "pkg.module.submodule.LongClass.method_"


def table(**changes):
    columns = [
        Column("name", "name"),
        Column("where", "name"),
        Column("n", "count", keep=2),
        Column("mean", "figure", keep=3),
        Column("wide", keep=1),
    ]
    rows = [
        {"name": "first", "where": LONG + "a", "n": 5, "mean": 0.25, "wide": "w" * 30},
        {"name": "first", "where": LONG + "b", "n": 50, "mean": None, "wide": None},
        {"name": "second", "where": "short", "n": 500, "mean": 12.0, "wide": [1, "x"]},
    ]
    return Table(columns, rows, **changes)


def lines(table, width, *, repeat=False):
    console = Console(file=StringIO(), width=1000, color_system=None)
    console.print(draw(fit(table, width), repeat=repeat))
    text = console.file.getvalue()
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_without_a_width_everything_is_shown_in_full():
    assert lines(table(scale="name"), None) == block(
        """
        name    where                                      n     mean  wide
        ─────────────────────────────────────────────────────────────────────────────────────────────
        first   pkg.module.submodule.LongClass.method_a    5   0.2500  wwwwwwwwwwwwwwwwwwwwwwwwwwwwww
        first   pkg.module.submodule.LongClass.method_b   50        -  -
        second  short                                    500       12  1, x
        """  # noqa: E501
    )


def test_the_least_kept_column_goes_first():
    fitted = fit(table(), 70)

    assert [column.name for column in fitted.columns] == ["name", "where", "n", "mean"]
    assert fitted.left_out == ["wide"]
    assert lines(table(), 70) == block(
        """
        name    where                                      n    mean
        ────────────────────────────────────────────────────────────
        first   pkg.module.submodule.LongClass.method_a    5   0.250
        first   pkg.module.submodule.LongClass.method_b   50       -
        second  short                                    500  12.000
        """
    )


def test_names_are_shortened_before_figures_go():
    assert lines(table(), 42) == block(
        """
        name    where                    n    mean
        ──────────────────────────────────────────
        first   pkg.mo…Class.method_a    5   0.250
        first   pkg.mo…Class.method_b   50       -
        second  short                  500  12.000
        """
    )


def test_a_column_goes_where_names_must_be_long_to_differ():
    names = [f"logs/run={n}/{'x' * 24}.jsonl" for n in (8, 32)]
    columns = [Column("file", "name"), Column("run", keep=1), Column("size", keep=2)]
    rows = [{"file": name, "run": "r" * 16, "size": "152.1 kB"} for name in names]

    fitted = fit(Table(columns, rows), 50)

    assert fitted.left_out == ["run"]
    assert len({*fitted.cells["file"]}) == 2
    assert max(map(len, lines(Table(columns, rows), 50).splitlines())) <= 50


def test_a_narrow_column_stays_where_only_a_wide_one_had_to_go():
    rows = [{"a": "x", "wide": "w" * 50, "thin": "t"}]
    columns = [Column("a"), Column("wide", keep=2), Column("thin", keep=1)]

    fitted = fit(Table(columns, rows), 20)

    assert [column.name for column in fitted.columns] == ["a", "thin"]
    assert fitted.left_out == ["wide"]


def test_columns_without_news_are_not_shown():
    assert "wide" not in lines(table(dull=frozenset({"wide"})), None)


def test_a_section_is_named_once_and_set_apart():
    assert lines(table(section="name", dull=frozenset({"wide"})), None) == block(
        """
        name    where                                      n    mean
        ────────────────────────────────────────────────────────────
        first   pkg.module.submodule.LongClass.method_a    5   0.250
                pkg.module.submodule.LongClass.method_b   50       -

        second  short                                    500  12.000
        """
    )


def test_a_section_is_repeated_where_each_row_stands_alone():
    text = lines(table(section="name"), None, repeat=True)

    assert text.count("first") == 2


def test_markup_in_names_is_text():
    markup = Table([Column("[b]head[/b]")], [{"[b]head[/b]": "[red]cell[/red]\x1b"}])

    assert lines(markup, None).splitlines()[::2] == ["[b]head[/b]", r"[red]cell[/red]\x1b"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (True, "true"),
        ([], "-"),
        (["a", None, 3], "a, -, 3"),
        (datetime(2026, 11, 23, 8, tzinfo=UTC), "2026-11-23 08:00:00Z"),
        (datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC), "2026-11-23 08:00:00.123Z"),
        ("a\nb", r"a\nb"),
    ],
)
def test_values_as_text(value, text):
    assert text_of(value) == text


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.integers(30, 200),
    st.data(),
)
def test_a_table_is_never_wider_than_the_terminal_while_a_column_can_go(widths, width, data):
    kinds = [data.draw(st.sampled_from(["text", "name", "count"])) for _ in widths]
    columns = [Column(f"c{n}", kind, keep=n) for n, kind in enumerate(kinds)]
    rows = [{f"c{n}": "x" * size for n, size in enumerate(widths)}]

    fitted = fit(Table(columns, rows), width)

    shown = lines(Table(columns, rows), width).splitlines()
    assert max(map(width_of, shown)) <= width or len(fitted.columns) == 1
    assert len(fitted.left_out) + len(fitted.columns) == len(columns)
