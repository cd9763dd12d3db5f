"""Tables for programs and documents: json and csv in full, md and latex with a few digits."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from micrometric_cli.render.table import Column, Table, cells_of, section_starts, telling
from micrometric_cli.render.text import is_printable, printable

_LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
        "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
        # Our own headings and names that were shortened: without packages, LaTeX has no such signs.
        "Δ": r"$\Delta$", "±": r"$\pm$", "≈": r"$\approx$", "…": r"\dots{}",
    }
)  # fmt: skip
_NUMBER = re.compile(r"(?P<sign>-?)(?P<digits>\d+(?:\.\d+)?)(?:e(?P<power>[+-]\d+))?")
_MARKDOWN = str.maketrans({"&": "&amp;", "<": "&lt;"} | {sign: f"\\{sign}" for sign in "\\|`*[]"})


def to_json(table: Table) -> str:
    """Return one JSON object a line, with full precision."""
    rows = ({column.name: row.get(column.name) for column in table.columns} for row in table.rows)
    return "".join(json_line({name: plain(value) for name, value in row.items()}) for row in rows)


def json_line(document: dict[str, Any]) -> str:
    """Return an object as a line of JSON, in which signs that are not printable are escaped."""
    line = json.dumps(document, ensure_ascii=False)
    return (line if is_printable(line) else json.dumps(document)) + "\n"


def to_csv(table: Table, *, safe: bool = False) -> str:
    """Return comma-separated values with a heading, with full precision; None is empty."""
    rows = [[row.get(column.name) for column in table.columns] for row in table.rows]
    return csv_lines([[column.name for column in table.columns], *rows], safe=safe)


def csv_lines(rows: Iterable[Iterable[Any]], *, safe: bool) -> str:
    """Return rows as comma-separated values; see `micrometric.flat.csv_cell`.

    Args:
        rows: the values.
        safe: whether to escape what would command a terminal.
    """
    from micrometric.flat import csv_writer

    text = io.StringIO()
    cells = ((_csv_cell(value, safe) for value in row) for row in rows)
    csv_writer(text).writerows(cells)
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Return a Markdown table, with its caption as a paragraph below."""
    heading, *rows = _grid(table, _markdown_text)
    rules = ["---:" if column.right else "---" for column in telling(table)]
    lines = [f"| {' | '.join(line)} |" for line in [heading, rules, *rows]]
    if table.caption:
        lines += ["", _markdown_text(_paragraph(table.caption))]
    return "".join(f"{line}\n" for line in lines)


def to_latex(table: Table) -> str:
    """Return a LaTeX tabular that uses the rules of the booktabs package.

    Where it has a caption, it is a whole table, with a rule between sections.
    """
    heading, *rows = (" & ".join(line) + r" \\" for line in _grid(table, _latex_text))
    alignment = "".join("r" if column.right else "l" for column in telling(table))
    starts = section_starts(table) if table.caption else set()
    if len(starts) == len(rows):
        starts = set()
    ruled = [
        line
        for number, row in enumerate(rows)
        for line in ([r"\midrule"] * (number in starts and number > 0) + [row])
    ]
    lines = [
        rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", heading, r"\midrule",
        *ruled, r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    if table.caption:
        caption = rf"\caption{{{_latex_text(_paragraph(table.caption))}}}"
        lines = [r"\begin{table}", r"\centering", caption, *lines, r"\end{table}"]
    return "".join(f"{line}\n" for line in lines)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        from micrometric.event import non_finite_name

        return non_finite_name(value)
    return value


def _grid(table: Table, escape: Callable[[str], str]) -> list[list[str]]:
    """Return heading and rows of the columns that have something to say."""
    cells = cells_of(table)

    def column_cells(column: Column) -> list[str]:
        return [escape(cell) for cell in [printable(column.title), *cells[column.name]]]

    return [list(line) for line in zip(*map(column_cells, telling(table)), strict=True)]


def _markdown_text(text: str) -> str:
    return text.translate(_MARKDOWN)


def _latex_text(text: str) -> str:
    """Return a text as LaTeX has it: numbers with a true minus, and powers of ten."""
    if number := _NUMBER.fullmatch(text):
        sign = "$-$" if number["sign"] else ""
        power = rf"$\times10^{{{int(number['power'])}}}$" if number["power"] else ""
        return f"{sign}{number['digits']}{power}"
    return "--" if text == "-" else text.translate(_LATEX)


def _paragraph(sentences: Iterable[str]) -> str:
    """Return sentences as one; they begin with names, which have no capitals."""
    return f"{'; '.join(sentences)}."


def _csv_cell(value: Any, safe: bool) -> Any:
    from micrometric.flat import csv_cell

    value = csv_cell(plain(value))
    return printable(value) if safe and isinstance(value, str) else value
