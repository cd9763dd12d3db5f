"""pandas: events that our reader decoded, as one frame in memory."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.engines import Source
from micrometric.engines.decoded import Columns, column_types, read_columns

if TYPE_CHECKING:
    import narwhals as nw

# Types that know what is missing: to the others None is unequal to everything, not unknown.
_TYPES = {
    "text": "string[python]",
    "number": "Float64",
    "integer": "Int64",
    "moment": "datetime64[us]",
    "flag": "bool",
}
_COUNTS = frozenset({"count", "numeric", "all", "events", "occurrence"})
"""Columns of results that are whole numbers."""


class PandasEngine:
    """Segments as pandas sees them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __enter__(self) -> PandasEngine:
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
        import pandas as pd

        types = {name: _TYPES[kind] for name, kind in column_types(request).items()}
        types["value"] = "float64"
        frames = [
            pd.DataFrame(
                {
                    name: pd.Series(held, dtype=types[name])
                    for name, held in _without_nan(batch).items()
                }
            )
            for batch in read_columns(self._source, request)
        ]
        return nw.from_native(pd.concat(frames, ignore_index=True)).lazy()

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return a frame as it is: it is in memory."""
        return frame

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]]:
        """Compute a frame and return its rows."""
        rows = frame.collect().rows(named=True)
        return [{name: _plain(name, held) for name, held in row.items()} for row in rows]

    def mend_suspects(self, request: Request) -> None:
        """Do nothing: our reader leaves no line in doubt."""


def _without_nan(columns: Columns) -> Columns:
    """Return columns whose values are infinite where they are NaN.

    To pandas NaN is a value that is missing. Figures only ask whether a value is finite.
    """
    values = [
        math.inf if held is not None and math.isnan(held) else held for held in columns["value"]
    ]
    return columns | {"value": values}


def _plain(name: str, held: Any) -> Any:
    """Return what a cell holds as plain Python has it, None where it is missing."""
    import pandas as pd

    if pd.isna(held):
        return None
    if name in _COUNTS:
        return int(held)  # A count that passed through a join comes out as a float.
    if isinstance(held, pd.Timestamp):
        return held.to_pydatetime()
    return held.item() if hasattr(held, "item") else held
