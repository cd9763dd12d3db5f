"""`micrometric check`: every defect of some logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from micrometric_cli.exits import ExitCode, finish
from micrometric_cli.options import (
    Color,
    ColorOption,
    Format,
    FormatOption,
    PathsArgument,
    ZoneOption,
    refuse_beside,
)

if TYPE_CHECKING:
    from micrometric.checking import Check
    from micrometric_cli.render.table import Table

_LIMIT = 20

LimitOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help=f"Defects to show one by one below their summary: {_LIMIT} unless told; json and csv "
        "have them all.",
        show_default=False,
    ),
]
SessionsOption = Annotated[
    bool,
    typer.Option(
        "--sessions",
        help="A row for each session instead of each defect: whether it lives, ended or was "
        "killed, and what became of its events.",
        show_default=False,
    ),
]


def check(
    paths: PathsArgument = None,
    limit: LimitOption = None,
    sessions: SessionsOption = False,
    assume_tz: ZoneOption = None,
    format_: FormatOption = Format.TABLE,
    color: ColorOption = Color.AUTO,
) -> None:
    """Find every defect: broken lines, files, manifests, losses.

    First how many there are of each kind, what it means and what to do about it; then each with
    its file, line and byte; at last the sessions, whether each lives, ended or was killed, and
    what became of its events. Exits with 0 when there is none, 1 when there are some, and 2 when a
    file cannot be read.
    """
    from micrometric.checking import check as check_logs
    from micrometric_cli.output import print_table, progress, say_all
    from micrometric_cli.paths import paths_or_default
    from micrometric_cli.render.check import advice, defect_table, session_table, verdict

    if sessions:
        refuse_beside("--sessions", limit=limit)
    with progress("checking") as tell:
        found = check_logs(paths_or_default(paths), assume_tz=assume_tz, progress=tell)
    exact = format_ in (Format.JSON, Format.CSV)
    shown = None if exact or sessions else _LIMIT if limit is None else limit
    if sessions:
        tables = [session_table(found, limit=None, exact=exact)]
    elif shown is None:
        tables = [defect_table(found, limit=None)]
    else:
        tables = [*_tables(found, shown)]
    for number, table in enumerate(tables):
        if number:
            typer.echo()
        print_table(table, format_, color)
    if shown is not None:
        say_all(advice(found))
    say_all(verdict(found, limit=shown))
    if "unreadable" in found.counts:
        finish(ExitCode.USAGE)
    if not found.is_clean:
        finish(ExitCode.FINDINGS)


def _tables(found: Check, limit: int) -> Iterator[Table]:
    """Yield what people want to see, as far as there is something of it.

    Args:
        found: what was found.
        limit: defects to show one by one.
    """
    from micrometric_cli.render.check import (
        MOST_SESSIONS,
        defect_table,
        kind_table,
        session_table,
    )

    if found.counts:
        yield kind_table(found)
        if limit:
            yield defect_table(found, limit=limit)
    if found.sessions:
        yield session_table(found, limit=MOST_SESSIONS, exact=False)
