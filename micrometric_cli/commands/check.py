"""`micrometric check`: every defect of some logs."""

from __future__ import annotations

from typing import Annotated

import typer

from micrometric_cli.exits import ExitCode, finish
from micrometric_cli.options import (
    Color,
    ColorOption,
    Format,
    FormatOption,
    PathsArgument,
    ZoneOption,
)

LimitOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        help="Defects to show one by one below their summary; json and csv have them all.",
    ),
]


def check(
    paths: PathsArgument = None,
    limit: LimitOption = 20,
    assume_tz: ZoneOption = None,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Find every defect: broken lines, files, manifests, losses.

    First how many there are of each kind, what it means and what to do about it; then each with
    its file, line and byte. Exits with 0 when there is none, 1 when there are some, and 2 when a
    file cannot be read.
    """
    from micrometric.checking import check as check_logs
    from micrometric_cli.output import print_table, progress, say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.check import advice, defect_table, kind_table, verdict

    with progress("checking") as tell:
        found = check_logs(paths_or_default(paths), assume_tz=assume_tz, progress=tell)
    exact = format_ in (Format.JSON, Format.CSV)
    if exact:
        print_table(defect_table(found, limit=None), format_, color)
    elif found.counts:
        print_table(kind_table(found), format_, color)
        if limit:
            typer.echo()
            print_table(defect_table(found, limit=limit), format_, color)
        say_all(advice(found))
    say_all(verdict(found, limit=None if exact else limit))
    if "unreadable" in found.counts:
        finish(ExitCode.USAGE)
    if not found.is_clean:
        finish(ExitCode.FINDINGS)
