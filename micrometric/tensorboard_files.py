"""Events as TensorBoard event files: a scalar an event, a histogram of each step.

TensorBoard knows tags and steps, no metadata. So a tag is the metric and its metadata, such as
`density/layer_idx=3`; the step is a metadata key, or the count of events of the tag. The values
that a metric has in one step are a histogram under its plain name.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from micrometric.errors import PathError, SettingError
from micrometric.event import LogEvent
from micrometric.flat import as_double
from micrometric.keys import STEP_KEYS

if TYPE_CHECKING:
    from micrometric.exports import Events

_LARGEST = 2**63
"""From here on a whole number is no step: those have 64 bits there."""
_BINS = 30
_NAME = "events.out.tfevents"
_FORMAT = "brain.Event:2"
"""What the first event of a file must say of those that follow."""


def write_tensorboard(output: Path, events: Events, *, step: str | None, force: bool) -> int:
    """Write a directory for each run and rank, and return how many events there were.

    Values are floats of 32 bits there; what is no number has no place.

    Args:
        output: the directory above.
        events: what to write.
        step: the metadata key that holds the step.
        force: whether event files that are there are replaced.

    Raises:
        SettingError: tensorboard is not installed.
        PathError: the directory holds something already, or cannot be written.
    """
    _require_tensorboard()
    _make_room(output, force=force)
    try:
        with contextlib.ExitStack() as opened:
            return _write(output, events, step, opened)
    except PathError:
        raise  # Of what is read, not of the output.
    except OSError as error:
        raise PathError(f"cannot write {str(output)!r}: {error.strerror or error}") from None


def _write(output: Path, events: Events, step: str | None, opened: contextlib.ExitStack) -> int:
    count = 0
    boards: dict[str, _Board] = {}
    for batch in events.batches():
        for event in batch:
            name = _board_name(event)
            if name not in boards:
                boards[name] = _Board(output / name, step, opened)
            boards[name].add(event)
        count += len(batch)
    for board in boards.values():
        board.write_histograms()
    return count


def _require_tensorboard() -> None:
    try:
        import tensorboard.summary.writer.record_writer  # noqa: F401
    except ImportError:
        raise SettingError(
            "writing TensorBoard files needs tensorboard; pip install 'micrometric[tensorboard]'"
        ) from None


def _make_room(output: Path, *, force: bool) -> None:
    if not output.exists():
        return
    if not output.is_dir():
        raise PathError(f"{str(output)!r} is there and is no directory; name another")
    if any(output.iterdir()) and not force:
        raise PathError(
            f"{str(output)!r} is not empty; --force replaces the TensorBoard files in it"
        )
    for path in output.rglob(f"{_NAME}.*"):
        if path.is_file() and not path.is_symlink():
            path.unlink()


def _board_name(event: LogEvent) -> str:
    """Return the directory of an event: its run, and its rank where it has one."""
    run = _utf8((event.run or "run").replace("/", "_").replace("\0", "_").lstrip(".")) or "run"
    return run if event.rank is None else f"{run}/rank_{event.rank}"


class _Board:
    """The event file of one run and rank.

    TensorBoard's own writer has a thread that prints a traceback where the disk is full.

    Args:
        path: its directory.
        step: the metadata key that holds the step.
        opened: closes the file.
    """

    def __init__(self, path: Path, step: str | None, opened: contextlib.ExitStack) -> None:
        from tensorboard.summary.writer.record_writer import RecordWriter

        path.mkdir(parents=True, exist_ok=True)
        name = f"{_NAME}.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}"
        self._records = RecordWriter(opened.enter_context((path / name).open("wb")))
        self._steps = STEP_KEYS if step is None else (step,)
        self._counts: Counter[str] = Counter()
        self._values: dict[tuple[str, int], array[float]] = {}
        """Values by metric and step."""
        self._times: dict[tuple[str, int], float] = {}
        self._put(time.time(), file_version=_FORMAT)

    def add(self, event: LogEvent) -> None:
        """Write the scalars of an event; a list has one an element."""
        moment = event.timestamp.timestamp()
        key, step = self._step_of(event.metadata)
        for tag, value in _scalars(_tag(event.metric, event.metadata, key), event.value):
            at = self._counts[tag] if step is None else step
            self._counts[tag] += 1
            self._write(moment, at, tag, simple_value=value)
            if math.isfinite(value):
                self._values.setdefault((event.metric, at), array("d")).append(value)
                self._times[event.metric, at] = moment

    def write_histograms(self) -> None:
        """Write how the values of a metric are spread, step by step, where there are several."""
        for (metric, step), values in self._values.items():
            if len(values) > 1:
                self._write(self._times[metric, step], step, metric, histo=_histogram(values))

    def _step_of(self, metadata: Mapping[str, Any]) -> tuple[str | None, int | None]:
        for key in self._steps:
            step = metadata.get(key)
            if step.__class__ is int and -_LARGEST <= step < _LARGEST:
                return key, step
        return None, None

    def _write(self, moment: float, step: int, tag: str, **content: Any) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        summary = Summary(value=[Summary.Value(tag=_utf8(tag), **content)])
        self._put(moment, step=step, summary=summary)

    def _put(self, moment: float, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=moment, **content).SerializeToString())


def _utf8(text: str) -> str:
    """Return a text with an escape in place of each lone surrogate, which UTF-8 cannot hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _tag(metric: str, metadata: Mapping[str, Any], step: str | None) -> str:
    parts = [f"{key}={item}" for key, item in metadata.items() if key != step]
    return "/".join([metric, ",".join(parts)]) if parts else metric


def _scalars(tag: str, value: Any) -> Iterator[tuple[str, float]]:
    if isinstance(value, float | int):
        yield tag, as_double(value)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars(f"{tag}/{index}", item)


def _histogram(values: array[float]) -> Any:
    import numpy as np
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

    counts, edges = np.histogram(values, bins=_BINS)
    numbers = np.asarray(values)
    return HistogramProto(
        min=numbers.min(),
        max=numbers.max(),
        num=len(numbers),
        sum=numbers.sum(),
        sum_squares=numbers @ numbers,
        bucket_limit=edges[1:].tolist(),
        bucket=counts.tolist(),
    )
