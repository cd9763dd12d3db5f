"""The app: its commands, its version, and the entry point."""

from __future__ import annotations

from typing import Annotated, ClassVar, NoReturn

import typer

from micrometric_cli import exits
from micrometric_cli.quick import QuickGroup


class Commands(QuickGroup):
    """The commands, in the order in which the help lists them."""

    functions: ClassVar = {
        "list": "micrometric_cli.commands.list:list_metrics",
        **{
            name: f"micrometric_cli.commands.{name}:{name}"
            for name in (
                *("validate", "tail", "summarize", "compact", "compare", "plot", "report"),
                *("export", "files", "check", "repair", "prune"),
            )
        },
    }


app = typer.Typer(
    name="micrometric",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Help drawn by rich takes three times as long to appear.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"micrometric {_installed_version()}")
        raise typer.Exit


def _installed_version() -> str:
    """Return the version of the library without importing it, which would take longer."""
    import runpy
    from importlib.util import find_spec

    spec = find_spec("micrometric")
    (folder,) = (spec and spec.submodule_search_locations) or [""]
    return str(runpy.run_path(f"{folder}/_version.py")["__version__"])


@app.callback()
def micrometric(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Read micro metrics: what is registered, what is logged right now, and what it amounts to."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line.

    Args:
        arguments: those of the process by default.
    """
    exits.run(app, arguments)
