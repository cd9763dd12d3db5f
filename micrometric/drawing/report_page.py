"""A report as one page of HTML: facts, figures, pictures and defects, for eyes, keys and readers.

Every text from the logs is made printable and escaped. Without scripts all of it is there to be
read; with them tables sort and filter, and pictures zoom and tell what is under the pointer.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from micrometric._version import __version__
from micrometric.checking import Check
from micrometric.comparison import Comparison
from micrometric.defects import KINDS
from micrometric.drawing.page import asset, document, figure_of
from micrometric.event import format_timestamp
from micrometric.listing import Listed
from micrometric.printable import printable
from micrometric.reports import LogReport, SessionLine

_BREAK = re.compile(r"(?<=\w)([._/])(?=\w)")
_LONG = 24
"""Letters of a name from which on it may be broken."""
_SHOWN_DEFECTS = 50
_COUNTS = ("logged", "written", "pending", "sampled_out", "capped", "failed")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    is_number: bool = False


def report_page(report: LogReport) -> str:
    """Return a report as a page."""
    sections = [
        ("runs", "Runs", _runs(report)),
        ("sessions", "Sessions", _sessions(report.sessions)),
        ("metrics", "Metrics", _metrics(report.listing.metrics)),
        ("figures", "Figures", _figures(report)),
        ("comparison", "Comparison", _comparison(report.comparison)),
        ("pictures", "Pictures", "".join(_picture(one) for one in report.pictures)),
        ("defects", "Defects", _defects(report.check)),
        ("notes", "Notes", _list(report.notes)),
    ]
    there = [(name, title, content) for name, title, content in sections if content]
    links = "".join(f'<li><a href="#{name}">{title}</a></li>' for name, title, _ in there)
    body = "".join(
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{title}</h2>{content}</section>'
        for name, title, content in there
    )
    title = _text(report.title)
    return document(
        f"{report.title} - micrometric report",
        f"<style>{asset('plot.css')}{asset('report.css')}</style>"
        f'<div class="mm-report"><header><h1>{title}</h1>'
        f"<p>{_text(_made(report))}</p>"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f"<main>{body}</main></div>"
        f"<script>{asset('plot.js')}</script><script>{asset('report.js')}</script>",
    )


def _made(report: LogReport) -> str:
    check = report.check
    return (
        f"{check.events:,} events in {check.files:,} files of {len(_by_run(check)):,} runs; made "
        f"by micrometric {__version__} at {_moment(report.made)}"
    )


# Sections.


def _by_run(check: Check) -> dict[str, list[Any]]:
    runs: dict[str, list[Any]] = {}
    for one in check.scanned:
        runs.setdefault(one.segment.run, []).append(one)
    return runs


def _runs(report: LogReport) -> str:
    rows = []
    for run, scanned in _by_run(report.check).items():
        begins = [one.begin for one in scanned if one.begin is not None]
        ends = [one.end for one in scanned if one.end is not None]
        rows.append(
            {
                "run": run,
                "files": len(scanned),
                "events": sum(one.events for one in scanned),
                "begin": min(begins, default=None),
                "end": max(ends, default=None),
            }
        )
    columns = [_Column("run"), _Column("files", True), _Column("events", True),
               _Column("begin"), _Column("end")]  # fmt: skip
    return _table("Runs, their files, events and times", columns, rows)


def _sessions(sessions: Sequence[SessionLine]) -> str:
    rows = []
    for one in sessions:
        facts, account = one.manifest.session, one.manifest.accounting
        if facts is None:
            continue
        rows.append(
            {
                "session": facts.id,
                "state": one.state,
                "host": facts.host,
                "rank": facts.rank,
                "launch": facts.launch,
                "program": facts.program,
                "metrics_to_log": facts.spec,
                "start": facts.start.replace("T", " "),
                "end": facts.end and facts.end.replace("T", " "),
                **{name: getattr(account.total, name) if account else None for name in _COUNTS},
                "balances": None if account is None else _yes(account.total.balances),
            }
        )
    names = ["session", "state", "host", "rank", "launch", "program", "metrics_to_log", "start",
             "end"]  # fmt: skip
    columns = [*map(_Column, names), *(_Column(name, True) for name in _COUNTS)]
    columns.append(_Column("balances"))
    return _table("Sessions, and the account of their events", columns, rows)


def _metrics(listed: Iterable[Listed]) -> str:
    rows = []
    for one in listed:
        metric = one.metric
        rows.append(
            {
                "metric": one.identifier,
                "dtype": "unregistered" if metric is None else metric.dtype,
                "unit": None if metric is None else metric.unit,
                "dims": None if metric is None else ", ".join(metric.dims) or None,
                "enabled": None if one.enabled is None else _yes(one.enabled),
                "events": one.seen.events if one.seen else 0,
                "last seen": one.seen.last if one.seen else None,
                "registered at": None if metric is None else metric.place,
                "description": None if metric is None else metric.description,
            }
        )
    columns = [_Column("metric"), _Column("dtype"), _Column("unit"), _Column("dims"),
               _Column("enabled"), _Column("events", True), _Column("last seen"),
               _Column("registered at"), _Column("description")]  # fmt: skip
    return _table("Metrics, as registered and as seen", columns, rows)


def _figures(report: LogReport) -> str:
    summary = report.summary
    columns = [_Column("metric"), *map(_Column, summary.by)]
    # No news where there is none of what could not be counted in.
    dull = {
        name
        for name in ("non_finite", "non_numeric")
        if not any(row.get(name) for row in summary.rows)
    }
    columns += [_Column(name, True) for name in summary.figures if name not in dull]
    caption = f"Figures by {', '.join(map(printable, summary.by)) or 'metric'}"
    left = ""
    if report.left_out:
        left = f"<p>{report.left_out:,} more groups are not shown; filter, or group by less.</p>"
    return _table(caption, columns, summary.rows, find=True) + left


def _comparison(comparison: Comparison | None) -> str:
    if comparison is None or not comparison.rows:
        return ""
    rows = [one.row() for one in comparison.rows]
    texts = {"metric", "figure", "other", "effect", "reason", *comparison.by}
    columns = [_Column(name, name not in texts) for name in rows[0]]
    return _table(
        "Figures beside those of the base, and what can be said of the differences",
        columns,
        rows,
        find=True,
    )


def _picture(picture: Any) -> str:
    return f"<h3>{_text(picture.title)}</h3>{figure_of(picture)}"


def _defects(check: Check) -> str:
    if not check.counts:
        return "<p>None were found.</p>"
    kinds = [
        {
            "kind": kind,
            "count": count,
            "meaning": KINDS[kind].meaning,
            "what to do": KINDS[kind].advice or None,
        }
        for kind, count in check.counts.most_common()
    ]
    places = [
        {
            "kind": one.kind,
            "file": str(one.path),
            "line": one.line,
            "byte": one.byte,
            "reason": one.reason,
            "excerpt": one.excerpt or None,
        }
        for one in check.defects[:_SHOWN_DEFECTS]
    ]
    of_kinds = [_Column("kind"), _Column("count", True), _Column("meaning"), _Column("what to do")]
    of_places = [_Column("kind"), _Column("file"), _Column("line", True), _Column("byte", True),
                 _Column("reason"), _Column("excerpt")]  # fmt: skip
    first = _table("Defects by kind", of_kinds, kinds)
    return first + _table(f"The first {len(places)} of them", of_places, places, find=True)


# Parts.


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _table(
    caption: str,
    columns: Sequence[_Column],
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
        f'<th scope="col"{_number_class(column)}>{_text(column.name)}</th>' for column in shown
    )
    lines = "".join(
        "<tr>" + "".join(_cell(column, row.get(column.name)) for column in shown) + "</tr>"
        for row in rows
    )
    mark = " data-find" if find else ""
    return (
        f'<div class="mm-scroll" tabindex="0" role="region" aria-label="{_text(caption)}">'
        f'<table class="mm-table"{mark}><caption>{_text(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _number_class(column: _Column) -> str:
    return ' class="n"' if column.is_number else ""


def _cell(column: _Column, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"<td{_number_class(column)}>{_breakable(_text(_shown(value)))}</td>"
    # Sorted by the number itself, not by the digits that are shown.
    exact = html.escape(repr(value))
    return f'<td{_number_class(column)} data-n="{exact}">{_text(_shown(value))}</td>'


def _breakable(text: str) -> str:
    """Return escaped text that may be broken behind what parts names and paths."""
    return _BREAK.sub(r"\1<wbr>", text) if len(text) > _LONG else text


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return _yes(value)
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case float():
            return f"{value:.5g}" if math.isfinite(value) else str(value)
        case datetime():
            return _moment(value)
    return str(value)


def _moment(moment: datetime) -> str:
    return format_timestamp(moment).replace("T", " ")


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _text(text: str) -> str:
    return html.escape(printable(text), quote=True)
