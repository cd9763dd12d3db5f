"""Spark: executors read the files where they lie, each a piece, by the reader of this package.

So what is an event, and what a column holds, is the same as everywhere. Pieces of plain files end
at line ends. What was skipped is told by segment; only those are read once more, for the lines.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.engines.decoded import Columns, column_types, columns_of
from micrometric.errors import MicrometricError, SettingError
from micrometric.finder import Segment
from micrometric.reader import read_segment, read_span
from micrometric.report import Report

if TYPE_CHECKING:
    import narwhals as nw

LOCAL_MASTER = "local[*]"
_PIECE = 64 * 1024 * 1024
"""Bytes of a plain file that one task reads."""
_BATCH = 50_000
_PATIENCE = 5.0
"""Seconds in which a master must answer."""
_SQL_TYPES = {
    "text": "string",
    "number": "double",
    "integer": "long",
    "moment": "timestamp_ntz",
    "flag": "boolean",
}

Piece = tuple[int, int, int]
"""Number of a segment, and where in it to begin and end; 0 and 0 is all of it."""


class SparkEngine:
    """Segments as Spark sees them.

    Args:
        source: what is read; each worker must see the files under the same paths.
        master: the URL of the cluster; by default all cores of this machine.

    Raises:
        SettingError: there is no Java, or no master answers.
    """

    def __init__(self, source: Source, master: str | None) -> None:
        self._source = source
        self._master = master or LOCAL_MASTER
        self._told: set[int] = set()
        """Segments whose skipped lines are in the report."""

    def __enter__(self) -> SparkEngine:
        from pyspark.sql import SparkSession

        _require_answer(self._master)
        self._running = SparkSession.getActiveSession()
        self._folder = tempfile.TemporaryDirectory(prefix="micrometric-")
        try:
            self._session = self._running or _started(self._master, self._folder.name)
            _give_package(self._session)
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._running is None:  # Else it is somebody's who goes on using it.
            self._session.stop()
        self._folder.cleanup()

    def load(self, request: Request) -> nw.LazyFrame[Any]:
        """Return the segments as columns; see `micrometric.columns`."""
        import narwhals as nw

        self._met = self._session.sparkContext.accumulator(frozenset(), _union())
        pieces = _pieces(self._source.segments)
        # What executors need, and nothing that only this process has.
        segments = [replace(s, identity=None, held=None) for s in self._source.segments]
        source = replace(self._source, segments=segments, report=Report(), progress=None)
        types = column_types(request)
        schema = ", ".join(f"`{name}` {_SQL_TYPES[kind]}" for name, kind in types.items())
        read = _Reading(source, request, pieces, self._met)
        numbers = self._session.range(0, len(pieces), 1, len(pieces))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            loaded: nw.LazyFrame[Any] = nw.from_native(numbers.mapInArrow(read, schema))
        return loaded

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return a frame as it is: what is asked of it is computed from its start."""
        return frame

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """Compute a frame and return its rows; then look for the lines that were skipped.

        Raises:
            MicrometricError: Spark could not.
        """
        from pyspark.errors import PySparkException

        try:
            rows = [row.asDict() for row in frame.to_native().collect()]
        except PySparkException as error:
            raise MicrometricError(f"Spark could not finish: {_cause(str(error))}") from None
        except KeyboardInterrupt:
            self._session.sparkContext.cancelAllJobs()
            raise
        for what in sorted(self._met.value, key=str):
            if isinstance(what, str):
                self._source.report.assumed_zone = what
            elif what not in self._told:
                self._told.add(what)
                segment = self._source.segments[what]
                for _ in read_segment(segment, self._source.report, self._source.zone):
                    pass
        return rows

    def mend_suspects(self, request: Request) -> None:
        """Do nothing: our reader leaves no line in doubt."""


class _Reading:
    """Reads pieces on an executor."""

    def __init__(self, source: Source, request: Request, pieces: list[Piece], met: Any) -> None:
        self._source = source
        self._request = request
        self._pieces = pieces
        self._met = met

    def __call__(self, batches: Iterator[Any]) -> Iterator[Any]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for columns in self._read(self._pieces[number]):
                    yield _arrow(columns, self._request)

    def _read(self, piece: Piece) -> Iterator[Columns]:
        number, start, end = piece
        source, report = self._source, Report()
        segment = source.segments[number]
        rules = (report, source.zone, source.text_metrics)
        whole = (start, end) == (0, 0)
        events = read_segment(segment, *rules) if whole else read_span(segment, start, end, *rules)
        held = []
        for event in events:
            held.append(event)
            if len(held) == _BATCH:
                yield columns_of(held, self._request, source.dims, source.explode)
                held = []
        yield columns_of(held, self._request, source.dims, source.explode)
        if report.skipped or report.unfinished:
            self._met.add(frozenset({number}))
        if report.assumed_zone is not None:
            self._met.add(frozenset({report.assumed_zone}))


def _pieces(segments: list[Segment]) -> list[Piece]:
    """Return what each task reads: plain files in pieces of whole lines, others as they are."""
    pieces: list[Piece] = []
    for number, segment in enumerate(segments):
        size = segment.path.stat().st_size if segment.suffix == ".jsonl" else 0
        if size <= _PIECE:
            pieces.append((number, 0, 0))
            continue
        with segment.path.open("rb") as file:
            start = 0
            while start < size:
                file.seek(start + _PIECE)
                file.readline()
                end = min(file.tell(), size) if start + _PIECE < size else size
                pieces.append((number, start, end))
                start = end
    return pieces


def _arrow(columns: Columns, request: Request) -> Any:
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "moment": pa.timestamp("us"),
        "flag": pa.bool_(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in column_types(request).items()])
    return pa.RecordBatch.from_pydict(columns, schema)


def _union() -> Any:
    from pyspark.accumulators import AccumulatorParam

    class Union(AccumulatorParam[frozenset[Any]]):  # type: ignore[misc] # it has no types here
        """Sets that are joined: a task that runs twice tells the same twice."""

        def zero(self, value: frozenset[Any]) -> frozenset[Any]:  # noqa: ARG002 - its name is fixed
            return frozenset()

        def addInPlace(  # noqa: N802 - Spark calls it so
            self, first: frozenset[Any], second: frozenset[Any]
        ) -> frozenset[Any]:
            return first | second

    return Union()


def _started(master: str, folder: str) -> Any:
    """Start a session whose Java keeps quiet.

    Raises:
        SettingError: there is no Java.
    """
    from pyspark.errors import PySparkRuntimeError
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("micrometric")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "OFF",
        "spark.sql.session.timeZone": "UTC",
        "spark.local.dir": folder,
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        with _quiet():
            return builder.getOrCreate()
    except PySparkRuntimeError:
        raise SettingError(
            "Spark needs Java 17 or newer, which does not start; install it or set JAVA_HOME"
        ) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Send what is started here, and all that it ever says to standard error, to nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _require_answer(master: str) -> None:
    """Refuse a master that does not answer: Spark would try for minutes.

    Raises:
        SettingError: none answers.
    """
    if not master.startswith("spark://"):
        return
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host, int(port)), _PATIENCE).close()
        except (OSError, ValueError):
            continue
        return
    raise SettingError(
        f"no Spark master answers at {master!r}; expected such as spark://host:7077 or "
        f"{LOCAL_MASTER}"
    )


def _give_package(session: Any) -> None:
    """Give this package, once, to the executors of a session, which may lack it."""
    if getattr(session, "_micrometric", None) is not None:
        return
    folder = tempfile.TemporaryDirectory(prefix="micrometric-")
    root = Path(__file__).parents[2]
    name = str(Path(folder.name) / "micrometric")
    session.sparkContext.addPyFile(shutil.make_archive(name, "zip", root, "micrometric"))
    session._micrometric = folder  # It stays as long as the session, which may outlive a summary.


def _cause(message: str) -> str:
    """Return the line of a long message that tells the cause."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    ours = [line for line in lines if line.startswith("micrometric.errors.")]
    return (ours[-1].partition(": ")[2] if ours else lines[0] if lines else "no reason given")[:500]
