"""How files are told that were fetched from a URL: by the URL, never by their temporary path.

A fetched tree lies in a temporary directory as `<root>/<protocol>/<bucket or host>/<parts…>`.
So the path of a file alone says what its URL was, also when the file is gone. Names that mean
something else on a disk, such as `..`, are written as `%` and their quoted form.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
_ROOT_PREFIX = "micrometric-url-"
_NAME_BYTES = 255
"""Bytes of the longest name that file systems bear."""

_roots: set[Path] = set()
"""Temporary directories of fetched files that this process has made, also those that are gone."""


def is_url(path: str | os.PathLike[str]) -> bool:
    """Say whether a path is a URL; a `Path` never is, for it drops a slash."""
    return isinstance(path, str) and _URL.fullmatch(path) is not None


def url_parts(url: str) -> tuple[str, tuple[str, ...]]:
    """Return the protocol of a URL and the parts behind it, the bucket or host first.

    What may be secret, a password or a signature in the query, is left out.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError(f"not a URL: {url!r}")
    protocol, rest = match["protocol"].lower(), match["rest"]
    is_web = protocol in ("http", "https")
    if is_web:
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    if not rest.strip("/"):
        return protocol, ()
    first, *parts = rest.strip("/").split("/")
    if is_web:
        parts = [unquote(part) for part in parts]
    return protocol, (first.rpartition("@")[2], *parts)


def shown_url(url: str) -> str:
    """Return a URL as it is told, without what may be secret in it."""
    protocol, parts = url_parts(url)
    return f"{protocol}://{'/'.join(parts)}{'/' * (url.endswith('/') and bool(parts))}"


def new_root() -> Path:
    """Make a temporary directory for fetched files."""
    import tempfile  # only where something is fetched; the command line asks all paths `is_url`

    root = Path(tempfile.mkdtemp(prefix=_ROOT_PREFIX))
    _roots.add(root)
    return root


def remove_root(root: Path, pid: int) -> None:
    """Remove a temporary directory that a process made, if this is that process."""
    import shutil

    if os.getpid() == pid:  # A child that was forked has its parent's mirrors, but not for itself.
        shutil.rmtree(root, ignore_errors=True)


def local_name(part: str) -> str:
    """Return the file name for a part of a URL: the same, unless it would mean something else."""
    odd = part in ("", ".", "..") or part.startswith("%") or "/" in part or "\0" in part
    name = quoted_name(part) if odd else part
    if len(os.fsencode(name)) > _NAME_BYTES:
        import hashlib

        return f"%{hashlib.sha256(part.encode()).hexdigest()}"
    return name


def quoted_name(part: str) -> str:
    """Return a file name that no other part of a URL has, and that means nothing by itself."""
    return f"%{quote(part, safe='').replace('.', '%2E')}"


def shown(path: Path) -> str:
    """Return how a path is told: as its URL when it was fetched, else as it is."""
    protocol, *parts = _parts_of(path) or [""]
    return f"{protocol}://{'/'.join(parts)}" if protocol else str(path)


def place_of(path: Path) -> Path:
    """Return where a path is for the keys and runs in it: where it was fetched from, if it was.

    The directories above the temporary one say nothing about a run.
    """
    parts = _parts_of(path)
    return Path("/", *parts) if parts else path


def root_of(path: Path) -> Path | None:
    """Return the temporary directory that a path is in, None when it was not fetched."""
    return next((root for root in path.parents if root in _roots), None) if _roots else None


def _parts_of(path: Path) -> list[str]:
    root = root_of(path)
    if root is None:
        return []
    names = path.relative_to(root).parts
    return [unquote(n[1:]) if n.startswith("%") else n for n in names]
