"""Events as files of other formats: one flow from logs through flat columns to a sink.

Events are read twice, first for the columns there are and then to be written, so that no more of
them than a batch is in memory. A file appears under its name once it is whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from micrometric.batches import batches_of
from micrometric.errors import PathError, SettingError
from micrometric.event import LogEvent
from micrometric.flat import Flat
from micrometric.given import Paths, listed
from micrometric.printable import printable
from micrometric.reader import iter_events
from micrometric.report import Report
from micrometric.spec import hint
from micrometric.spool import held
from micrometric.temporary import hidden_name, temporary_directory, told_as_temporary

"""Events in memory at a time."""
SUFFIXES = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
FORMATS = ("csv", "jsonl", "parquet", "arrow", "tensorboard")
STDOUT = Path("-")


@dataclass(slots=True)
class Exported:
    """What was written."""

    events: int = 0
    report: Report = field(default_factory=Report)
    """What was skipped, assumed and noticed."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events that can be read again and again, a batch at a time."""

    again: Callable[[], Iterator[LogEvent]]

    def batches(self) -> Iterator[list[LogEvent]]:
        """Yield all events, some at a time."""
        yield from batches_of(self.again())

    def flat(self) -> Flat:
        """Return the columns that the events need."""
        flat = Flat()
        for batch in self.batches():
            flat.learn(batch)
        return flat


def export(
    paths: Paths,
    output: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - as the option of the command is called
    force: bool = False,
    step: str | None = None,
    metrics: str | Iterable[str] | None = None,
    location: str | None = None,
    where: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    launch: str | None = None,
    assume_tz: str | tzinfo | None = None,
) -> Exported:
    """Write the events of some logs to a file of another format.

    Args:
        paths: files, directories (recursive), globs or `-`; one or several.
        output: the file, or the directory for `tensorboard`; `-` is standard output.
        format: one of `FORMATS`; by default what the name of the file ends with.
        force: whether to write over what is there.
        step: for `tensorboard`, the metadata key that holds the step.
        metrics: filters, as for `iter_events`.
        location: see `iter_events`.
        where: see `iter_events`.
        since: see `iter_events`.
        until: see `iter_events`.
        launch: see `iter_events`.
        assume_tz: see `iter_events`.

    Raises:
        PathError: a path cannot be read or the file not be written, or it is there already.
        FilterError: a filter cannot be read.
        SpecError: the spec cannot be read.
        SettingError: there is no such format, or what it needs is not installed.
        NoDataError: there is no such launch.
    """
    output = Path(output)
    chosen = _format_of(output, format)
    if step is not None and chosen != "tensorboard":
        raise SettingError(f"a step is for tensorboard; {chosen} has every metadata key as it is")
    done = Exported()
    files = listed(paths)

    def again() -> Iterator[LogEvent]:
        # Each reading has a report of its own: the last one counts.
        done.report = Report()
        return iter_events(
            files,
            metrics=metrics,
            location=location,
            where=where,
            since=since,
            until=until,
            launch=launch,
            assume_tz=assume_tz,
            report=done.report,
        )

    with held(files):
        events = Events(again)
        if chosen == "tensorboard":
            from micrometric.tensorboard_files import write_tensorboard

            done.events = write_tensorboard(output, events, step=step, force=force)
        else:
            from micrometric.sinks import SINKS

            with target(output, force=force) as path:
                done.events = SINKS[chosen](path, events)
    return done


def _format_of(output: Path, asked: str | None) -> str:
    if asked is not None:
        if asked not in FORMATS:
            raise SettingError(
                f"no format is called {asked!r}; expected one of {', '.join(FORMATS)}"
                f"{hint(asked, FORMATS)}"
            )
        return asked
    if output == STDOUT:
        raise SettingError("standard output has no name that tells the format; name it: --format")
    if output.suffix.lower() not in SUFFIXES:
        raise SettingError(
            f"{str(output)!r} does not tell the format; expected a name that ends with one of "
            f"{', '.join(SUFFIXES)}, or --format"
        )
    return SUFFIXES[output.suffix.lower()]


@contextlib.contextmanager
def target(output: Path, *, force: bool) -> Iterator[Path]:
    """Give the path to write to, which becomes the output once all is written.

    Raises:
        PathError: the output is there already, or cannot be written.
    """
    if output == STDOUT:
        with temporary_directory() as folder:
            path = folder / "export"
            with told_as_temporary():
                yield path
            with path.open("rb") as whole:
                if sys.stdout.isatty():
                    _show(whole)
                else:
                    shutil.copyfileobj(whole, sys.stdout.buffer)
        return
    refuse_existing(output, force=force)
    temporary = output.with_name(f"{hidden_name(output.name)}{os.getpid()}.tmp")
    try:
        # Made first: a target that cannot be written is told before anything is read.
        temporary.open("xb").close()
        yield temporary
        temporary.replace(output)
    except PathError:
        raise  # Of what is read, not of the output.
    except OSError as error:
        raise PathError(f"cannot write {str(output)!r}: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _show(lines: Iterable[bytes]) -> None:
    """Print lines to a terminal, which texts in them must not command."""
    for line in lines:
        text = line.removesuffix(b"\n").decode("utf-8", "backslashreplace")
        sys.stdout.write(f"{printable(text)}\n")


def refuse_existing(output: Path, *, force: bool) -> None:
    """Refuse to write over something.

    Raises:
        PathError: it is there and not to be written over, or no regular file.
    """
    if not output.exists() and not output.is_symlink():
        return
    if not output.is_file():
        raise PathError(f"{str(output)!r} is there and is no regular file; name another")
    if not force:
        raise PathError(f"{str(output)!r} is there already; --force writes over it")
