"""Spark: executors read the files where they lie, each a piece, by the reader of this package.

So what is an event, and what a column holds, is the same as everywhere. What was skipped is told
by segment; only those are read once more, here, for the lines.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.engines.decoded import column_types
from micrometric.engines.spark_reading import Reading, pieces_of
from micrometric.engines.spark_session import (
    LOCAL_MASTER,
    cause,
    give_package,
    require_answer,
    started,
)
from micrometric.errors import MicrometricError
from micrometric.reader import read_segment
from micrometric.report import Report
from micrometric.temporary import PREFIX

if TYPE_CHECKING:
    import narwhals as nw

_SQL_TYPES = {
    "text": "string",
    "number": "double",
    "integer": "long",
    "moment": "timestamp_ntz",
    "flag": "boolean",
}


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

        require_answer(self._master)
        self._running = SparkSession.getActiveSession()
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
        try:
            self._session = self._running or started(self._master, self._folder.name)
            give_package(self._session)
        except BaseException:
            self._folder.cleanup()
            raise
        self._sketches = contextlib.ExitStack()
        if self._source.approximate:
            self._sketches.enter_context(_approximate_quantiles())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sketches.close()
        if self._running is None:  # Else it is somebody's who goes on using it.
            self._session.stop()
        self._folder.cleanup()

    def load(self, request: Request) -> nw.LazyFrame[Any]:
        """Return the segments as columns; see `micrometric.columns`."""
        import narwhals as nw

        self._met = self._session.sparkContext.accumulator(frozenset(), _union())
        pieces = pieces_of(self._source.segments)
        # What executors need, and nothing that only this process has.
        segments = [replace(s, identity=None, held=None) for s in self._source.segments]
        source = replace(self._source, segments=segments, report=Report(), progress=None)
        types = column_types(request)
        schema = ", ".join(f"`{name}` {_SQL_TYPES[kind]}" for name, kind in types.items())
        read = Reading(source, request, pieces, self._met)
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
            raise MicrometricError(f"Spark could not finish: {cause(str(error))}") from None
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


@contextlib.contextmanager
def _approximate_quantiles() -> Iterator[None]:
    """Let quantiles that this thread asks narwhals for be by Spark's sketch, in this block.

    narwhals knows none, and calls the function of Spark for the exact ones by its name.
    """
    from pyspark.sql import functions

    exact, asker = functions.percentile, threading.get_ident()

    def percentile(column: Any, share: Any, frequency: Any = 1) -> Any:
        if threading.get_ident() == asker:
            return functions.percentile_approx(column, share)
        return exact(column, share, frequency)

    functions.percentile = percentile
    try:
        yield
    finally:
        functions.percentile = exact


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
