"""Query engines: each loads segments into the same columns, and nothing else.

What is computed from the columns is written once, in `micrometric.figures`.
"""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from micrometric.errors import SettingError
from micrometric.spec import hint

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    import narwhals as nw

    from micrometric.columns import Request
    from micrometric.found import Segment
    from micrometric.report import Report

ENGINES = ("duckdb", "pandas", "polars", "spark")
DEFAULT_ENGINE = "duckdb"
SKETCHES = {
    "duckdb": "a t-digest of the values",
    "spark": "Spark's percentile_approx, whose ranks are off by 1 in 10,000 at most",
}
"""How engines compute quantiles approximately, those that can."""
_NEEDS = {"spark": ("pyspark", "pyarrow")}
"""Packages of engines that have not the name of theirs."""


class Engine(Protocol):
    """What computes figures over the columns that `micrometric.columns` describes."""

    def load(self, request: Request) -> nw.LazyFrame[Any]:
        """Return the segments as columns."""

    def keep(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any] | None:
        """Return a frame to ask several things of, or None when it must be loaded again."""

    def collect(self, frame: nw.LazyFrame[Any]) -> list[dict[str, Any]] | None:
        """Return the rows of a frame, or None when it must be loaded again."""

    def mend_suspects(self, request: Request) -> None:
        """Look closer at the rows that may be no events, before they are loaded again."""


@dataclass(frozen=True, slots=True)
class Source:
    """What an engine reads, and by which rules."""

    segments: list[Segment]
    dims: dict[str, tuple[str, ...]]
    """The axes of metrics whose lists hold an observation an element."""
    text_metrics: frozenset[str]
    """Metrics whose "NaN" is a text."""
    zone: tzinfo | None
    """Of timestamps that name none; None is this machine's."""
    report: Report
    """Receives what is skipped."""
    explode: tuple[str, ...] = ()
    """The axes of lists in all other metrics."""
    memory_limit: str | None = None
    """What the engine may use; only DuckDB can keep to one."""
    approximate: bool = False
    """Whether quantiles are by a sketch of the values, where the engine is in `SKETCHES`."""
    master: str | None = None
    """URL of the cluster, for Spark."""
    progress: Callable[[float], None] | None = None
    """Called now and then with the share that is done."""


def check_engine(name: str, memory_limit: str | None = None, master: str | None = None) -> None:
    """Check that an engine can be used, before anything is read.

    Raises:
        SettingError: there is no such engine, it is not installed, or an option is not for it.
    """
    if name not in ENGINES:
        raise SettingError(f"no query engine is called {name!r}{hint(name, ENGINES)}")
    if any(importlib.util.find_spec(needed) is None for needed in _NEEDS.get(name, (name,))):
        raise SettingError(
            f"the engine {name!r} is not installed; pip install 'micrometric[{name}]'"
        )
    if memory_limit is not None and name != "duckdb":
        raise SettingError(f"the engine {name!r} knows no memory limit, only 'duckdb' does")
    if master is not None and name != "spark":
        raise SettingError(f"the engine {name!r} has no master, only 'spark' has")


def open_engine(name: str, source: Source) -> AbstractContextManager[Engine]:
    """Return an engine over some segments; leaving it gives back what it holds.

    Raises:
        SettingError: see `check_engine`.
    """
    check_engine(name, source.memory_limit, source.master)
    if name == "spark":
        from micrometric.engines.spark_engine import SparkEngine

        return SparkEngine(source, source.master)
    if name == "polars":
        from micrometric.engines.polars_engine import PolarsEngine

        return PolarsEngine(source)
    if name == "pandas":
        from micrometric.engines.pandas_engine import PandasEngine

        return PandasEngine(source)
    from micrometric.engines.duckdb_engine import DuckDBEngine

    return DuckDBEngine(source)
