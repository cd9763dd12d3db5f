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
import re
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.engines.duckdb_files import Files, valid_utf8
from micrometric.engines.duckdb_spelling import Spellings
from micrometric.engines.duckdb_sql import Question, file_list, scan_of, sharing_quantiles
from micrometric.engines.running import (
    Rows,
    close,
    fetch_rows,
    interruptible,
    is_interrupt,
    lack_of_room,
    load_duckdb,
)
from micrometric.errors import SettingError
from micrometric.parquet import CONFIG, quoted
from micrometric.temporary import temporary_directory

if TYPE_CHECKING:
    import duckdb
    import narwhals as nw

_STRICT_TRIES = 3
"""Segments that are mended one by one on DuckDB's word, before all are."""


class DuckDBEngine:
    """Segments as DuckDB sees them. A context manager: leaving it removes temporary files.

    Raises:
        SettingError: the limit of memory is no amount of memory, or too small for the query.
        PathError: there is no room for temporary files.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tries = 0
        self._request = Request((), (), uses_time=False)
        """What was asked last."""

    def __enter__(self) -> DuckDBEngine:
        with contextlib.ExitStack() as held, interruptible():
            try:
                self._open(held)
            except Exception as error:
                lacking = lack_of_room(error)
                if lacking is None:
                    raise
                raise lacking from None
            self._held = held.pop_all()
        return self

    def _open(self, held: contextlib.ExitStack) -> None:
        load_duckdb()
        import duckdb

        # Removed last, in this order: what was pinned, the connection, the directory.
        temporary = held.enter_context(temporary_directory())
        self._connection = duckdb.connect(config=CONFIG | {"temp_directory": str(temporary)})
        held.callback(close, self._connection)
        # What damaged Parquet tells of its columns is not to overrule what is in them.
        self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        pinned = held.enter_context(contextlib.ExitStack())
        if self._source.memory_limit is not None:
            self._limit_memory(self._source.memory_limit)
        self._files = Files(self._source, self._connection, temporary, pinned)
        self._spellings = Spellings(self._connection)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()
        if is_interrupt(error):
            raise KeyboardInterrupt from None
        if (lacking := lack_of_room(error)) is not None:
            raise lacking from None

    def _limit_memory(self, limit: str) -> None:
        import duckdb

        refused = SettingError(
            f"{limit!r} is no amount of memory; expected a number and a unit, such as 500MB or 4GB"
        )
        if limit.lstrip().startswith("-"):  # To DuckDB that is no limit at all.
            raise refused
        try:
            self._connection.execute(f"SET memory_limit = {quoted(limit)}")
        except duckdb.Error:
            raise refused from None

    def load(self, request: Request) -> nw.LazyFrame[Any]:
        """Return the segments as columns; see `micrometric.columns`."""
        import narwhals as nw

        self._request = request
        return nw.from_native(self._relation(request, strict=True))

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Compute a frame once for several questions; None is as for `collect`."""
        import narwhals as nw

        query = f"CREATE OR REPLACE TEMP TABLE kept AS {frame.to_native().sql_query()}"
        if self._tried(lambda: self._connection.execute(query).fetchall()) is None:
            return None
        kept: nw.LazyFrame[Any] = nw.from_native(self._connection.table("kept"))
        return kept

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]] | None:
        """Compute a frame and return its rows, or None when it must be loaded again.

        That is so when DuckDB met a line that it cannot read, whose segment has been mended then,
        and when it took two spellings of a key for two groups.
        """
        quantile = "approx_quantile" if self._source.approximate else "quantile_cont"
        query = sharing_quantiles(frame.to_native().sql_query(), quantile)
        columns: list[str] = []

        def fetch() -> Rows:
            relation = self._connection.sql(query)
            columns.extend(relation.columns)
            return relation.fetchall()

        rows = self._tried(fetch)
        if rows is None:
            return None
        groups = [dict(zip(columns, row, strict=True)) for row in rows]
        return self._spellings.of_groups(groups, self._request)

    def _tried(self, fetch: Callable[[], Rows]) -> Rows | None:
        """Return the rows of a query, or None when a segment had to be mended for it."""
        import duckdb

        try:
            return fetch_rows(self._connection, fetch, self._source.progress)
        except duckdb.Error as error:
            # What damaged Parquet raises is anything.
            expected = duckdb.InvalidInputException, duckdb.IOException, duckdb.ConversionException
            ended = isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException)
            if ended or not (self._files.of_rows or isinstance(error, expected)):
                raise
            self._mend_after(str(error))
            return None

    def mend_suspects(self, request: Request) -> None:
        """Mend every segment that holds a suspicious line."""
        suspects = self._relation(request, strict=False).filter("suspect")
        rows = suspects.project("file").distinct().fetchall()
        names = {row[0] for row in rows}
        self._files.mend(s for s in self._files.segments if str(self._files.of(s)) in names)

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
        culprits = [s for s in self._files.segments if str(self._files.of(s)) == name]
        if not culprits or self._tries > _STRICT_TRIES:
            culprits = self._files.in_doubt
        return self._files.mend(culprits)

    def _relation(self, request: Request, *, strict: bool) -> duckdb.DuckDBPyRelation:
        """Return what is asked of the segments, those that went away since they were found too."""
        import duckdb

        try:
            return self._connection.sql(self._query(request, strict=strict))
        except duckdb.Error:
            gone = [s for s in self._files.segments if not self._files.of(s).exists()]
            # Else what is called ours is none.
            self._files.mend(gone or self._files.of_rows)
            return self._connection.sql(self._query(request, strict=strict))

    def _query(self, request: Request, *, strict: bool) -> str:
        self._describe_segments()
        source, files = self._source, self._files
        asked = Question(
            request,
            source.dims,
            source.explode,
            source.text_metrics,
            respells=bool(self._spellings),
        )
        parts = [
            asked.of_rows(file_list(map(files.of, segments)), dict(columns))
            for columns, segments in files.rows_by_columns(request).items()
        ]
        if files.of_lines or not parts:
            parts.append(asked.of_lines(self._scans(strict), file_list(files.mended)))
        return " UNION ALL ".join(parts)

    def _scans(self, strict: bool) -> list[str]:
        """Return SQL for the lines of segments; of none, of an empty file."""
        places = [self._files.of(segment) for segment in self._files.of_lines]
        packed = [place for place in places if place.suffix == ".gz"]
        plain = [place for place in places if place.suffix != ".gz"]
        if not places:
            nothing = self._files.new_file()
            nothing.touch()
            plain = [nothing]
        # Each packed file in a scan of its own: of several, DuckDB drops, one time in a hundred,
        # a cut last line without an error.
        groups = [*([place] for place in packed), *([plain] if plain else [])]
        return [scan_of(file_list(group), self._files.line_bytes, strict) for group in groups]

    def _describe_segments(self) -> None:
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE segments (file VARCHAR, run VARCHAR, session VARCHAR, "
            "rank BIGINT, launch VARCHAR, directories JSON)"
        )
        segments = self._files.segments
        columns = [
            [str(self._files.of(s)) for s in segments],
            [valid_utf8(s.run) for s in segments],
            [s.session for s in segments],
            [s.rank for s in segments],
            [s.launch for s in segments],
            [valid_utf8(json.dumps(s.directories)) for s in segments],
        ]
        # All in one: a statement for each row takes longer than many a log.
        unnested = ", ".join(["unnest(?)"] * len(columns))
        self._connection.execute(f"INSERT INTO segments SELECT {unnested}", columns)
