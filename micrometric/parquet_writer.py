"""Writing a segment as Parquet: each line becomes a row that gives it back.

The columns are what `micrometric.parquet` specifies; they hold the event as readers understand it,
and beside them stands the line itself wherever it says more.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec

from micrometric.errors import NotAnEvent
from micrometric.event import (
    ORIGIN_FIELDS,
    Line,
    as_utf8,
    decode_fields,
    encode_fields,
    finite,
    format_timestamp,
    is_naive,
    is_rank,
    parse_timestamp,
    read_value,
)
from micrometric.parquet import (
    CONFIG,
    FORMAT,
    ROW_GROUP,
    VERSION,
    first_line,
    json_path,
    key_column,
    quoted,
)
from micrometric.temporary import temporary_directory

_MOST_KEYS = 32
"""Metadata keys that get a column, the most frequent first."""
_TYPES = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR"}
_LEAST_OBJECT = 16 * 1024 * 1024


class _Row(msgspec.Struct):
    """An event on its way to Parquet."""

    time: str | None
    stamp: str | None
    metric: str
    number: float | None
    value_json: str | None
    metadata: str | None
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

    with temporary_directory() as folder:
        # DuckDB takes rows fast only from a file or from another library's frames.
        rows = folder / "rows.jsonl"
        keys = _Keys()
        count, longest = _write_rows(lines, rows, keys)
        if not _is_utf8(path):
            # DuckDB takes no such name; what it writes to a link goes where that leads.
            path.touch()
            link = folder / "target.parquet"
            link.symlink_to(path.absolute())
            path = link
        try:
            with duckdb.connect(config=CONFIG | {"temp_directory": str(folder)}) as connection:
                connection.execute(_copy(rows, path, keys.columns(count), longest))
        except duckdb.Error as error:
            raise OSError(None, first_line(error)) from None
    return count


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


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
    held = fields.metadata or {}
    metadata = finite(held)
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
        stamp=as_utf8(stamp) if time != stamp or stamp < "1" else None,
        metric=as_utf8(fields.metric),
        number=value if is_float else None,
        value_json=None if is_float else _json(value),
        # JSON has no name for what no double holds; with nothing here, the line is looked at.
        metadata=_json(metadata) if metadata == held else None,
        location=as_utf8(location),
        line=line.rstrip(b"\n").decode() if is_first or not _is_same(line, canonical) else None,
        **told,
    )


def _told(fields: Line, name: str) -> Any:
    """Return what a line tells of its origin, as far as a column can hold it."""
    found = getattr(fields, name)
    if name == "rank":
        return found if is_rank(found) else None
    return as_utf8(found) if isinstance(found, str) else None


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
        return as_utf8(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


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
                and (kind is not str or ("\0" not in value and as_utf8(value) == value))
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
            is_name = bool(key) and key.isprintable() and as_utf8(key) == key
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
