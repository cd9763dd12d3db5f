"""What DuckDB is asked, as SQL: the lines of segments, the rows of Parquet, and keys and values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from micrometric.columns import Request
from micrometric.engines.duckdb_doubt import doubt_of_line, doubt_of_row
from micrometric.engines.duckdb_spelling import TABLE
from micrometric.event import ORIGIN_FIELDS, as_utf8
from micrometric.keys import Key
from micrometric.parquet import TIMESTAMP, json_path, key_column, quoted

_QUANTILE = re.compile(r'quantile_cont\("finite", ([0-9.e-]+)::DOUBLE\)')
"""A quantile as narwhals writes it."""
_JOIN = "LEFT JOIN segments ON filename = segments.file"
_COLUMNS = {
    "timestamp": "VARCHAR",
    "metric": "VARCHAR",
    "value": "JSON",
    "metadata": "JSON",
    "location": "VARCHAR",
    # Of any type: as texts and numbers, DuckDB would make such of what is none.
    **dict.fromkeys(ORIGIN_FIELDS, "JSON"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the rows of segments, and what their values mean."""

    request: Request
    dims: Mapping[str, tuple[str, ...]]
    """The axes of metrics whose lists hold an observation an element."""
    explode: tuple[str, ...]
    """The axes of lists in all other metrics."""
    text_metrics: frozenset[str]
    """Metrics whose "NaN" is a text."""
    respells: bool = False
    """Whether there is the table of `micrometric.engines.duckdb_spelling`."""

    def of_lines(self, scans: list[str], beyond_doubt: str) -> str:
        """Return SQL for what is asked of lines.

        Args:
            scans: of the files, see `scan_of`.
            beyond_doubt: names of files without a line in doubt, see `file_list`.
        """
        suspect = doubt_of_line(self.request)
        if beyond_doubt:
            suspect = f"({suspect} AND file NOT IN ({beyond_doubt}))"
        origin = f", {_origin_of('lines', is_json=True)}" if self.request.needs_origin else ""
        return self._asked(
            f"SELECT lines.filename AS file, timestamp AS stamp, "
            f"try_cast(timestamp AS TIMESTAMP) AS timestamp, metric, "
            f"NULL::DOUBLE AS number, value, metadata, coalesce(location, '') AS location{origin} "
            f"FROM ({' UNION ALL '.join(scans)}) AS lines {_JOIN if origin else ''}",
            suspect,
            {},
        )

    def of_rows(self, files: str, columns: Mapping[str, str]) -> str:
        """Return SQL for what is asked of the rows of Parquet segments.

        Args:
            files: their names, see `file_list`.
            columns: metadata keys that they have a column for, with its type.
        """
        further = [key_column(key) for key in columns]
        if self.request.needs_origin:
            further.append(_origin_of("rows", is_json=False))
        # `value` is null for a plain float.
        return self._asked(
            f"SELECT filename AS file, {TIMESTAMP} AS timestamp, metric, value AS number, "
            f"try_cast(value_json AS JSON) AS value, try_cast(metadata AS JSON) AS metadata, "
            f"{', '.join(['location', 'stamp', 'value_json', 'line', *further])} "
            f"FROM read_parquet([{files}], filename=true, union_by_name=true, "
            f"hive_partitioning=false) AS rows {_JOIN if self.request.needs_origin else ''}",
            doubt_of_row(self.request, columns),
            columns,
        )

    def _asked(self, rows: str, suspect: str, columns: Mapping[str, str]) -> str:
        """Return SQL for what is asked of some rows.

        Args:
            rows: SQL for the rows.
            suspect: SQL that is true for a row that may be none.
            columns: metadata keys that the rows have a column for, with its type.
        """
        selected = [
            *("file", "metric", "location", "timestamp"),
            f"{self._row_number()} AS value",
            f"{suspect} AS suspect",
        ]
        for key in self.request.keys:
            selected.extend(self._key_columns(key, columns))
        return f"SELECT {', '.join(selected)} FROM ({self._observations(rows)})"

    def _observations(self, lines: str) -> str:
        """Return rows with lists taken element by element, where they are observations."""
        depths = max(map(len, [self.explode, *self.dims.values()]))
        if not depths:
            return lines
        asked = self._asked_axes()
        selected = ["*", *(f"NULL::BIGINT AS {_dim(name)}" for name in asked)]
        rows = f"SELECT {', '.join(selected)} FROM ({lines})"
        for depth in range(depths):
            is_list = f"coalesce({self._has_axis(depth)} AND value::VARCHAR LIKE '[%', false)"
            index = [
                f"CASE WHEN {self._has_axis(depth, name)} THEN item_index ELSE {_dim(name)} END "
                f"AS {_dim(name)}"
                for name in asked
            ]
            rows = (
                f"WITH level AS ({rows}) SELECT * FROM level WHERE NOT {is_list} UNION ALL BY NAME "
                f"SELECT * EXCLUDE (item, item_index) REPLACE "
                f"({', '.join(['item AS value', 'NULL::DOUBLE AS number', *index])}) "
                f"FROM (SELECT *, unnest(value->'$[*]') AS item, "
                f"unnest(range(json_array_length(value)::BIGINT)) AS item_index "
                f"FROM level WHERE {is_list})"
            )
        return rows

    def _asked_axes(self) -> list[str]:
        """Return the axes that are asked for as keys; of others, no index is needed."""
        known = {*self.explode, *(name for names in self.dims.values() for name in names)}
        return sorted(known & {key.path for key in self.request.keys if key.kind == "metadata"})

    def _has_axis(self, depth: int, name: str | None = None) -> str:
        """Return SQL that is true for metrics with an axis at a depth, or with that of a name."""
        tests = ["false"]
        if metrics := [
            quoted(metric)
            for metric, names in self.dims.items()
            if len(names) > depth and name in (None, names[depth])
        ]:
            tests.append(f"metric IN ({', '.join(metrics)})")
        if len(self.explode) > depth and name in (None, self.explode[depth]):
            known = ", ".join(map(quoted, self.dims))
            tests.append(f"metric NOT IN ({known})" if known else "true")
        return f"({' OR '.join(tests)})"

    def _key_columns(self, key: Key, columns: Mapping[str, str]) -> list[str]:
        column = self.request.text_column(key)
        text = self._key_text(key, columns)
        shown = text
        if self.respells and key.is_json:
            one = f"(SELECT spelled_one FROM {TABLE} WHERE spelled_many = {text})"
            shown = f"coalesce({one}, {text})"
        selected = [f"{shown} AS {column}"]
        if key in self.request.conditions:
            selected += [
                f"{self._key_number(key, columns)} AS {column}_number",
                f"{_key_string(key, text)} AS {column}_string",
            ]
        return selected

    def _key_text(self, key: Key, columns: Mapping[str, str]) -> str:
        if key.kind == "bucket":
            width = key.seconds * 1_000_000
            # Floor division: there is a time before 1970.
            return f"(floor(epoch_us(timestamp)::DOUBLE / {width})::BIGINT * {width})"
        if key.kind == "directory":
            return f"(directories->{quoted(json_path(key.path))})::VARCHAR"
        if key.kind == "metadata":
            # JSON null is as good as no such key.
            found = [f"nullif({text}, 'null')" for text in self._metadata_texts(key, columns)]
            return f"coalesce({', '.join(found)})" if len(found) > 1 else found[0]
        if key.path == "value":
            return "coalesce(value::VARCHAR, to_json(number)::VARCHAR)"
        return key.path

    def _metadata_texts(self, key: Key, columns: Mapping[str, str]) -> list[str]:
        """Return SQL for the JSON text under a metadata key, of each place where it may stand.

        They are texts, because to compare JSON, or to cast it to a number, parses it once more.
        """
        if key.path in columns:
            texts = [f"to_json({key_column(key.path)})::VARCHAR"]
        else:
            paths = [[key.path], key.path.split(".")] if "." in key.path else [[key.path]]
            texts = [f"(metadata->{quoted(json_path(*path))})::VARCHAR" for path in paths]
        if key.path in self._asked_axes():
            texts.insert(0, f"{_dim(key.path)}::VARCHAR")
        return texts

    def _key_number(self, key: Key, columns: Mapping[str, str]) -> str:
        if key.path == "value" and key.kind == "field":
            return f"nullif({self._row_number()}, 'nan'::DOUBLE)"
        if key.kind == "metadata":
            texts = self._metadata_texts(key, columns)
            return _json_number(texts[0] if len(texts) == 1 else self._key_text(key, columns))
        if key.kind == "directory":
            return _json_number(self._key_text(key, columns))
        return "rank::DOUBLE" if key.path == "rank" else "NULL::DOUBLE"

    def _row_number(self) -> str:
        """Return SQL for the number that the value of a row is, NULL when it is none."""
        number = self._number("value", "metric")
        return f"(CASE WHEN number IS NOT NULL THEN number ELSE {number} END)"

    def _number(self, value: str, metric: str) -> str:
        """Return SQL for the number that a value is, NULL when it is none."""
        named = (
            f"CASE {value}::VARCHAR WHEN '\"NaN\"' THEN 'nan'::DOUBLE "
            f"WHEN '\"Infinity\"' THEN 'inf'::DOUBLE WHEN '\"-Infinity\"' THEN '-inf'::DOUBLE END"
        )
        if self.text_metrics:
            texts = ", ".join(map(quoted, sorted(self.text_metrics)))
            named = f"CASE WHEN {metric} NOT IN ({texts}) THEN {named} END"
        return f"coalesce({_json_number(value)}, {named})"


def file_list(files: Iterable[Path]) -> str:
    """Return files as a list in SQL, without its brackets."""
    return ", ".join(quoted(str(file)) for file in files)


def scan_of(files: str, line_bytes: int, strict: bool) -> str:
    """Return SQL for the lines of files as they stand there, whatever their directories say.

    Args:
        files: the names, a list in SQL without its brackets.
        line_bytes: how long a line may be.
        strict: whether a line that is no JSON is an error; else it is a row of nulls.
    """
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in _COLUMNS.items())
    return (
        f"SELECT * FROM read_json([{files}], format='newline_delimited', columns={{{columns}}}, "
        f"filename=true, hive_partitioning=false, ignore_errors={'false' if strict else 'true'}, "
        f"maximum_object_size={line_bytes})"
    )


def sharing_quantiles(query: str, function: str = "quantile_cont") -> str:
    """Return a query that keeps the values of a group once for all its quantiles.

    What narwhals writes for each is an aggregate of its own; the same list of shares in all of
    them makes them one.

    Args:
        query: as narwhals writes it.
        function: what computes the quantiles.
    """
    shares = list(dict.fromkeys(_QUANTILE.findall(query)))
    listed = f"[{', '.join(shares)}]"
    return _QUANTILE.sub(
        lambda found: f'{function}("finite", {listed})[{shares.index(found[1]) + 1}]', query
    )


def _origin_of(rows: str, *, is_json: bool) -> str:
    """Return SQL for the origin that rows tell, as the reader takes it, else of their segments."""
    told = {name: f"{rows}.{name}" for name in ORIGIN_FIELDS}
    if is_json:
        told = {
            name: f"CASE WHEN {json}::VARCHAR LIKE '\"%' THEN {json}->>'$' END"
            for name, json in told.items()
        }
        rank = f"{rows}.rank::VARCHAR"
        told["rank"] = (
            f"CASE WHEN regexp_full_match({rank}, '[0-9]+') THEN try_cast({rank} AS BIGINT) END"
        )
    else:
        told["rank"] = f"CASE WHEN {rows}.rank >= 0 THEN {rows}.rank END"
    both = [f"coalesce({sql}, segments.{name}) AS {name}" for name, sql in told.items()]
    return ", ".join([*both, "directories"])


def _json_number(text: str) -> str:
    """Return SQL for the number that a JSON text is; true is 1, and what is no number NULL."""
    return (
        f"coalesce(try_cast({text}::VARCHAR AS DOUBLE), "
        f"CASE {text}::VARCHAR WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"
    )


def _key_string(key: Key, text: str) -> str:
    if key.kind in ("metadata", "directory") or key.path == "value":
        return f"CASE WHEN {text}::VARCHAR < '#' THEN {text}::JSON->>'$' END"
    if key.kind == "bucket" or key.path in ("rank", "timestamp"):
        return "NULL::VARCHAR"
    return key.path


def _dim(name: str) -> str:
    return '"dim ' + as_utf8(name).replace('"', '""') + '"'
