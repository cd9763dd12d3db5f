"""Make the pictures of `plots.md` by the commands that stand there: python docs/make_pictures.py.

An argument names another directory than `docs/pictures`.
"""

import os
import re
import shlex
import sys
from pathlib import Path

from micrometric_cli.app import app

DOCS = Path(__file__).resolve().parent
COMMANDS = {
    name: command
    for command, name in re.findall(
        r"^\$ micrometric (plot .*?)$.*?^!\[.*?\]\(pictures/(\S+)\)$",
        (DOCS / "plots.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
}
"""For each picture, the command above it on the page."""


def main(directory: Path) -> None:
    """Write all pictures into a directory."""
    directory = directory.resolve()
    directory.mkdir(exist_ok=True)
    os.chdir(DOCS.parent)  # where the sample_logs are that the commands name
    for name, command in COMMANDS.items():
        arguments = [*shlex.split(command), "--output", str(directory / name), "--force"]
        app(arguments, standalone_mode=False)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or [DOCS / "pictures"]))
