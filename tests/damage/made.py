"""What git does not keep: special files, links, and names that are no names elsewhere.

Each function makes an item of the corpus from the two sound segments of a session.
"""

import os
import socket
from pathlib import Path

from micrometric.segment import closed_name, manifest_name

SESSION = "20261123T080000000000Z-r0-4711"
OTHER = "20261123T090000000000Z-r1-4712"


def fifo(logs: Path) -> None:
    os.mkfifo(logs / closed_name(SESSION, 2))


def fifo_as_manifest(logs: Path) -> None:
    os.mkfifo(logs / manifest_name(OTHER))


def unix_socket(logs: Path) -> None:
    here = Path.cwd()
    os.chdir(logs)  # The name of a socket is short, or it is none.
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(closed_name(SESSION, 2))
    finally:
        os.chdir(here)


def directory_as_segment(logs: Path) -> None:
    (logs / closed_name(SESSION, 2)).mkdir()


def directory_as_manifest(logs: Path) -> None:
    (logs / manifest_name(OTHER)).mkdir()


def link_to_nothing(logs: Path) -> None:
    (logs / closed_name(SESSION, 2)).symlink_to("nowhere")


def link_to_itself(logs: Path) -> None:
    (logs / closed_name(SESSION, 2)).symlink_to(closed_name(SESSION, 2))


def links_in_a_circle(logs: Path) -> None:
    for name, other in ("one", "two"), ("two", "one"):
        (logs / name).mkdir()
        (logs / name / other).symlink_to(logs / other)
        (logs / name / "up").symlink_to("..")


def link_to_device(logs: Path) -> None:
    (logs / closed_name(SESSION, 2)).symlink_to("/dev/zero")
    (logs / closed_name(SESSION, 3)).symlink_to("/dev/random")


def hard_links(logs: Path) -> None:
    (logs / closed_name(SESSION, 2)).hardlink_to(logs / closed_name(SESSION, 1))


def name_with_break(logs: Path) -> None:
    _into(logs, b"a\nb\t\x1b[2Jc")


def name_like_an_option(logs: Path) -> None:
    _into(logs, b"--yes")


def name_not_utf8(logs: Path) -> None:
    _into(logs, b"w\xe4rme=\xff")


def key_not_utf8(logs: Path) -> None:
    _into(logs, b"k=\xff")


def name_like_a_pattern(logs: Path) -> None:
    _into(logs, b"[ab]*?{x,y}=~ 'q' \"r\" --")


def name_with_markup(logs: Path) -> None:
    _into(logs, b"[bold]<script>alert(1)<script>\xe2\x80\xae==1+1")


def _into(logs: Path, name: bytes) -> None:
    """Move all files into a directory of a name."""
    files = [*logs.iterdir()]
    run = logs / os.fsdecode(name)
    run.mkdir()
    for path in files:
        path.rename(run / path.name)
