"""Who is measured, and micrometric among them in the settings that cost something."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from benchmarks.handmade import (
    open_append,
    open_floor,
    open_floor_orjson,
    open_floor_tuned,
    open_json,
)
from benchmarks.libraries import open_loguru, open_stdlib, open_structlog
from benchmarks.original import open_original
from benchmarks.recorder import METRIC, Peer, Recorder
from micrometric import MicroMetricLogger
from micrometric.testing import reset

FLOOR = "floor"
NO_LIMIT_REACHED = 10**12


def _configured_logger(
    directory: Path, *, max_records: int | None = None, sampling_factor: float = 1.0
) -> MicroMetricLogger:
    """Return the logger of the process with one metric enabled, logging into a directory.

    It starts afresh: what an earlier peer used, such as a context, is not to slow down this one.
    """
    reset()
    MicroMetricLogger.register_metric(METRIC, float)
    logger = MicroMetricLogger()
    logger.configure_logging(directory, [METRIC], max_records, sampling_factor)
    return logger


def open_micrometric(directory: Path) -> Recorder:
    """Open micrometric with its defaults."""
    logger = _configured_logger(directory)
    return Recorder(logger.log, logger.close)


def _open_with_context(directory: Path) -> Recorder:
    logger = _configured_logger(directory)
    stack = ExitStack()
    stack.callback(logger.close)
    stack.enter_context(logger.context(step=7))
    return Recorder(logger.log, stack.close)


def _open_with_sampling(directory: Path) -> Recorder:
    logger = _configured_logger(directory, sampling_factor=0.5)
    return Recorder(logger.log, logger.close)


def _open_with_max_records(directory: Path) -> Recorder:
    logger = _configured_logger(directory, max_records=NO_LIMIT_REACHED)
    return Recorder(logger.log, logger.close)


PEERS = (
    Peer("append", open_append, keeps=0.0),
    Peer(FLOOR, open_floor),
    Peer("floor-tuned", open_floor_tuned),
    Peer("floor-orjson", open_floor_orjson, needs=("orjson",)),
    Peer("micrometric", open_micrometric),
    Peer("micrometric-context", _open_with_context),
    Peer("micrometric-sampling", _open_with_sampling, keeps=0.5),
    Peer("micrometric-max-records", _open_with_max_records),
    Peer("json", open_json, slowness=4),
    Peer("original", open_original, slowness=10),
    Peer("structlog", open_structlog, needs=("structlog", "orjson"), slowness=10),
    Peer("stdlib", open_stdlib, slowness=20),
    Peer("loguru", open_loguru, needs=("loguru",), slowness=40),
)
