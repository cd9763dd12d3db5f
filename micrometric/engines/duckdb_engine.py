"""DuckDB: reads Parquet and the lines of clean segments itself, and mended copies of the others.

Its reader is strict and fast but not ours: it coerces types, and of damage it tells at most the
first. So it marks what it may have understood differently; a segment with such a line is read
once more by `micrometric.reader`, and the events go back to DuckDB as a temporary file of lines
beyond doubt. The answer is the reader's, always; clean segments do not pay for it.
Of Parquet nothing is in doubt but times that name no zone: its columns are the reader's word.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.errors import SettingError
from micrometric.event import ORIGIN_FIELDS, encode_event, without_lone_surrogates
from micrometric.finder import STDIN, Segment
from micrometric.keys import Key
from micrometric.parquet import (
    TIMESTAMP,
    Footer,
    ParquetError,
    json_path,
    key_column,
    quoted,
    read_footer,
)
from micrometric.reader import pin, read_segment, skip_damaged
from micrometric.report import Report

if TYPE_CHECKING:
    import duckdb
    import narwhals as nw

_LINE_BYTES = 16 * 1024 * 1024
"""DuckDB's own limit for one line; raised when a mended copy holds a longer one."""
_PROGRESS = 0.2
"""Seconds between two reports of progress."""
_QUANTILE = re.compile(r'quantile_cont\("finite", ([0-9.e-]+)::DOUBLE\)')
"""A quantile as narwhals writes it."""
_STRICT_TRIES = 3
"""Segments that are mended one by one on DuckDB's word, before all are."""
_PATTERN = re.compile(r"[*?\[\]{}]|^~")
_JOIN = "LEFT JOIN segments ON filename = segments.file"
_COLUMNS = {
    "timestamp": "VARCHAR",
    "metric": "VARCHAR",
    "value": "JSON",
    "metadata": "JSON",
    "location": "VARCHAR",
    "run": "VARCHAR",
    "session": "VARCHAR",
    "rank": "BIGINT",
    "launch": "VARCHAR",
}


_Columns = tuple[tuple[str, str], ...]
"""Metadata keys that a Parquet segment has a column for, with its type."""


class DuckDBEngine:
    """Segments as DuckDB sees them. A context manager: leaving it removes temporary files.

    Args:
        segments: the files.
        dims: the axes of metrics whose lists hold an observation an element.
        text_metrics: metrics whose "NaN" is a text.
        zone: zone of timestamps that name none; None is this machine's.
        report: receives what is skipped.
        explode: the axes of lists in all other metrics.
        memory_limit: what it may use, such as `500MB`.
        approximate: whether quantiles are by a t-digest of the values.
        progress: called now and then with the share of a query that is done.

    Raises:
        SettingError: the limit is no amount of memory.
    """

    def __init__(
        self,
        segments: list[Segment],
        *,
        dims: dict[str, tuple[str, ...]],
        text_metrics: frozenset[str],
        zone: tzinfo | None,
        report: Report,
        explode: tuple[str, ...] = (),
        memory_limit: str | None = None,
        approximate: bool = False,
        progress: Callable[[float], None] | None = None,
    ) -> None:
        self._segments = [*segments]
        self._dims = dims
        self._explode = explode
        self._memory_limit = memory_limit
        self._quantile = "approx_quantile" if approximate else "quantile_cont"
        self._progress = progress
        self._text_metrics = text_metrics
        self._zone = zone
        self._report = report
        self._files = {segment.path: segment.path for segment in segments}
        """Where each segment is read: the file itself, a link to it, or a mended copy."""
        self._mended: set[Path] = set()
        """Segments that have a mended copy."""
        self._footers: dict[Path, Footer] = {}
        """What Parquet segments tell of themselves."""
        self._line_bytes = _LINE_BYTES
        self._tries = 0

    def __enter__(self) -> DuckDBEngine:
        with contextlib.ExitStack() as held, _interruptible():
            self._open(held)
            self._held = held.pop_all()
        return self

    def _open(self, held: contextlib.ExitStack) -> None:
        import duckdb

        # Removed last, in this order: what was pinned, the connection, the directory.
        self._temporary = tempfile.TemporaryDirectory(prefix="micrometric-")
        held.callback(self._temporary.cleanup)
        self._connection = duckdb.connect(
            config={
                "temp_directory": self._temporary.name,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        held.callback(self._connection.close)
        self._pinned = held.enter_context(contextlib.ExitStack())
        if self._memory_limit is not None:
            self._limit_memory(self._memory_limit)
        self._pin_open_segments()
        self._link_odd_names()
        self._read_footers()
        # DuckDB reads plain files and gzip; the others go through our reader at once. So do those
        # whose last line has no end: of several files, it drops such a line without an error
        # where it is one that it would refuse anywhere else.
        self._mend(
            segment
            for segment in self._segments
            if segment.path == STDIN
            or segment.suffix == ".jsonl.zst"
            or (segment.suffix == ".jsonl" and _is_cut(self._files[segment.path]))
            or (segment.suffix == ".jsonl.gz" and _is_empty(self._files[segment.path]))
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()
        if _is_interrupt(error):
            raise KeyboardInterrupt from None

    def _limit_memory(self, limit: str) -> None:
        import duckdb

        try:
            self._connection.execute(f"SET memory_limit = {quoted(limit)}")
        except duckdb.Error:
            raise SettingError(
                f"{limit!r} is no amount of memory; expected a number and a unit, such as 500MB "
                "or 4GB"
            ) from None

    def _pin_open_segments(self) -> None:
        """Hold on to files that a living session may rename or compress while they are read."""
        for segment in [*self._segments]:
            if segment.is_open and segment.suffix == ".jsonl":
                place = pin(segment, self._pinned)
                if place is None:
                    self._segments.remove(segment)  # It was deleted since it was found.
                else:
                    self._files[segment.path] = place

    def _link_odd_names(self) -> None:
        """Give files a plain name where DuckDB would take theirs for a pattern, or not at all."""
        for segment in self._segments:
            name = str(self._files[segment.path])
            if segment.path != STDIN and (_PATTERN.search(name) or _utf8(name) != name):
                link = self._new_file(segment.suffix)
                link.symlink_to(os.path.abspath(name))  # noqa: PTH100 - as it is called
                self._files[segment.path] = link

    def _read_footers(self) -> None:
        """Look at Parquet segments, and leave out what is not ours."""
        for segment in [*self._segments]:
            if segment.suffix == ".parquet":
                name = str(self._files[segment.path])
                try:
                    self._footers[segment.path] = read_footer(self._connection, name)
                except ParquetError as error:
                    if segment.path.exists():
                        skip_damaged(segment, None, error, self._report)
                        self._segments.remove(segment)
                    else:  # It was deleted since it was found, or has another name.
                        self._mend([segment])

    def _new_file(self, suffix: str = ".jsonl") -> Path:
        folder = Path(self._temporary.name)
        return folder / f"{sum(1 for _ in folder.iterdir())}{suffix}"

    def load(self, request: Request) -> nw.LazyFrame[Any]:
        """Return the segments as columns; see `micrometric.columns`."""
        import narwhals as nw

        return nw.from_native(self._relation(request, strict=True))

    def _relation(self, request: Request, *, strict: bool) -> duckdb.DuckDBPyRelation:
        """Return what is asked of the segments, those that went away since they were found too."""
        import duckdb

        try:
            return self._connection.sql(self._query(request, strict=strict))
        except duckdb.Error:
            gone = [s for s in self._segments if not self._files[s.path].exists()]
            # Else what is called ours is none.
            self._mend(gone or [s for s in self._segments if s.path in self._footers])
            return self._connection.sql(self._query(request, strict=strict))

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Compute a frame once for several questions; None is as for `collect`."""
        import narwhals as nw

        query = f"CREATE OR REPLACE TEMP TABLE kept AS {frame.to_native().sql_query()}"
        if self._tried(lambda: self._connection.execute(query).fetchall()) is None:
            return None
        kept: nw.LazyFrame[Any] = nw.from_native(self._connection.table("kept"))
        return kept

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]] | None:
        """Compute a frame and return its rows, or None when DuckDB met a line it cannot read.

        After None the segment in question has been mended: load again.
        """
        query = _sharing_quantiles(frame.to_native().sql_query(), self._quantile)
        columns: list[str] = []

        def fetch() -> list[tuple[Any, ...]]:
            relation = self._connection.sql(query)
            columns.extend(relation.columns)
            rows: list[tuple[Any, ...]] = relation.fetchall()
            return rows

        rows = self._tried(fetch)
        return None if rows is None else [dict(zip(columns, row, strict=True)) for row in rows]

    def _tried(self, fetch: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]] | None:
        """Return the rows of a query, or None when a segment had to be mended for it."""
        import duckdb

        try:
            return self._fetched(fetch)
        except duckdb.Error as error:
            # What damaged Parquet raises is anything.
            expected = duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException
            ended = isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException)
            if ended or not (self._footers or isinstance(error, expected)):
                raise
            self._mend_after(str(error))
            return None

    def _fetched(self, fetch: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
        """Return the rows of a query, telling progress; Ctrl-C ends it at once."""
        rows: list[tuple[Any, ...]] = []
        failed: list[BaseException] = []
        # Not the thread's own end: an interrupted `join` takes a thread for ended before it is.
        done = threading.Event()

        def run() -> None:
            try:
                rows.extend(fetch())
            except BaseException as error:  # noqa: BLE001 - raised again by who waits
                failed.append(error)
            finally:
                done.set()

        threading.Thread(target=run, name="micrometric-query").start()
        try:
            while not done.wait(_PROGRESS):
                if self._progress is not None:
                    self._progress(max(0.0, self._connection.query_progress()) / 100)
        except BaseException:
            # Whatever it was, and however often it comes: the connection is closed next.
            while not done.is_set():
                with contextlib.suppress(KeyboardInterrupt):
                    self._connection.interrupt()
                    done.wait(_PROGRESS)
            failed.clear()
            raise
        try:
            if failed:
                raise failed[0]
        finally:
            failed.clear()  # Its traceback holds this frame, and with it all that is read.
        return rows

    def mend_suspects(self, request: Request) -> None:
        """Mend every segment that holds a suspicious line."""
        suspects = self._relation(request, strict=False).filter("suspect")
        rows = suspects.project("file").distinct().fetchall()
        files = {row[0] for row in rows}
        self._mend(s for s in self._segments if str(self._files[s.path]) in files)

    def _mend_after(self, message: str) -> None:
        """Mend what a strict scan complained about, without a scan for each bad segment."""
        import duckdb

        self._tries += 1
        if self._tries == 1:
            # One lenient pass finds all segments with malformed lines, whatever else they hold.
            with contextlib.suppress(duckdb.Error):
                return self.mend_suspects(Request((), (), uses_time=False))
        named = re.search(r'file "(.*?)", (?:in|at)|reading file "(.*?)" \(', message, re.DOTALL)
        name = (named[1] or named[2]) if named else None
        culprits = [s for s in self._segments if str(self._files[s.path]) == name]
        if not culprits or self._tries > _STRICT_TRIES:
            culprits = [s for s in self._segments if s.path not in self._mended]
        return self._mend(culprits)

    def _mend(self, segments: Iterable[Segment]) -> None:
        for segment in list(segments):
            if segment.path in self._mended:
                raise AssertionError(f"mended twice: {segment.path}")
            copy = self._new_file()
            with copy.open("wb") as file:
                events = read_segment(segment, self._report, self._zone, frozenset())
                for event in events:
                    # The origin stands in the line only where the line told another one.
                    line = encode_event(_without_origin(event, segment))
                    if rb"\ud" in line:
                        line = without_lone_surrogates(line)
                    self._line_bytes = max(self._line_bytes, 2 * len(line))
                    file.write(line)
            self._footers.pop(segment.path, None)
            self._files[segment.path] = copy
            self._mended.add(segment.path)

    # The query.

    def _query(self, request: Request, *, strict: bool) -> str:
        self._describe_segments()
        packed = self._packed_by_keys(request)
        lines = [s for s in self._segments if s.path not in self._footers]
        parts = [self._of_rows(request, some, columns) for columns, some in packed.items()]
        if lines or not parts:
            parts.append(self._of_lines(request, lines, strict=strict))
        return " UNION ALL ".join(parts)

    def _packed_by_keys(self, request: Request) -> dict[_Columns, list[Segment]]:
        """Group Parquet segments by which of the wanted keys have a column in them."""
        wanted = [key for key in request.keys if key.kind == "metadata" and "." not in key.path]
        groups: dict[_Columns, list[Segment]] = {}
        for segment in self._segments:
            if segment.path in self._footers:
                there = self._footers[segment.path].keys
                columns = tuple((key.path, there[key.path]) for key in wanted if key.path in there)
                groups.setdefault(columns, []).append(segment)
        return groups

    def _of_lines(self, request: Request, segments: list[Segment], *, strict: bool) -> str:
        """Return SQL for what is asked of lines."""
        tests = [_event_test(request.uses_time)]
        tests += [_once_test(key) for key in request.keys if key.kind == "metadata"]
        suspect = f"NOT coalesce({' AND '.join(tests)}, false)"
        if self._mended:
            suspect = f"({suspect} AND file NOT IN ({self._mended_copies()}))"
        rows = self._lines(segments, strict, needs_origin=request.needs_origin)
        return self._asked(request, rows, suspect, {})

    def _of_rows(self, request: Request, segments: list[Segment], columns: _Columns) -> str:
        """Return SQL for what is asked of the rows of Parquet segments that have some columns."""
        suspect = "timestamp IS NULL" if request.uses_time else "false"
        rows = self._rows(segments, columns, needs_origin=request.needs_origin)
        return self._asked(request, rows, suspect, dict(columns))

    def _asked(self, request: Request, rows: str, suspect: str, columns: Mapping[str, str]) -> str:
        """Return SQL for what is asked of some rows.

        Args:
            request: what is asked.
            rows: SQL for the rows.
            suspect: SQL that is true for a row that may be none.
            columns: metadata keys that the rows have a column for, with its type.
        """
        selected = [
            *("file", "metric", "location", "timestamp"),
            f"{self._row_number()} AS value",
            f"{suspect} AS suspect",
        ]
        for key in request.keys:
            selected.extend(self._key_columns(key, request, columns))
        return f"SELECT {', '.join(selected)} FROM ({self._observations(rows)})"

    def _mended_copies(self) -> str:
        """Return the mended copies as a list in SQL; their lines are beyond doubt."""
        copies = [str(self._files[path]) for path in self._mended]
        return ", ".join(map(quoted, copies)) or "NULL"

    def _describe_segments(self) -> None:
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE segments (file VARCHAR, run VARCHAR, session VARCHAR, "
            "rank BIGINT, launch VARCHAR, directories JSON)"
        )
        columns = [
            [str(self._files[s.path]) for s in self._segments],
            [_utf8(s.run) for s in self._segments],
            [s.session for s in self._segments],
            [s.rank for s in self._segments],
            [s.launch for s in self._segments],
            [_utf8(json.dumps(s.directories)) for s in self._segments],
        ]
        # All in one: a statement for each row takes longer than many a log.
        unnested = ", ".join(["unnest(?)"] * len(columns))
        self._connection.execute(f"INSERT INTO segments SELECT {unnested}", columns)

    def _rows(self, segments: list[Segment], columns: _Columns, *, needs_origin: bool) -> str:
        """Return SQL for the rows of Parquet segments; `value` is null for a plain float."""
        further = [key_column(key) for key, _ in columns]
        if needs_origin:
            further.append(_origin_of("rows"))
        return (
            f"SELECT filename AS file, {TIMESTAMP} AS timestamp, metric, value AS number, "
            f"value_json::JSON AS value, metadata::JSON AS metadata, "
            f"{', '.join(['location', *further])} "
            f"FROM read_parquet([{self._names(segments)}], filename=true, union_by_name=true, "
            f"hive_partitioning=false) AS rows {_JOIN if needs_origin else ''}"
        )

    def _names(self, segments: list[Segment]) -> str:
        return ", ".join(quoted(str(self._files[segment.path])) for segment in segments)

    def _lines(self, segments: list[Segment], strict: bool, *, needs_origin: bool) -> str:
        """Return SQL for the lines of segments; of none, of an empty file."""
        packed: list[Segment] = []
        plain: list[Segment] = []
        for segment in segments:
            (packed if self._files[segment.path].suffix == ".gz" else plain).append(segment)
        # Each packed file in a scan of its own: of several, DuckDB drops, one time in a hundred,
        # a cut last line without an error.
        scans = [_scan(self._names([segment]), self._line_bytes, strict) for segment in packed]
        if plain or not packed:
            files = self._names(plain)
            if not plain:
                nothing = self._new_file()
                nothing.touch()
                files = quoted(str(nothing))
            scans.append(_scan(files, self._line_bytes, strict))
        return (
            f"SELECT lines.filename AS file, timestamp AS stamp, "
            f"try_cast(timestamp AS TIMESTAMP) AS timestamp, metric, "
            f"NULL::DOUBLE AS number, value, metadata, coalesce(location, '') AS location"
            f"{', ' + _origin_of('lines') if needs_origin else ''} "
            f"FROM ({' UNION ALL '.join(scans)}) AS lines "
            f"{_JOIN if needs_origin else ''}"
        )

    def _observations(self, lines: str) -> str:
        """Return rows with lists taken element by element, where they are observations."""
        names = self._axes()
        if not names:
            return lines
        rows = f"SELECT *, {', '.join(f'NULL::BIGINT AS {_dim(n)}' for n in names)} FROM ({lines})"
        for depth in range(max(map(len, [self._explode, *self._dims.values()]))):
            axes = self._axes_at(depth)
            is_list = (
                f"coalesce(({' OR '.join(axes.values())}) AND value::VARCHAR LIKE '[%', false)"
            )
            index = [
                f"CASE WHEN {test} THEN item_index ELSE {_dim(name)} END AS {_dim(name)}"
                for name, test in axes.items()
            ]
            rows = (
                f"WITH level AS ({rows}) SELECT * FROM level WHERE NOT {is_list} UNION ALL BY NAME "
                f"SELECT * EXCLUDE (item, item_index) REPLACE (item AS value, "
                f"NULL::DOUBLE AS number, {', '.join(index)}) "
                f"FROM (SELECT *, unnest(value->'$[*]') AS item, "
                f"unnest(range(json_array_length(value)::BIGINT)) AS item_index "
                f"FROM level WHERE {is_list})"
            )
        return rows

    def _axes(self) -> list[str]:
        return sorted({*self._explode, *(name for names in self._dims.values() for name in names)})

    def _axes_at(self, depth: int) -> dict[str, str]:
        """Return the axes of lists at a depth, each with SQL that is true for its metrics."""
        metrics: dict[str, list[str]] = {}
        for metric, names in self._dims.items():
            if len(names) > depth:
                metrics.setdefault(names[depth], []).append(quoted(metric))
        tests = {name: f"metric IN ({', '.join(listed)})" for name, listed in metrics.items()}
        if len(self._explode) > depth:
            known = ", ".join(map(quoted, self._dims))
            others = f"metric NOT IN ({known})" if known else "true"
            name = self._explode[depth]
            tests[name] = f"({tests[name]} OR {others})" if name in tests else others
        return tests

    def _key_columns(self, key: Key, request: Request, columns: Mapping[str, str]) -> list[str]:
        column = request.text_column(key)
        text = self._key_text(key, columns)
        selected = [f"{text} AS {column}"]
        if key in request.conditions:
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
        if key.path in self._axes():
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
        if self._text_metrics:
            texts = ", ".join(map(quoted, sorted(self._text_metrics)))
            named = f"CASE WHEN {metric} NOT IN ({texts}) THEN {named} END"
        return f"coalesce({_json_number(value)}, {named})"


def _scan(files: str, line_bytes: int, strict: bool) -> str:
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


def _sharing_quantiles(query: str, function: str = "quantile_cont") -> str:
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


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt for it where DuckDB has made another error of it."""
    try:
        yield
    except RuntimeError as error:
        if _is_interrupt(error):
            raise KeyboardInterrupt from None
        raise


def _is_interrupt(error: BaseException | None) -> bool:
    return isinstance(error, RuntimeError) and "interrupted" in str(error).lower()


def _event_test(uses_time: bool) -> str:
    """Return SQL that is true for a line that the reader is sure to understand the same way."""
    # Exactly the form that loggers write. What else DuckDB takes for a time, the reader may not.
    # Without a zone the clock does not matter, unless somebody asks for the time.
    naive = "stamp LIKE '____-__-__T__:__:__.______'"
    zoned = "stamp LIKE '____-__-__T__:__:__.______Z'"
    stamp = zoned if uses_time else f"({zoned} OR {naive})"
    return (
        f"({stamp} AND stamp >= '0001' "
        f"AND timestamp IS NOT NULL AND {_is_text('metric')} "
        f"AND (location = '' OR {_is_text('location')}) AND value IS NOT NULL "
        # A bare NaN or a number beyond a double has a name of its own in our lines.
        f"AND isfinite(coalesce(try_cast(value::VARCHAR AS DOUBLE), 0)) "
        f"AND (metadata IS NULL OR starts_with(metadata::VARCHAR, '{{')))"
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


def _origin_of(rows: str) -> str:
    """Return SQL for the origin that rows tell, else that of their segments."""
    told = [f"coalesce({rows}.{name}, segments.{name}) AS {name}" for name in ORIGIN_FIELDS]
    return ", ".join([*told, "directories"])


def _is_text(column: str) -> str:
    """Return SQL that is false for a text that DuckDB may have made of another JSON value.

    By comparisons alone, which cost nothing: numbers, lists, objects and bools start with signs
    that few names start with.
    """
    return (
        f"({column} > ':' AND {column} < '{{' AND NOT {column} BETWEEN '[' AND '[~' "
        f"AND {column} NOT IN ('true', 'false'))"
    )


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


def _is_cut(path: Path) -> bool:
    """Say whether the last line of a file has no end, or that cannot be told."""
    if not path.is_file():
        return True  # A pipe can be read once only; what went away, our reader finds again.
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() not in (b"", b"\n")


def _is_empty(path: Path) -> bool:
    """Say whether a file has no bytes, which compressed data always has and DuckDB never misses."""
    return not path.is_file() or path.stat().st_size == 0


def _dim(name: str) -> str:
    return '"dim ' + name.replace('"', '""') + '"'


def _utf8(text: str) -> str:
    """Return a text with a sign in place of each byte that is not UTF-8, as names may hold."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _without_origin(event: Any, segment: Segment) -> Any:
    same = {
        name: None
        for name in ("run", "session", "rank", "launch")
        if getattr(event, name) == getattr(segment, name)
    }
    return replace(event, **same)
