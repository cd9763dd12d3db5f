"""Exit codes and error lines, made in one place."""

from __future__ import annotations

import contextlib
import enum
import os
import re
import shutil
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from micrometric_cli.streams import OutputError, prepare, silence


class ExitCode(enum.IntEnum):
    """What the exit code of a command says."""

    FINE = 0
    FINDINGS = 1
    """A spec that does not fit, defects, or no such data."""
    USAGE = 2
    """Wrong use, no such path, or an output that cannot be written."""
    INTERRUPTED = 130
    """Ctrl-C."""


def say(message: str) -> None:
    """Tell the user something beside the data: one line on standard error."""
    from micrometric_cli.render.text import printable

    line = f"micrometric: {printable(message)}"
    if sys.stderr.isatty():
        line = _wrapped(line)
    try:
        print(line, file=sys.stderr)  # noqa: T201 - this is the place
    except OSError:
        silence(sys.stderr)  # Nobody hears it: the command goes on with what it was asked.


def _wrapped(line: str) -> str:
    import textwrap

    width = max(20, shutil.get_terminal_size().columns)
    # Paths and options stay whole, to be copied.
    return textwrap.fill(
        line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


_held = contextlib.ExitStack()
_found: list[str] = []
"""What makes this command end with findings although it did what it was asked."""


def until_end(resource: contextlib.AbstractContextManager[object]) -> None:
    """Enter a context that is left when the command has ended, in whatever way."""
    _held.enter_context(resource)


def end_with_findings(why: str) -> None:
    """Let the command end with 1 if nothing worse happens, and say why then."""
    _found.append(why)


def finish(code: ExitCode) -> NoReturn:
    """End the command with a code."""
    raise typer.Exit(code)


def run(app: Callable[..., object], arguments: list[str] | None = None) -> NoReturn:
    """Run the app, and end the process with the right code and at most one error.

    Args:
        app: a Typer app.
        arguments: those of the command line by default.
    """
    prepare()
    _found.clear()
    try:
        code = _code_of(app, arguments)
        sys.stdout.flush()
        if _found and code == ExitCode.FINE:
            say(_found[0])
            code = ExitCode.FINDINGS
    except BrokenPipeError:
        silence(sys.stdout)  # Whoever read has enough.
        code = ExitCode.FINE
    except OutputError as error:
        silence(sys.stdout)
        say(f"cannot write to standard output: {error.strerror}")
        code = ExitCode.USAGE
    finally:
        _held.close()
    sys.exit(code)


def _code_of(app: Callable[..., object], arguments: list[str] | None) -> int:
    try:
        code = app(arguments, prog_name="micrometric", standalone_mode=False)
    except typer.TyperException as error:
        return _usage(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit as ending:
        # Typer ends so when a pipe is closed, after it has told nobody; and after a completion.
        if isinstance(ending.__context__, BrokenPipeError):
            raise BrokenPipeError from None
        raise
    except Exception as error:  # noqa: BLE001 - what is not ours is raised again
        return _told(error)
    return code if isinstance(code, int) else ExitCode.FINE


def _usage(error: typer.TyperException) -> ExitCode:
    message = error.format_message().replace("Value error, ", "")
    if "\n" in message:  # Without arguments it is the help.
        print(message, file=sys.stderr)  # noqa: T201
    else:
        said = f"{message[0].lower()}{message[1:]}".rstrip(".")
        say(said if said.endswith("?") else f"{said}{_likelier(said)}; see --help")
    return ExitCode.USAGE


def _likelier(message: str) -> str:
    """Return a hint at the choice that a mistyped value of an option may have meant."""
    found = re.search(r"'([^']*)' is not one of (.*)", message)
    if found is None:
        return ""
    from difflib import get_close_matches

    close = get_close_matches(found[1], re.findall(r"'([^']*)'", found[2]), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _told(error: Exception) -> ExitCode:
    """Tell an error of the library in a line; any other is a bug and keeps its traceback."""
    from micrometric.errors import MicrometricError, NoDataError

    if isinstance(error, FileNotFoundError) and _is_nowhere():
        say("the working directory is gone; name absolute paths, or change to another directory")
        return ExitCode.USAGE
    if not isinstance(error, MicrometricError):
        raise error
    say(str(error))
    _point(getattr(error, "text", None), getattr(error, "column", None))
    return ExitCode.FINDINGS if isinstance(error, NoDataError) else ExitCode.USAGE


def _is_nowhere() -> bool:
    """Say whether the working directory was removed; what asks for it has no other error."""
    try:
        os.getcwd()  # noqa: PTH109 - as everything asks for it
    except FileNotFoundError:
        return True
    return False


def _point(text: str | None, column: int | None) -> None:
    """Show the place of a fault under the text the user wrote."""
    from micrometric.printable import is_printable

    if text and column is not None and is_printable(text) and len(text) < 200:
        print(f"  {text}\n  {' ' * column}^", file=sys.stderr)  # noqa: T201
