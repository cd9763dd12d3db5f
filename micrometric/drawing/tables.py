"""Tables of a report as HTML, which a script beside makes sort and find rows."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from micrometric.event import format_timestamp
from micrometric.printable import printable

_BREAK = re.compile(r"(?<=\w)([._/])(?=\w)")
_LONG = 24
"""Letters of a name from which on it may be broken."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    name: str
    """Key of its values in a row, and its heading."""
    kind: Literal["text", "number", "time"] = "text"


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[dict[str, Any]],
    *,
    find: bool = False,
) -> str:
    """Return a table; columns without a value in any row are left out.

    Args:
        caption: what it holds.
        columns: in order.
        rows: values by column.
        find: whether rows can be looked for.
    """
    if not rows:
        return ""
    shown = [column for column in columns if any(row.get(column.name) is not None for row in rows)]
    heads = "".join(
        f'<th scope="col"{_class(column)}>{text_of(column.name)}</th>' for column in shown
    )
    lines = "".join(
        "<tr>" + "".join(_cell(column, row.get(column.name)) for column in shown) + "</tr>"
        for row in rows
    )
    mark = " data-find" if find else ""
    return (
        f'<div class="mm-scroll" tabindex="0" role="region" aria-label="{text_of(caption)}">'
        f'<table class="mm-table"{mark}><caption>{text_of(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _class(column: Column) -> str:
    return "" if column.kind == "text" else f' class="{column.kind[0]}"'


def _cell(column: Column, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = text_of(_shown(value))
        text = _breakable(text) if column.kind == "text" else text
        return f"<td{_class(column)}>{text}</td>"
    # Sorted by the number itself, not by the digits that are shown.
    exact = html.escape(repr(value))
    return f'<td{_class(column)} data-n="{exact}">{text_of(_shown(value))}</td>'


def _breakable(text: str) -> str:
    """Return escaped text that may be broken behind what parts names and paths."""
    return _BREAK.sub(r"\1<wbr>", text) if len(text) > _LONG else text


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return yes_or_no(value)
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case float():
            return f"{value:.5g}" if math.isfinite(value) else str(value)
        case datetime():
            return moment_text(value)
    return str(value)


def moment_text(moment: datetime) -> str:
    """Return a time as people read it."""
    return format_timestamp(moment).replace("T", " ")


def yes_or_no(value: bool) -> str:
    """Return a truth as a word."""
    return "yes" if value else "no"


def text_of(text: str) -> str:
    """Return a text from the logs as HTML, safe to show."""
    return html.escape(printable(text), quote=True)
