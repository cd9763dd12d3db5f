"""Which rows are suspect, as SQL for DuckDB: whether our reader might understand them otherwise.

A line may be none of an event to the reader, a row of Parquet may be forged. The reader then has
the last word on all of the file. Of an AND or OR, DuckDB computes all parts for every row, but of
a CASE no more than it needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from micrometric.bounds import DIGITS_LIMIT, NESTING_LIMIT, SURELY_FLAT
from micrometric.columns import Request
from micrometric.keys import Key
from micrometric.parquet import quoted

_YEARS = "'0001-01-01' AND '9999-12-31 23:59:59.999999'"
"""All times there are to the reader; damaged Parquet may hold others."""


def doubt_of_line(request: Request) -> str:
    """Return SQL that is true for a line which the reader might understand otherwise."""
    tests = [_event_test(request.uses_time)]
    tests += [_once_test(key) for key in request.keys if key.kind == "metadata"]
    return f"NOT coalesce({' AND '.join(tests)}, false)"


def doubt_of_row(request: Request, columns: Mapping[str, str]) -> str:
    """Return SQL that is true for a row of Parquet that nobody of ours has written so.

    Args:
        request: what is asked.
        columns: metadata keys that the rows have a column for, with its type.
    """
    # A time without a zone stands as text, and the column is empty.
    texts = f"coalesce({request.uses_time} OR try_cast(stamp AS TIMESTAMP) IS NULL, true)"
    doubts = [
        f"coalesce(timestamp NOT BETWEEN {_YEARS}, CASE WHEN stamp IS NULL THEN true ELSE {texts} "
        "END)",
        "metric IS NULL",
        "location IS NULL",
        "metadata IS NULL",
        "NOT starts_with(metadata::VARCHAR, '{')",
        "(value IS NULL AND (number IS NULL OR value_json IS NOT NULL))",
        "NOT coalesce(isfinite(number), true)",
        "coalesce(contains(line, chr(10)), false)",
    ]
    keys = request.keys
    if any(key.kind == "metadata" and key.path not in columns for key in keys):
        doubts.append(f"NOT {_is_moderate('metadata')}")
    if any(key.kind == "field" and key.path == "value" for key in keys):
        doubts.append(f"NOT {_is_moderate('value')}")
    return f"coalesce({' OR '.join(doubts)}, true)"


def _event_test(uses_time: bool) -> str:
    """Return SQL that is true for a line that the reader is sure to understand the same way."""
    # Exactly the form that loggers write. What else DuckDB takes for a time, the reader may not.
    # Without a zone the clock does not matter, unless somebody asks for the time.
    naive = "stamp LIKE '____-__-__T__:__:__.______'"
    zoned = "stamp LIKE '____-__-__T__:__:__.______Z'"
    stamp = zoned if uses_time else f"CASE WHEN {zoned} THEN true ELSE {naive} END"
    return (
        f"({stamp} AND stamp >= '0001' "
        f"AND timestamp IS NOT NULL AND {_is_text('metric')} "
        f"AND (location = '' OR {_is_text('location')}) AND value IS NOT NULL "
        # A bare NaN or a number beyond a double has a name of its own in our lines.
        f"AND isfinite(coalesce(try_cast(value::VARCHAR AS DOUBLE), 0)) "
        f"AND (metadata IS NULL OR starts_with(metadata::VARCHAR, '{{')) "
        f"AND {_is_moderate('value')} AND {_is_moderate('metadata')})"
    )


def _is_moderate(column: str) -> str:
    """Return SQL that is true for JSON within the limits, or for none; see `bounds`."""
    text = f"{column}::VARCHAR"
    bare = f"strlen(replace(replace({text}, '[', ''), '{{', ''))"
    # A pattern cannot count to the limit; no number has as many as this.
    is_short = f"NOT regexp_matches({text}, '[0-9]{{300}}')"
    return (
        f"CASE WHEN coalesce(strlen({text}), 0) < {SURELY_FLAT} THEN true "
        f"WHEN strlen({text}) - {bare} >= {NESTING_LIMIT - 2} THEN false "
        f"WHEN strlen({text}) <= {DIGITS_LIMIT} THEN true ELSE {is_short} END"
    )


def _once_test(key: Key) -> str:
    """Return SQL that is false where a key may stand twice: DuckDB takes the first, we the last."""
    tests = []
    for part in key.path.split("."):
        name = json.dumps(part, ensure_ascii=False) + ":"
        pattern = "%".join(["", *[re.sub(r"([!%_])", r"!\1", name)] * 2, ""])
        escape = " ESCAPE '!'" if "!" in pattern else ""
        tests.append(f"metadata::VARCHAR NOT LIKE {quoted(pattern)}{escape}")
    return f"(metadata IS NULL OR ({' AND '.join(tests)}))"


def _is_text(column: str) -> str:
    """Return SQL that is false for a text that DuckDB may have made of another JSON value.

    By comparisons alone, which cost nothing: numbers, lists, objects and bools start with signs
    that few names start with.
    """
    return (
        f"({column} > ':' AND {column} < '{{' AND NOT {column} BETWEEN '[' AND '[~' "
        f"AND {column} NOT IN ('true', 'false'))"
    )
