"""`micrometric list`: the registered metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.exits import ExitCode, finish, say
from micrometric_cli.options import (
    Color,
    ColorOption,
    Format,
    FormatOption,
    PathsArgument,
    ZoneOption,
)

if TYPE_CHECKING:
    from micrometric.finder import Found
    from micrometric.registry import Metric
    from micrometric_cli.render.registry import Session


def list_metrics(
    paths: PathsArgument = None,
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Find register_metric calls in the Python files under DIR, by parsing, without "
            "running any of them.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also write the metrics to a manifest, such as registry.json, which validate "
            "reads. A manifest that is there is replaced.",
        ),
    ] = None,
    assume_tz: ZoneOption = None,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """List the registered metrics: dtype, unit, whether enabled, events seen and where registered.

    They come from the manifests beside the logs; metrics that only events name are marked
    unregistered.
    """
    from micrometric_cli.output import print_table
    from micrometric_cli.render.registry import metrics_table

    if source is not None:
        registered = _from_sources(source)
        table = metrics_table(registered, {}, [])
        table.dull |= {"events"}
    else:
        registered, table = _from_logs(paths, assume_tz)  # type: ignore[assignment]
    if output is not None:
        _write(output, registered)
    if not table.rows:
        say("no metric is registered there")
        finish(ExitCode.FINDINGS)
    print_table(table, format_, color)


def _from_sources(source: Path) -> dict[str, Metric]:
    from micrometric.sources import scan_sources
    from micrometric_cli.output import say_all

    found = scan_sources(source)
    say_all(found.unclear)
    return found.metrics


def _from_logs(paths: list[str] | None, assume_tz: str | None) -> tuple[dict[str, Metric], object]:
    from micrometric.finder import find
    from micrometric.reader import read_zone
    from micrometric.report import Report
    from micrometric.summary import survey
    from micrometric_cli.output import say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.registry import metrics_table, sessions_sentence

    found = find(paths_or_default(paths))
    report = Report()
    registered = found.metrics()
    seen = survey(found, read_zone(assume_tz), report)
    sessions = _sessions(found)
    say_all([*found.notes, *report.sentences()])
    if sentence := sessions_sentence(sessions):
        say(sentence)
    return registered, metrics_table(registered, seen, sessions)


def _sessions(found: Found) -> list[Session]:
    from datetime import UTC, datetime

    from micrometric.machine import this_machine
    from micrometric.manifest import session_state
    from micrometric_cli.render.registry import Session

    now, machine = datetime.now(UTC), this_machine()
    return [
        Session(told.session, session_state(told.session, now=now, machine=machine))
        for _, told in found.manifests
        if told.session is not None
    ]


def _write(output: Path, registered: dict[str, Metric]) -> None:
    from micrometric.errors import ManifestError, PathError
    from micrometric.manifest import Manifest, read_manifest, write_manifest

    if output.exists():
        try:
            read_manifest(output)
        except ManifestError:
            raise PathError(
                f"{str(output)!r} is there and is no manifest; it is left as it is, name another"
            ) from None
    try:
        write_manifest(output, Manifest(registered))
    except OSError as error:
        raise PathError(f"cannot write {str(output)!r}: {error.strerror}") from None
    say(f"wrote {len(registered)} metrics to {output}")
