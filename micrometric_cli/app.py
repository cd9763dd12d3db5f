"""The app: its commands, its version, and the entry point."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from micrometric_cli import exits
from micrometric_cli.commands.list_ import list_metrics
from micrometric_cli.commands.summarize import summarize
from micrometric_cli.commands.tail import tail
from micrometric_cli.commands.validate import validate

app = typer.Typer(
    name="micrometric",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_metrics)
app.command()(validate)
app.command()(tail)
app.command()(summarize)


def _version(asked: bool) -> None:
    if asked:
        from micrometric._version import __version__

        typer.echo(f"micrometric {__version__}")
        raise typer.Exit


@app.callback()
def micrometric(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Read micro metrics: what is registered, what is logged right now, and what it amounts to."""


def main() -> NoReturn:
    """Run the command line."""
    exits.run(app)
