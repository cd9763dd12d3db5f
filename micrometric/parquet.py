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
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from micrometric.errors import NotAnEvent
from micrometric.event import (
    ORIGIN_FIELDS,
    Line,
    decode_fields,
    encode_fields,
    finite,
    format_timestamp,
    is_naive,
    parse_timestamp,
    read_value,
)

if TYPE_CHECKING:
    import duckdb

FORMAT = "micrometric-segment"
VERSION = 1
ROW_GROUP = 61_440
"""Rows that are compressed, and read, together."""
_FIRST_BACK = 2048
"""Rows read first from the end; each further step reads more."""
_MOST_KEYS = 32
"""Metadata keys that get a column, the most frequent first."""
_TYPES = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}
_LEAST_OBJECT = 16 * 1024 * 1024
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

TIMESTAMP = "make_timestamp(epoch_us(timestamp))"
"""SQL for the time in UTC, whatever the zone of the machine."""
_ORIGIN = ", ".join(f"""',"{name}":' || to_json({name})""" for name in ORIGIN_FIELDS)
_LINE = f"""CASE WHEN line IS NOT NULL THEN line ELSE concat(
    '{{"timestamp":', to_json(coalesce(stamp, strftime({TIMESTAMP}, '%Y-%m-%dT%H:%M:%S.%fZ'))),
    ',"metric":', to_json(metric), ',"value":', coalesce(value_json, to_json(value)::VARCHAR),
    ',"metadata":', metadata, ',"location":', to_json(location), {_ORIGIN}, '}}') END"""
"""SQL for the line that a row stands for."""


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
    except (duckdb.Error, ValueError) as error:
        raise ParquetError(f"not a whole Parquet file: {_first_line(error)}") from None
    if told.get("micrometric.format") != FORMAT:
        raise ParquetError(
            f"a Parquet file of another program: expected a footer with micrometric.format "
            f"{FORMAT!r}; move it elsewhere"
        )
    if int(told["micrometric.version"]) > VERSION:
        raise ParquetError(
            f"a Parquet segment of version {told['micrometric.version']}, this micrometric reads "
            f"up to {VERSION}; upgrade micrometric to read it"
        )
    return Footer(rows, json.loads(told["micrometric.keys"]))


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
        file = self._held.enter_context(path.open("rb"))
        # The open file, so that it may lose its name meanwhile, and no name is taken for a glob.
        name = f"/dev/fd/{file.fileno()}"
        self._name = name if os.path.exists(name) else str(path)  # noqa: PTH110 - no path
        self._connection = self._held.enter_context(duckdb.connect(config=_CONFIG))
        try:
            self.footer = read_footer(self._connection, self._name)
        except ParquetError:
            self._held.close()
            raise
        self._row = 0
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
        while not self._rest and self._row < self.footer.rows:
            rows = self._rows(self._row, self._row + ROW_GROUP)
            self._row += ROW_GROUP
            self._rest = memoryview("".join(f"{line}\n" for (line,) in rows).encode())
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def lines_back(self) -> Iterator[bytes]:
        """Yield the lines, the last first, and read no more than is asked for."""
        end, step = self.footer.rows, _FIRST_BACK
        while end > 0:
            start = max(0, end - step)
            for (line,) in reversed(self._rows(start, end)):
                yield line.encode()
            end, step = start, min(2 * step, ROW_GROUP)

    def _rows(self, start: int, end: int) -> list[tuple[str]]:
        import duckdb

        try:
            rows = self._connection.execute(
                f"SELECT {_LINE} FROM read_parquet(?, file_row_number=true) "
                "WHERE file_row_number >= ? AND file_row_number < ?",
                [self._name, start, end],
            ).fetchall()
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise ParquetError(f"damaged Parquet: {_first_line(error)}") from None
        if len(rows) != min(end, self.footer.rows) - start:
            raise ParquetError("damaged Parquet: rows are missing")
        return rows


class _Row(msgspec.Struct):
    """An event on its way to Parquet."""

    time: str | None
    stamp: str | None
    metric: str
    number: float | None
    value_json: str | None
    metadata: str
    location: str
    line: str | None
    run: str | None
    session: str | None
    rank: int | None
    launch: str | None


def write_parquet(lines: Iterable[bytes], path: Path) -> int:
    """Write event lines to a new Parquet file, and return how many there were; blank ones go.

    Args:
        lines: whole lines, in their order.
        path: the file, which is replaced if it is there.

    Raises:
        NotAnEvent: a line is none.
        OSError: the disk takes no more.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="micrometric-") as folder:
        # DuckDB takes rows fast only from a file or from another library's frames.
        rows = Path(folder) / "rows.jsonl"
        keys = _Keys()
        count, longest = _write_rows(lines, rows, keys)
        try:
            with duckdb.connect(config=_CONFIG | {"temp_directory": folder}) as connection:
                connection.execute(_copy(rows, path, keys.columns(count), longest))
        except duckdb.Error as error:
            raise OSError(None, _first_line(error)) from None
    return count


def _write_rows(lines: Iterable[bytes], target: Path, keys: _Keys) -> tuple[int, int]:
    """Write rows as lines of JSON; return how many, and the bytes of the longest."""
    count = longest = 0
    encoder = msgspec.json.Encoder()
    with target.open("wb") as file:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = _row(line, keys, is_first=count == 0)
            except NotAnEvent as error:
                raise NotAnEvent(f"line {number} is no event: {error.reason}") from None
            encoded = encoder.encode(row)
            longest = max(longest, len(encoded))
            file.write(encoded + b"\n")
            count += 1
    return count, longest


def _row(line: bytes, keys: _Keys, *, is_first: bool) -> _Row:
    fields = decode_fields(line)
    stamp = fields.timestamp
    moment = parse_timestamp(stamp, UTC)
    time = None if is_naive(stamp) else format_timestamp(moment)
    value = read_value(fields.value, is_text=True)
    metadata = finite(fields.metadata or {})
    location = fields.location or ""
    told = {name: _told(fields, name) for name in ORIGIN_FIELDS}
    plain = {"timestamp": stamp, "metric": fields.metric, "value": value, "metadata": metadata}
    origin = {name: found for name, found in told.items() if found is not None}
    canonical = encode_fields(plain | {"location": location} | origin)
    keys.add(metadata)
    is_float = value.__class__ is float
    return _Row(
        time=time,
        # Years of less than four digits are not written alike everywhere.
        stamp=_text(stamp) if time != stamp or stamp < "1" else None,
        metric=_text(fields.metric),
        number=value if is_float else None,
        value_json=None if is_float else _json(value),
        metadata=_json(metadata),
        location=_text(location),
        line=line.rstrip(b"\n").decode() if is_first or not _is_same(line, canonical) else None,
        **told,
    )


def _told(fields: Line, name: str) -> Any:
    """Return what a line tells of its origin, as far as a column can hold it."""
    found = getattr(fields, name)
    if name == "rank":
        return found if found.__class__ is int and abs(found) < 2**63 else None
    return _text(found) if isinstance(found, str) else None


def _is_same(line: bytes, canonical: bytes) -> bool:
    """Say whether a line differs from another by spaces at most, and columns can hold it."""
    if rb"\ud" in canonical:
        return False  # A lone surrogate, perhaps.
    if line.rstrip(b"\n") + b"\n" == canonical:
        return True
    try:
        return msgspec.json.format(line, indent=-1) + b"\n" == canonical
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _json(value: Any) -> str:
    """Return JSON that UTF-8 can hold; lone surrogates, which the line keeps, become signs."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        return _text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class _Keys:
    """Which metadata keys there are, and of what type."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, type]] = Counter()

    def add(self, metadata: dict[str, Any]) -> None:
        """Count the keys of an event."""
        for key, value in metadata.items():
            kind = value.__class__
            if value is None:
                continue
            fits = kind in _TYPES and (
                (kind is not int or -(2**63) <= value < 2**63)
                and (kind is not str or ("\0" not in value and _text(value) == value))
                and (kind is not float or value - value == 0)
            )
            self._seen[key, kind if fits else object] += 1

    def columns(self, rows: int) -> dict[str, str]:
        """Return the frequent keys whose values are all of one type, with that type in SQL."""
        kinds: dict[str, set[type]] = {}
        names = Counter(name.lower() for name in {key for key, _ in self._seen})
        for key, kind in self._seen:
            kinds.setdefault(key, set()).add(kind)
        chosen: dict[str, str] = {}
        for (key, kind), count in self._seen.most_common():
            is_one = len(kinds[key]) == 1 and kind in _TYPES and names[key.lower()] == 1
            is_name = bool(key) and key.isprintable() and _text(key) == key
            if is_one and is_name and 100 * count >= rows and len(chosen) < _MOST_KEYS:
                chosen[key] = _TYPES[kind]
        return chosen


def _copy(rows: Path, target: Path, keys: dict[str, str], longest: int) -> str:
    kinds = {
        "time": "VARCHAR", "stamp": "VARCHAR", "metric": "VARCHAR", "number": "DOUBLE",
        "value_json": "VARCHAR", "metadata": "VARCHAR", "location": "VARCHAR", "line": "VARCHAR",
        "run": "VARCHAR", "session": "VARCHAR", "rank": "BIGINT", "launch": "VARCHAR",
    }  # fmt: skip
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in kinds.items())
    selected = [
        "make_timestamptz(epoch_us(time::TIMESTAMP)) AS timestamp",
        "stamp",
        "metric",
        "coalesce(number, CASE WHEN value_json >= '#' THEN try_cast(value_json::JSON AS DOUBLE) "
        "END) AS value",
        *("value_json", "metadata", "location", *ORIGIN_FIELDS, "line"),
        *(
            f"CAST(metadata::JSON->>{quoted(json_path(key))} AS {kind}) AS {key_column(key)}"
            for key, kind in keys.items()
        ),
    ]
    return (
        f"COPY (SELECT {', '.join(selected)} FROM read_json({quoted(str(rows))}, "
        f"format='newline_delimited', columns={{{columns}}}, "
        f"maximum_object_size={max(_LEAST_OBJECT, 2 * longest)})) "
        f"TO {quoted(str(target))} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false, "
        f"ROW_GROUP_SIZE {ROW_GROUP}, "
        f"KV_METADATA {{'micrometric.format': '{FORMAT}', 'micrometric.version': '{VERSION}', "
        f"'micrometric.keys': {quoted(json.dumps(keys))}}})"
    )


def key_column(key: str) -> str:
    """Return the column of a metadata key, as SQL names it."""
    return '"metadata.' + key.replace('"', '""') + '"'


def json_path(*parts: str) -> str:
    """Return the JSON path of keys, whatever signs they hold."""
    escaped = (part.replace("\\", "\\\\").replace('"', '\\"') for part in parts)
    return "$" + "".join(f'."{part}"' for part in escaped)


def quoted(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
