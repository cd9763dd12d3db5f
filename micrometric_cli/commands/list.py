"""`micrometric list`: the metrics there are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.exits import say
from micrometric_cli.options import (
    Color,
    ColorOption,
    Filters,
    Format,
    FormatOption,
    LaunchOption,
    LocationOption,
    MetricsOption,
    PathsArgument,
    SinceOption,
    StrictOption,
    UntilOption,
    WhereOption,
    ZoneOption,
    refuse_beside,
)

if TYPE_CHECKING:
    from micrometric.registry import Metric

SourceOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Instead of logs, look for register_metric calls in the Python files under DIR. They "
        "are parsed, never run.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Also write what is registered to a manifest such as registry.json, which validate "
        "reads. It replaces no file but a manifest of that kind.",
    ),
]


def list_metrics(
    paths: PathsArgument = None,
    source: SourceOption = None,
    output: OutputOption = None,
    metrics: MetricsOption = None,
    location: LocationOption = None,
    where: WhereOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    launch: LaunchOption = None,
    assume_tz: ZoneOption = None,
    strict: StrictOption = False,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """List metrics and whether they are logged.

    Shows dtype, unit, where registered, enabled or why not, events and when the last one was seen.
    Metrics come from the manifests beside the logs; one that only events name is marked
    unregistered. Filters choose which events are counted.
    """
    from micrometric.errors import NoDataError, SettingError
    from micrometric.listing import list_metrics as list_logged
    from micrometric_cli.output import print_table, tell_report
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.listing import listing_table, registry_table

    filters = Filters(
        metrics=metrics,
        location=location,
        where=where,
        since=since,
        until=until,
        launch=launch,
        assume_tz=assume_tz,
    )
    if source is not None:
        if paths:
            raise SettingError("PATH and --source exclude each other")
        refuse_beside("--source", **filters | {"metrics": None}, strict=strict)
        registered = _from_sources(source, metrics)
        table = registry_table(registered)
    else:
        listing = list_logged(paths_or_default(paths), **filters)
        registered = listing.registered
        table = listing_table(listing)
        tell_report(listing.report, strict=strict)
    if not table.rows:
        raise NoDataError("no metric is registered or logged there, or --metrics leaves none")
    print_table(table, format_, color)
    if output is not None:
        _write(output, registered)


def _from_sources(source: Path, metrics: str | None) -> dict[str, Metric]:
    from micrometric.sources import scan_sources
    from micrometric.spec import parse_spec
    from micrometric_cli.output import say_all

    found = scan_sources(source)
    say_all(found.unclear)
    spec = parse_spec("all" if metrics is None else metrics)
    return {name: metric for name, metric in found.metrics.items() if spec.matches(name)}


def _write(output: Path, registered: Mapping[str, Metric]) -> None:
    from micrometric.errors import PathError
    from micrometric.manifest import Manifest, write_manifest

    _refuse_other_file(output)
    try:
        write_manifest(output, Manifest(dict(registered)))
    except OSError as error:
        raise PathError(f"cannot write {str(output)!r}: {error.strerror}") from None
    say(f"wrote {len(registered)} metric{'s' * (len(registered) != 1)} to {output}")


def _refuse_other_file(output: Path) -> None:
    from micrometric.errors import ManifestError, PathError
    from micrometric.manifest import read_manifest

    if not output.exists():
        return
    try:
        kind = "the manifest of a session" if read_manifest(output).session else None
    except ManifestError:
        kind = "no manifest"
    if kind is not None:
        raise PathError(f"{str(output)!r} is there and is {kind}; it is left alone, name another")
