"""Files of other formats: each sink writes events to a path and returns how many there were.

CSV and JSON Lines are streamed. Parquet and Arrow are written by DuckDB and pyarrow from lines in a
temporary file, so that neither needs all events in memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrometric.errors import SettingError
from micrometric.event import (
    ORIGIN_FIELDS,
    LogEvent,
    encode_event,
    encode_fields,
    finite,
    format_timestamp,
    without_lone_surrogates,
)
from micrometric.flat import FIXED, Flat, Kind, as_double, csv_cell, csv_writer, json_text, under
from micrometric.parquet import first_line, quoted
from micrometric.temporary import temporary_directory, told_as_temporary

if TYPE_CHECKING:
    import duckdb

    from micrometric.exports import Events

_SQL_TYPES: dict[Kind, str] = {
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "float": "DOUBLE",
    "str": "VARCHAR",
    "json": "VARCHAR",
}
_FIXED_TYPES = {
    "timestamp": "TIMESTAMPTZ",
    "metric": "VARCHAR",
    "value": "DOUBLE",
    "location": "VARCHAR",
    "run": "VARCHAR",
    "session": "VARCHAR",
    "rank": "BIGINT",
    "launch": "VARCHAR",
}
_ARROW_ROWS = 100_000


def write_jsonl(path: Path, events: Events) -> int:
    """Write event lines with their origin."""
    count = 0
    with path.open("wb") as file:
        for batch in events.batches():
            file.write(b"".join(map(encode_event, batch)))
            count += len(batch)
    return count


def write_csv(path: Path, events: Events) -> int:
    """Write a heading and a row for each event; see `micrometric.flat` for the columns."""
    flat = events.flat()
    columns = flat.names()
    count = 0
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv_writer(file)
        writer.writerow(map(csv_cell, [*FIXED, *columns]))
        for batch in events.batches():
            writer.writerows(
                [
                    format_timestamp(event.timestamp),
                    *(csv_cell(getattr(event, name)) for name in FIXED[1:]),
                    *(csv_cell(under(event, *source)) for source in columns.values()),
                ]
                for event in batch
            )
            count += len(batch)
    return count


def write_parquet(path: Path, events: Events) -> int:
    """Write a Parquet file, compressed with zstd; see `_relation` for its columns.

    Raises:
        OSError: it cannot be written.
    """
    import duckdb

    with _relation(events) as (relation, count):
        try:
            relation.write_parquet(str(path), compression="zstd")
        except duckdb.IOException as error:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise full if str(full.strerror) in str(error) else OSError(first_line(error)) from None
    return count


def write_arrow(path: Path, events: Events) -> int:
    """Write an Arrow file (IPC, also called Feather); see `_relation` for its columns.

    Raises:
        SettingError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise SettingError(
            "writing Arrow files needs pyarrow; pip install 'micrometric[arrow]'"
        ) from None
    with _relation(events) as (relation, count):
        batches = relation.to_arrow_reader(_ARROW_ROWS)
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
    return count


SINKS: dict[str, Callable[[Path, Events], int]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
    "arrow": write_arrow,
}


@contextlib.contextmanager
def _relation(events: Events) -> Iterator[tuple[duckdb.DuckDBPyRelation, int]]:
    """Give the events as a relation, and how many there are.

    `value` is a double and null for what is no number; where there is such, `text` has it as
    JSON. `timestamp` is in UTC with microseconds. Other columns have the type of their values, and
    are texts of JSON where those are of several kinds.
    """
    import duckdb

    from micrometric.parquet import CONFIG

    flat = events.flat()
    rows = _Rows(flat)
    with temporary_directory() as folder:
        lines = folder / "rows.jsonl"
        count, longest = 0, 0
        with told_as_temporary(), lines.open("wb") as file:
            for batch in events.batches():
                for event in batch:
                    line = encode_fields(rows.row(event))
                    if rb"\ud" in line:
                        line = without_lone_surrogates(line)
                    longest = max(longest, len(line))
                    file.write(line)
                count += len(batch)
        with duckdb.connect(config=CONFIG | {"temp_directory": str(folder)}) as connection:
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            listed = ", ".join(f"{quoted(name)}: {quoted(t)}" for name, t in rows.types.items())
            yield (
                connection.sql(
                    f"SELECT * FROM read_json({quoted(str(lines))}, columns={{{listed}}}, "
                    f"format='newline_delimited', maximum_object_size={max(2 * longest, 1 << 24)})"
                ),
                count,
            )


class _Rows:
    """Turns events into rows of typed columns."""

    def __init__(self, flat: Flat) -> None:
        self._sources = flat.names()
        self._kinds = {name: flat.kind(*source) for name, source in self._sources.items()}
        taken = {name.lower() for name in (*FIXED, *self._sources)}
        self._text = next(n for n in ("text", "value.text", "value.json") if n not in taken)
        self.types = (
            _FIXED_TYPES
            | ({self._text: "VARCHAR"} if flat.has_texts else {})
            | {name: _SQL_TYPES[kind] for name, kind in self._kinds.items()}
        )
        """Types of SQL by column, in order."""

    def row(self, event: LogEvent) -> dict[str, Any]:
        """Return the columns of an event that are not null."""
        value = event.value
        row: dict[str, Any] = {
            "timestamp": format_timestamp(event.timestamp),
            "metric": event.metric,
            "location": event.location,
        }
        if isinstance(value, float | int):
            row["value"] = finite(as_double(value))
        else:
            row[self._text] = json_text(value)
        for name in ORIGIN_FIELDS:
            if (origin := getattr(event, name)) is not None:
                row[name] = origin
        for name, source in self._sources.items():
            if (found := under(event, *source)) is not None:
                is_json = self._kinds[name] == "json"
                row[name] = json_text(found) if is_json else finite(found)
        return row
