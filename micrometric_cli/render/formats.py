"""Tables for machines and documents: json and csv in full, md and latex with a few digits."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import datetime
from typing import Any

from micrometric_cli.render.table import Table, cells_of, telling

_LATEX = str.maketrans(
    {
        "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}",
    }
)  # fmt: skip


def to_json(table: Table) -> str:
    """Return one JSON object a line, with full precision."""
    return "".join(
        json.dumps({c.name: _plain(row.get(c.name)) for c in table.columns}, ensure_ascii=False)
        + "\n"
        for row in table.rows
    )


def to_csv(table: Table) -> str:
    """Return comma-separated values with a heading, with full precision; None is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow([_cell(row.get(column.name)) for column in table.columns])
    return text.getvalue()


def to_markdown(table: Table) -> str:
    """Return a Markdown table."""
    cells, columns = cells_of(table), telling(table)
    names = [column.name for column in columns]
    rules = ["---:" if column.kind in ("figure", "count") else "---" for column in columns]
    rows = [[_markdown(cells[name][i]) for name in names] for i in range(len(table.rows))]
    lines = [[_markdown(name) for name in names], rules, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def to_latex(table: Table) -> str:
    """Return a LaTeX tabular that uses the rules of the booktabs package."""
    cells, columns = cells_of(table), telling(table)
    names = [column.name for column in columns]
    alignment = "".join("r" if c.kind in ("figure", "count") else "l" for c in columns)
    rows = [
        " & ".join(cells[name][index].translate(_LATEX) for name in names) + r" \\"
        for index in range(len(table.rows))
    ]
    heading = " & ".join(name.translate(_LATEX) for name in names) + r" \\"
    lines = [
        rf"\begin{{tabular}}{{{alignment}}}", r"\toprule", heading, r"\midrule",
        *rows, r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, float) and not math.isfinite(value):
        from micrometric.event import non_finite_name

        return non_finite_name(value)
    return value


def _cell(value: Any) -> Any:
    plain = _plain(value)
    if isinstance(plain, list | dict):
        return json.dumps(plain, ensure_ascii=False)
    return str(plain).lower() if isinstance(plain, bool) else plain
