"""Make the command reference from the commands themselves: python docs/make_commands.py [FILE].

It is read from their signatures, as Typer reads them, and not from `--help`, whose form changes
with the version of Typer and the width of the terminal.
"""

import enum
import inspect
import re
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.main import get_command
from typer.models import ArgumentInfo, ParameterInfo

from micrometric_cli.app import app

PAGE = Path(__file__).parent / "commands.md"
HEAD = """\
# Commands

What `micrometric COMMAND --help` says, on one page.
Exit codes are the same everywhere: 0 fine, 1 findings or no such data, 2 wrong use, 130 Ctrl-C.
`micrometric --install-completion` teaches your shell commands, options, metrics and keys.
"""


def command_reference() -> str:
    """Return the page as Markdown: a section for each command, with a table of its options."""
    known = get_command(app).commands  # type: ignore[attr-defined]
    return "\n".join([HEAD, *(_section(name, command) for name, command in known.items())])


def _section(name: str, command: Any) -> str:
    """Return the section of a command, which is a `click.Command` or what Typer has for it."""
    source = inspect.unwrap(command.callback)
    hints = get_type_hints(source, include_extras=True)
    opts = {one.name: [*one.opts, *one.secondary_opts] for one in command.params}
    arguments, options = [], []
    for parameter in inspect.signature(source).parameters.values():
        kind, *told = get_args(hints[parameter.name])
        info = next(one for one in told if isinstance(one, ParameterInfo))
        if isinstance(info, ArgumentInfo):
            arguments.append(_argument(parameter, info))
        else:
            options.append(_option(parameter, info, kind, opts[parameter.name]))
    usage = " ".join(["micrometric", name, "[OPTIONS]", *(left for left, _ in arguments)])
    return "\n".join(
        [
            f"## {name}\n",
            f"{_prose(inspect.getdoc(source) or '')}\n",
            f"```text\n{usage}\n```\n",
            "| argument or option | meaning |",
            "|---|---|",
            *(_row(left, right) for left, right in [*arguments, *options]),
            "",
        ]
    )


def _argument(parameter: inspect.Parameter, info: ParameterInfo) -> tuple[str, str]:
    """Return how an argument is written, and what it means."""
    name = info.metavar or parameter.name.upper()
    told = name if _is_required(parameter) else f"[{name}]"
    return told if told.endswith("...") else f"{told}...", info.help or ""


def _option(
    parameter: inspect.Parameter, info: ParameterInfo, kind: Any, opts: list[str]
) -> tuple[str, str]:
    """Return how an option is written, and what it means."""
    meaning = [info.help or ""]
    if info.min is not None:
        meaning.append(f"At least {info.min}.")
    if _is_required(parameter):
        meaning.append("Required.")
    elif info.show_default and parameter.default not in (None, False, True):
        meaning.append(f"Default: {parameter.default}.")
    told = ", ".join(opts)
    if kind is not bool:
        choices = next((one for one in (kind, *get_args(kind)) if _is_enum(one)), ())
        value = "|".join(choice.value for choice in choices) or info.metavar
        told += f" {value}"
    return told, " ".join(meaning)


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


def _prose(text: str) -> str:
    """Return a text without signs that Markdown takes for its own."""
    return re.sub(r"([*\[\]<>])", r"\\\1", text)


def _row(left: str, right: str) -> str:
    # A table is cut at bars, even within code.
    code, words = (text.replace("|", "\\|") for text in (left, _prose(right)))
    return f"| `{code}` | {words} |"


if __name__ == "__main__":
    Path(sys.argv[1] if sys.argv[1:] else PAGE).write_text(command_reference())
