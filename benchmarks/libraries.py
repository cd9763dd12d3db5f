"""Logging libraries made for messages, each set up as its documentation does to write JSON Lines.

All add the time and the calling function, as micrometric does. Each keeps its own way with the
file: all of them flush every event.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.recorder import Recorder


def open_structlog(directory: Path) -> Recorder:
    """Open structlog with orjson, bound once so that no call assembles the logger."""
    import orjson
    import structlog
    from structlog.processors import CallsiteParameter, CallsiteParameterAdder

    file = (directory / "structlog.jsonl").open("wb")
    where = {CallsiteParameter.MODULE, CallsiteParameter.FUNC_NAME}
    processors: list[Any] = [
        structlog.processors.TimeStamper(fmt="iso"),
        CallsiteParameterAdder(where, additional_ignores=[__name__]),
        structlog.processors.JSONRenderer(serializer=orjson.dumps),
    ]
    info = structlog.wrap_logger(structlog.BytesLogger(file), processors).bind().info

    def log(identifier: str, value: float, metadata: dict[str, int]) -> None:
        info(identifier, value=value, metadata=metadata)

    return Recorder(log, file.close)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "metric": record.msg,
            "value": record.__dict__["value"],
            "metadata": record.__dict__["metadata"],
            "location": f"{record.module}.{record.funcName}",
        }
        return json.dumps(event)


def open_stdlib(directory: Path) -> Recorder:
    """Open a logger of the standard library with a formatter that writes JSON."""
    handler = logging.FileHandler(directory / "stdlib.jsonl", encoding="utf-8")
    handler.setFormatter(_JsonFormatter())
    logger = logging.Logger("benchmarks")  # Not by getLogger: no parents, nothing to clean up.
    logger.addHandler(handler)

    def log(identifier: str, value: float, metadata: dict[str, int]) -> None:
        logger.info(identifier, extra={"value": value, "metadata": metadata}, stacklevel=2)

    return Recorder(log, handler.close)


def open_loguru(directory: Path) -> Recorder:
    """Open loguru with its own serialization."""
    from loguru import logger

    logger.remove()
    sink = logger.add(directory / "loguru.jsonl", format="{message}", serialize=True)
    info = logger.opt(depth=1).info

    def log(identifier: str, value: float, metadata: dict[str, int]) -> None:
        info(identifier, value=value, metadata=metadata)

    return Recorder(log, lambda: logger.remove(sink))
