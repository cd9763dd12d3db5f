"""Polars: events that our reader decoded, as one frame in memory, on all cores."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.engines.decoded import column_types, read_columns

if TYPE_CHECKING:
    import narwhals as nw


class PolarsEngine:
    """Segments as Polars sees them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> PolarsEngine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held open."""

    def load(self, request: Request) -> nw.LazyFrame[Any]:
        """Return the segments as columns; see `micrometric.columns`."""
        import narwhals as nw
        import polars as pl

        types = {
            "text": pl.String,
            "number": pl.Float64,
            "integer": pl.Int64,
            "moment": pl.Datetime("us"),
            "flag": pl.Boolean,
        }
        schema = {name: types[kind] for name, kind in column_types(request).items()}
        frames = [pl.DataFrame(batch, schema) for batch in read_columns(self._source, request)]
        loaded: nw.LazyFrame[Any] = nw.from_native(pl.concat(frames).lazy())
        return loaded

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return a frame as it is: it is in memory."""
        return frame

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """Compute a frame and return its rows."""
        rows: list[dict[str, Any]] = frame.to_native().collect().to_dicts()
        return rows

    def mend_suspects(self, request: Request) -> None:
        """Do nothing: our reader leaves no line in doubt."""
