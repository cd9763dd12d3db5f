import json
from datetime import UTC, datetime
from math import inf

from micrometric_cli.render.formats import json_line, to_csv, to_json, to_latex, to_markdown
from micrometric_cli.render.table import Column, Table
from tests.cli.conftest import block

MOMENT = datetime(2026, 11, 23, 8, 0, 0, 123456, tzinfo=UTC)
COLUMNS = [Column("na|me_1"), Column("figure", "figure"), Column("seen"), Column("dull", "count")]
ROWS = [
    {"na|me_1": "a<b>|*_{}\\\n", "figure": inf, "seen": MOMENT, "dull": 0},
    {"na|me_1": ["x", 1], "figure": 1 / 3, "seen": None, "dull": True},
]
TABLE = Table(COLUMNS, ROWS, dull=frozenset({"dull"}))


def test_json_is_strict_and_in_full():
    first, second = map(json.loads, to_json(TABLE).splitlines())

    assert first == {
        "na|me_1": "a<b>|*_{}\\\n",
        "figure": "Infinity",
        "seen": "2026-11-23T08:00:00.123456Z",
        "dull": 0,
    }
    assert second == {"na|me_1": ["x", 1], "figure": 1 / 3, "seen": None, "dull": True}


def test_json_escapes_only_what_is_not_printable():
    assert json_line({"a": "ä"}) == '{"a": "ä"}\n'
    assert json_line({"a": "\x9b"}) == '{"a": "\\u009b"}\n'


def test_csv_is_in_full():
    assert to_csv(Table(COLUMNS, ROWS[1:])) == block(
        """
        na|me_1,figure,seen,dull
        "[""x"", 1]",0.3333333333333333,,true
        """
    )


def test_markdown_escapes_its_own_signs_and_leaves_out_the_dull():
    assert to_markdown(TABLE) == block(
        r"""
        | na\|me_1 | figure | seen |
        | --- | ---: | --- |
        | a&lt;b>\|\*_{}\\\\n | inf | 2026-11-23 08:00:00.123Z |
        | x, 1 | 0.3333 | - |
        """
    )


def test_latex_escapes_its_own_signs_and_leaves_out_the_dull():
    assert to_latex(TABLE) == block(
        r"""
        \begin{tabular}{lrl}
        \toprule
        na\textbar{}me\_1 & figure & seen \\
        \midrule
        a\textless{}b\textgreater{}\textbar{}*\_\{\}\textbackslash{}\textbackslash{}n & inf & 2026-11-23 08:00:00.123Z \\
        x, 1 & 0.3333 & -- \\
        \bottomrule
        \end{tabular}
        """  # noqa: E501
    )


CAPTIONED = Table(
    [Column("metric", "name"), Column("Δ 8", "figure")],
    [
        {"metric": "a_b", "Δ 8": -0.25},
        {"metric": "a_b", "Δ 8": None},
        {"metric": "c", "Δ 8": -1.5e-07},
    ],
    scale="metric",
    section="metric",
    caption=("a_b in s", "2 intervals at 95%"),
)


def test_a_paper_gets_a_table_with_a_caption_and_true_signs():
    assert to_latex(CAPTIONED) == block(
        r"""
        \begin{table}
        \centering
        \caption{a\_b in s; 2 intervals at 95\%.}
        \begin{tabular}{lr}
        \toprule
        metric & $\Delta$ 8 \\
        \midrule
        a\_b & $-$0.2500 \\
        a\_b & -- \\
        \midrule
        c & $-$1.50$\times10^{-7}$ \\
        \bottomrule
        \end{tabular}
        \end{table}
        """
    )


def test_a_pull_request_reads_the_caption_below():
    assert to_markdown(CAPTIONED).splitlines()[-2:] == ["", "a_b in s; 2 intervals at 95%."]
