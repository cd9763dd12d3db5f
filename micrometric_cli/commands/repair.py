"""`micrometric repair`: damaged logs written anew, elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from micrometric_cli.exits import ExitCode, finish
from micrometric_cli.options import Color, ColorOption, Format, FormatOption, ZoneOption

RepairPathsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, directories (searched recursively), globs or URLs of these.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Where to write, a directory a run; it must not be there yet, or be empty.",
        show_default=False,
    ),
]


def repair(
    paths: RepairPathsArgument,
    output: OutputOption,
    assume_tz: ZoneOption = None,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Write logs anew without their defects; the originals stay.

    Whole events are kept in order, byte for byte; events that share a line get their own; all else
    goes into SEGMENT.rejected with the reason, and the table adds up to the byte. Damaged
    compressed files are recovered up to the damage, and manifests made anew. Sessions that live,
    or may, are left out. Exits with 1 when nothing could be taken of a segment.
    """
    from micrometric.repairing import repair as repair_logs
    from micrometric_cli.output import print_table, progress, say_all
    from micrometric_cli.render.repair import outcome, repair_table

    with progress("repairing") as tell:
        done = repair_logs(paths, output, assume_tz=assume_tz, progress=tell)
    if done.repaired:
        print_table(repair_table(done), format_, color)
    say_all(outcome(done, output))
    if not done.is_whole:
        finish(ExitCode.FINDINGS)
