"""Typed uses of the public API: checked by mypy, never run."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from micrometric import (
    Compacted,
    Compaction,
    LiveSummary,
    LogEvent,
    MicroMetricLogger,
    Picture,
    Report,
    Summary,
    compact,
    follow,
    iter_events,
    plot,
    read,
    summarize,
)
from micrometric.testing import capture, reset

MicroMetricLogger.register_metric("density", float, unit="1", description="text", dims=("head",))
MicroMetricLogger.register_metric("other", list[float], dims="head")
registered: dict[str, type] = MicroMetricLogger.get_registered_metrics()

logger: MicroMetricLogger = MicroMetricLogger()
MicroMetricLogger("logs", 1000, 1.0, ["density", "attn_*"], None, 1.0)
MicroMetricLogger(Path("logs"), flush_interval=None, metrics_to_log="all", max_records=5)
MicroMetricLogger(enabled_metrics={"density"})
logger.configure_logging(Path("logs"), "all", 10, 0.5, flush_every=5, flush_interval=None)
logger.configure_logging(log_path="logs", enabled_metrics=["density"])

logger.log("density", 0.5)
logger.log("density", object(), {"layer_idx": 3}, location="here", stacklevel=2)
with logger.context(step=1, anything=object()):
    logger.set_context(run=None)
enabled: bool = logger.is_metric_enabled("density") and logger.request_metric("density")
names: set[str] = logger.enabled_metrics | logger.get_enabled_metrics()
remaining: int | None = logger.get_records_remaining()
path: str | None = logger.log_path
events: list[LogEvent] = [*logger.log_queue]
value: Any = events[0].value
when: datetime = events[0].timestamp

report = Report()
found: Iterator[LogEvent] = iter_events(["a", Path("b")], where="k == 1", since=when, report=report)
frame: pd.DataFrame = read("logs", metrics=["density"], assume_tz="UTC", metadata_column=True)
relation: duckdb.DuckDBPyRelation = read("logs", engine="duckdb", since="2h", report=report)
summary: Summary = summarize("logs", by=["run", "layer_idx"], launch="last")
figures: pd.DataFrame = summary.to_pandas()
rows: list[dict[str, Any]] = [*summary]
picture: Picture = plot("logs", "line", x="step", by=["layer_idx"], smooth=0.6)
picture.save(Path("a.svg"), force=True)
compaction: Compaction = compact("logs", to=Path("packed"), dry_run=True)
packed: list[Compacted] = compaction.compacted
smaller: float | None = packed[0].ratio
live = LiveSummary(["layer_idx"], groups=10)
live.add(found)
live_rows: list[dict[str, Any]] = live.rows(5)
with follow("logs", last=5, poll_interval=0.1) as events_to_come:
    for event in events_to_come:
        text: str = event.location
with capture("density") as captured:
    first: LogEvent = captured[0]
reset()
