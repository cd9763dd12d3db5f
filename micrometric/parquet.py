"""The Parquet form of a closed segment: one row an event, in the order of the lines.

========== ================ ====================================================================
column     type             holds
========== ================ ====================================================================
timestamp  TIMESTAMP, UTC   the time, null where the line names no zone; microseconds
stamp      VARCHAR          the time as it stands, where `timestamp` does not give it back
metric     VARCHAR          the metric
value      DOUBLE           the value as a number, bools as 0 and 1; null where it is none
value_json VARCHAR          the value as JSON with all its digits; null for a plain float
metadata   VARCHAR          the metadata as JSON
location   VARCHAR          the location
run, …     VARCHAR, BIGINT  `run`, `session`, `rank` and `launch`, where the line itself tells them
line       VARCHAR          the line itself, where the columns alone would not give it back
metadata.k BIGINT, …        a metadata key, for fast queries: null where it is null or missing
========== ================ ====================================================================

The footer says `micrometric.format`, `micrometric.version`, and as `micrometric.keys` a JSON
object of the metadata keys that have a column, with its type. `line` stands in the first row, by
which a follower knows the segment again, and wherever a line holds more than the columns: further
keys, keys twice, digits beyond a double. So reading a row gives the line back, and every reader
of lines reads Parquet the same way. Compressed with zstd; row groups carry statistics.

Rows are sorted by time as far as the lines are, and so is what a scan can leave out: by metric
and time the file of a million events is 1.14 times as large, and its figures take as long, also
those of one metric.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from micrometric.bounds import LINE_LIMIT
from micrometric.event import ORIGIN_FIELDS, as_utf8
from micrometric.regular import open_regular

if TYPE_CHECKING:
    import duckdb

FORMAT = "micrometric-segment"
VERSION = 1
ROW_GROUP = 61_440
"""Rows that are compressed, and read, together."""
_FIRST_BACK = 2048
"""Rows read first from the end; each further step reads more."""
_PIECE = 64 * 1024 * 1024
"""Bytes of lines that are taken into memory together, unless one line has more."""
_MEMORY = "1GB"
"""What DuckDB may use for the pages of a file, which may unpack to far more than they are."""
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
"""Settings of every connection to DuckDB: nothing is looked for on the network or loaded."""

TIMESTAMP = "make_timestamp(epoch_us(timestamp))"
"""SQL for the time in UTC, whatever the zone of the machine."""
_ORIGIN = ", ".join(f"""',"{name}":' || to_json({name})""" for name in ORIGIN_FIELDS)
_LINE = f"""CASE WHEN line IS NOT NULL THEN line ELSE concat(
    '{{"timestamp":', to_json(coalesce(stamp, strftime({TIMESTAMP}, '%Y-%m-%dT%H:%M:%S.%fZ'))),
    ',"metric":', to_json(metric), ',"value":', coalesce(value_json, to_json(value)::VARCHAR),
    ',"metadata":', metadata, ',"location":', to_json(location), {_ORIGIN}, '}}') END"""
"""SQL for the line that a row stands for."""


_TYPES = {
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    **dict.fromkeys(("stamp", "metric", "value_json", "metadata", "location", "line"), "VARCHAR"),
    **dict.fromkeys(ORIGIN_FIELDS, "VARCHAR"),
    "value": "DOUBLE",
    "rank": "BIGINT",
}
"""The columns that every segment has."""
_TEXTS = ("line", "stamp", "metric", "value_json", "metadata", "location", *ORIGIN_FIELDS)
_SIZE = " + ".join(f"coalesce(strlen({name}::VARCHAR), 0)" for name in _TEXTS)
"""SQL for about how long the line of a row is."""


class ParquetError(EOFError):
    """A file that is no Parquet segment of this tool, or a damaged one; says which."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What the end of a Parquet segment tells."""

    rows: int
    keys: dict[str, str]
    """Metadata keys that have a column, with its type in SQL."""


def read_footer(connection: duckdb.DuckDBPyConnection, name: str) -> Footer:
    """Return what the footer of a file tells.

    Args:
        connection: any connection.
        name: the file, as DuckDB takes it.

    Raises:
        ParquetError: the file is damaged, not ours, or of a later version.
    """
    import duckdb

    try:
        told = dict(
            connection.execute(
                "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [name]
            ).fetchall()
        )
        ((rows,),) = connection.execute(
            "SELECT num_rows FROM parquet_file_metadata(?)", [name]
        ).fetchall()
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [name]).fetchall()
    except (duckdb.Error, ValueError) as error:
        raise ParquetError(f"not a whole Parquet file: {first_line(error)}") from None
    version, keys = told.get("micrometric.version", ""), told.get("micrometric.keys", "{}")
    if told.get("micrometric.format") != FORMAT or not version.isdecimal():
        raise ParquetError(
            f"a Parquet file of another program: expected a footer with micrometric.format "
            f"{FORMAT!r}; move it elsewhere"
        )
    if int(version) > VERSION:
        raise ParquetError(
            f"a Parquet segment of version {version}, this micrometric reads "
            f"up to {VERSION}; upgrade micrometric to read it"
        )
    types = {column: kind for column, kind, *_ in described}
    for column, kind in _TYPES.items():
        if types.get(column) != kind:
            found = types.get(column, "missing")
            raise ParquetError(f"its column {column!r} should be {kind}, and is {found}")
    try:
        told_of = msgspec.json.decode(keys, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ParquetError(f"its footer tells of no metadata keys: {error}") from None
    # A column that is not as the footer says is left alone: all that it tells is in `metadata`.
    return Footer(
        rows, {key: kind for key, kind in told_of.items() if types.get(f"metadata.{key}") == kind}
    )


class ParquetLines(io.RawIOBase):
    r"""The lines of a Parquet segment as a file of bytes, and from the last to the first.

    Raises:
        OSError: the file cannot be opened.
        ParquetError: it is damaged or not ours; also while reading.
    """

    def __init__(self, path: Path) -> None:
        import duckdb

        super().__init__()
        self._held = contextlib.ExitStack()
        file = self._held.enter_context(open_regular(path))
        # The open file, so that it may lose its name meanwhile, and no name is taken for a glob.
        name = f"/dev/fd/{file.fileno()}"
        self._name = name if os.path.exists(name) else str(path)  # noqa: PTH110 - no path
        self._connection = self._held.enter_context(
            duckdb.connect(config=CONFIG | {"memory_limit": _MEMORY})
        )
        try:
            self.footer = read_footer(self._connection, self._name)
        except ParquetError:
            self._held.close()
            raise
        self._pieces = self._read()
        self._rest = memoryview(b"")

    def close(self) -> None:
        """Close the file."""
        self._held.close()
        super().close()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with the next bytes; 0 at the end."""
        while not self._rest and (piece := next(self._pieces, None)) is not None:
            self._rest = memoryview(piece)
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _read(self) -> Iterator[bytes]:
        for start in range(0, self.footer.rows, ROW_GROUP):
            for piece in self._parts(start, start + ROW_GROUP):
                yield "".join(f"{line}\n" for (line,) in self._rows(_LINE, *piece)).encode()

    def lines_back(self) -> Iterator[bytes]:
        """Yield the lines, the last first, and read no more than is asked for."""
        end, step = self.footer.rows, _FIRST_BACK
        while end > 0:
            start = max(0, end - step)
            for piece in reversed([*self._parts(start, end)]):
                for (line,) in reversed(self._rows(_LINE, *piece)):
                    yield line.encode()
            end, step = start, min(2 * step, ROW_GROUP)

    def _parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the rows from one to another in parts that can be taken into memory."""
        ((size,),) = self._rows(f"sum({_SIZE})", start, end)
        if (size or 0) <= _PIECE or end - start == 1:
            if (size or 0) > LINE_LIMIT:
                raise ParquetError(f"row {start + 1} is longer than {LINE_LIMIT >> 20} MiB")
            yield start, end
            return
        middle = (start + end) // 2
        yield from self._parts(start, middle)
        yield from self._parts(middle, end)

    def _rows(self, selected: str, start: int, end: int) -> list[tuple[Any]]:
        import duckdb

        try:
            return self._connection.execute(
                f"SELECT {selected} FROM read_parquet(?, file_row_number=true) "
                "WHERE file_row_number >= ? AND file_row_number < ?",
                [self._name, start, end],
            ).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise ParquetError(f"damaged Parquet: {first_line(error)}") from None


def key_column(key: str) -> str:
    """Return the column of a metadata key, as SQL names it."""
    return '"metadata.' + key.replace('"', '""') + '"'


def json_path(*parts: str) -> str:
    """Return the place of a key in JSON, inside others, for DuckDB.

    As a JSON pointer (RFC 6901): in its other form of a path, a key called `*` is any key.
    """
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def quoted(text: str) -> str:
    """Return a text as SQL writes it; lone surrogates are signs, as in the lines that it reads."""
    return "'" + as_utf8(text).replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """Return what an error says, in a line."""
    return str(error).partition("\n")[0]
