"""A report as one page of HTML: facts, figures, pictures and defects, for eyes, keys and readers.

Every text from the logs is made printable and escaped. Without scripts all of it is there to be
read; with them tables sort and filter, and pictures zoom and tell what is under the pointer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from micrometric._version import __version__
from micrometric.checking import Check
from micrometric.compared import Comparison
from micrometric.defects import KINDS
from micrometric.draft import counted
from micrometric.drawing.page import asset, document, figure_of
from micrometric.drawing.tables import Column, table, text_of, yes_or_no
from micrometric.listing import Listed
from micrometric.log_report import LogReport, SessionLine
from micrometric.printable import printable

_SHOWN_DEFECTS = 50
_COUNTS = ("logged", "written", "pending", "sampled_out", "capped", "failed")


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
    title = text_of(report.title)
    return document(
        f"{report.title} - micrometric report",
        f"<style>{asset('plot.css')}{asset('report.css')}</style>"
        f'<div class="mm-report"><header><h1>{title}</h1>'
        f"<p>{text_of(_made(report))}</p>"
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>'
        f"<main>{body}</main></div>"
        f"<script>{asset('plot.js')}</script><script>{asset('report.js')}</script>",
    )


def _made(report: LogReport) -> str:
    check = report.check
    defects = check.counts.total()
    return (
        f"{counted(check.events, 'event')} in {counted(check.files, 'file')} of "
        f"{counted(len(_by_run(check)), 'run')}, "
        f"{counted(defects, 'defect') if defects else 'no defects'}; made by micrometric "
        f"{__version__} at {report.made:%Y-%m-%d %H:%M} UTC"
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
    columns = [Column("run"), Column("files", "number"), Column("events", "number"),
               Column("begin", "time"), Column("end", "time")]  # fmt: skip
    return table("Runs, their files, events and times", columns, rows)


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
                "balances": None if account is None else yes_or_no(account.total.balances),
            }
        )
    names = ["session", "state", "host", "rank", "launch", "program", "metrics_to_log"]
    columns = [
        *map(Column, names),
        Column("start", "time"),
        Column("end", "time"),
        *(Column(name, "number") for name in _COUNTS),
    ]
    columns.append(Column("balances"))
    return table("Sessions, and the account of their events", columns, rows)


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
                "enabled": None if one.enabled is None else yes_or_no(one.enabled),
                "events": one.seen.events if one.seen else 0,
                "last seen": one.seen.last if one.seen else None,
                "registered at": None if metric is None else metric.place,
                "description": None if metric is None else metric.description,
            }
        )
    columns = [Column("metric"), Column("dtype"), Column("unit"), Column("dims"),
               Column("enabled"), Column("events", "number"), Column("last seen", "time"),
               Column("registered at"), Column("description")]  # fmt: skip
    return table("Metrics, as registered and as seen", columns, rows)


def _figures(report: LogReport) -> str:
    summary = report.summary
    columns = [Column("metric"), *map(Column, summary.by)]
    # No news where there is none of what could not be counted in.
    dull = {
        name
        for name in ("non_finite", "non_numeric")
        if not any(row.get(name) for row in summary.rows)
    }
    columns += [Column(name, "number") for name in summary.figures if name not in dull]
    caption = f"Figures by {', '.join(map(printable, summary.by)) or 'metric'}"
    left = ""
    if report.left_out:
        left = f"<p>{report.left_out:,} more groups are not shown; filter, or group by less.</p>"
    return table(caption, columns, summary.rows, find=True) + left


def _comparison(comparison: Comparison | None) -> str:
    if comparison is None or not comparison.rows:
        return ""
    rows = [one.row() for one in comparison.rows]
    texts = {"metric", "figure", "other", "effect", "reason", *comparison.by}
    columns = [Column(name, "text" if name in texts else "number") for name in rows[0]]
    return table(
        "Figures beside those of the base, and what can be said of the differences",
        columns,
        rows,
        find=True,
    )


def _picture(picture: Any) -> str:
    return f"<h3>{text_of(picture.title)}</h3>{figure_of(picture)}"


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
    of_kinds = [Column("kind"), Column("count", "number"), Column("meaning"), Column("what to do")]
    of_places = [Column("kind"), Column("file"), Column("line", "number"), Column("byte", "number"),
                 Column("reason"), Column("excerpt")]  # fmt: skip
    first = table("Defects by kind", of_kinds, kinds)
    return first + table(f"The first {len(places)} of them", of_places, places, find=True)


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{text_of(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""
