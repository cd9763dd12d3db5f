"""The logs that a comparison sets side by side: paths, values of one key, or a saved summary."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from micrometric.compared import COLUMNS
from micrometric.errors import NoDataError, PathError, SettingError
from micrometric.event import NON_FINITE
from micrometric.figures import Figures, is_figure
from micrometric.flat import as_double
from micrometric.keys import order_of
from micrometric.query import OCCURRENCE, Query
from micrometric.report import Report
from micrometric.spec import hint
from micrometric.spelling import identity
from micrometric.summary import TOTAL
from micrometric.unknown_keys import refuse_unknown

Rows = list[dict[str, Any]]
_TAKEN = ("base_name", *COLUMNS, OCCURRENCE, TOTAL)
"""What no key is called beside figures, here or in a summary that was saved."""


@dataclass(frozen=True, slots=True)
class Side:
    """Logs that are compared."""

    name: str
    ask: Callable[[Sequence[str], Figures, bool], Rows]
    """Returns the rows by some keys, with occurrences if the last is true."""
    report: Report
    called: Callable[[Sequence[str]], list[str]] = list
    """Returns what keys are called in the rows of all sides; see `Comparison.by`."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of the metrics."""
    is_saved: bool = False
    """Whether only the groups are known, no events."""


def sides_of_paths(
    base: str | Path,
    others: Sequence[str | Path],
    where_base: str | None,
    where_other: str | None,
    query: Callable[[object, str | None], Query],
) -> list[Side]:
    """Return a side for each path; without others, two for the conditions of one.

    Raises:
        SettingError: there is nothing to compare, or logs are compared with themselves.
    """
    if not others:
        if where_base is None and where_other is None:
            raise SettingError(
                "there is nothing to compare with; name further logs, a key, or conditions for "
                "each side"
            )
        others = [base]
    paths = [base, *others]
    conditions = [where_base, *[where_other] * len(others)]
    labels = _labels(paths, conditions)
    return [
        _saved_side(label, Path(path))
        if index == 0 and _is_saved(path)
        else _side(label, query(path, condition))
        for index, (label, path, condition) in enumerate(
            zip(labels, paths, conditions, strict=True)
        )
    ]


def _labels(paths: Sequence[str | Path], conditions: Sequence[str | None]) -> list[str]:
    """Return a name for each side: the last part of its path if that tells them apart.

    Raises:
        SettingError: logs are compared with themselves.
    """
    texts = [str(path).rstrip("/") for path in paths]
    short = [Path(text).name or text for text in texts]
    labels = short if len(set(short)) == len(set(texts)) else texts
    if len(set(texts)) == 1:
        labels = ["" for _ in labels]
    labels = [
        " where ".join(filter(None, (label, condition)))
        for label, condition in zip(labels, conditions, strict=True)
    ]
    labels = [label or text for label, text in zip(labels, texts, strict=True)]
    for label in labels:
        if labels.count(label) > 1:
            raise SettingError(f"{label!r} is compared with itself")
    return labels


def _side(name: str, query: Query) -> Side:
    def ask(names: Sequence[str], figures: Figures, occurrence: bool) -> Rows:
        keys = query.keys(names)
        rows = query.rows(keys, figures, occurrence=occurrence)
        refuse_unknown(query, keys, rows)
        return rows

    def called(names: Sequence[str]) -> list[str]:
        return [key.name for key in query.keys(names, _TAKEN)]

    return Side(name, ask, query.report, called, query.units())


def sides_of_key(query: Query, key: str, base_value: object) -> list[Side]:
    """Return a side for each value of a key, the base first.

    Raises:
        NoDataError: the key has no such value, or one only.
    """
    asked: dict[tuple[tuple[str, ...], Figures, bool], Rows] = {}
    whole = _side(key, query)
    (key,) = whole.called([key]) or [key]  # The metric is none.

    def ask(names: Sequence[str], figures: Figures, occurrence: bool) -> Rows:
        question = (tuple(names), figures, occurrence)
        if question not in asked:
            asked[question] = whole.ask([key, *names], figures, occurrence)
        return asked[question]

    rows = ask([], Figures(("count",)), False)
    known = {identity(row[key]): row[key] for row in rows if row[key] is not None}
    values = sorted(known.values(), key=order_of)
    texts = [_text(value) for value in values]
    if len(values) < 2:
        raise NoDataError(f"key {key!r} has {len(values)} values, nothing to compare")
    chosen = texts[0] if base_value is None else _text(base_value)
    if chosen not in texts:
        raise NoDataError(f"key {key!r} has no value {chosen}{hint(chosen, texts)}")
    values.sort(key=lambda value: _text(value) != chosen)  # It is stable.

    def side(value: object) -> Side:
        def of_value(names: Sequence[str], figures: Figures, occurrence: bool) -> Rows:
            rows = ask(names, figures, occurrence)
            return [row for row in rows if identity(row[key]) == identity(value)]

        name = f"{key}={_text(value)}"
        return Side(name, of_value, query.report, whole.called, whole.units)

    return [side(value) for value in values]


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if value is True else str(value)


def _is_saved(path: str | Path) -> bool:
    """Say whether a path is a summary that was saved as json."""
    file = Path(path)
    if str(path) == "-" or not file.is_file():
        return False
    try:
        with file.open("rb") as lines:
            row = json.loads(lines.readline(1 << 20))
    except (OSError, ValueError, RecursionError):
        return False  # What it is then, reading it as a log tells.
    return isinstance(row, dict) and "metric" in row and "timestamp" not in row


def _saved_side(name: str, path: Path) -> Side:
    """Return a summary as `summarize --format json` prints it.

    Raises:
        PathError: a line is no row of a summary.
    """
    rows: Rows = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append({**row, "metric": str(row["metric"])})
        except (ValueError, TypeError, KeyError, RecursionError):
            raise PathError(
                f"{str(path)!r} line {number} is no row of a summary; expected what summarize "
                "--format json prints"
            ) from None
    groups = [row for row in rows if row.get(TOTAL) is None]

    def ask(names: Sequence[str], figures: Figures, occurrence: bool) -> Rows:
        assert not occurrence
        for needed in (*names, *figures.names):
            if not all(_saved_name(needed, row) in row for row in groups):
                raise SettingError(
                    f"{str(path)!r} does not hold {needed!r}; save it with --group-by "
                    f"{','.join(names)} --stats {','.join(figures.names)}"
                )
        try:
            return [_asked(row, names, figures) for row in groups]
        except ValueError as error:
            raise PathError(f"{str(path)!r} is no summary: {error}") from None

    return Side(name, ask, Report(), is_saved=True)


def _saved_name(name: str, row: Mapping[str, Any]) -> str:
    """Return what a key or figure is called in a summary, which has fewer columns of its own."""
    short = name.removeprefix("metadata.").removeprefix("dir.")
    return name if name in row or is_figure(short) else short


def _asked(row: Mapping[str, Any], names: Sequence[str], figures: Figures) -> dict[str, Any]:
    """Return the metric, keys and figures of a saved row.

    Raises:
        ValueError: a figure is no number, or a key a list or an object.
    """
    keys = {name: row[_saved_name(name, row)] for name in ("metric", *names)}
    nested = [name for name, held in keys.items() if isinstance(held, list | dict)]
    if nested:
        raise ValueError(f"{nested[0]!r} of {row['metric']!r} is a list or an object")
    return keys | {name: _figure(name, row[name]) for name in figures.names}


def _figure(name: str, held: Any) -> float | None:
    """Return a figure that was saved, one that is not finite by its name."""
    found = NON_FINITE.get(held, held) if isinstance(held, str) else held
    if found is not None and found.__class__ not in (int, float):
        raise ValueError(f"expected a number as {name!r}, found {str(held)[:80]!r}")
    return found if found is None or abs(found) < 2**63 else as_double(found)
