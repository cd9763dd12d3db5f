"""Which logs are meant when no path is named."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from micrometric.fetched import is_url, shown_url
from micrometric_cli.exits import say, until_end

_USUAL = ("logs", "metric_logs")


@dataclass(frozen=True, slots=True)
class Choice:
    """A path, and why it was chosen."""

    path: str
    reason: str


def paths_or_default(paths: list[str] | None) -> list[str]:
    """Return the paths named by the user, else the default, told on standard error.

    Raises:
        PathError: none was named and there is no default.
    """
    if not paths:
        choice = default_path()
        path = shown_url(choice.path) if is_url(choice.path) else choice.path
        say(f"reading {path} ({choice.reason})")
        paths = [choice.path]
    fetch_once(paths)
    return paths


def fetch_once(paths: list[str]) -> None:
    """Let each URL be fetched once in this command, however often it is read, and tell of it."""
    if any(map(is_url, paths)):
        from micrometric.remote import kept
        from micrometric_cli.progress import fetching

        until_end(kept(fetching()))


def default_path() -> Choice:
    """Return the path to read when none is named.

    Raises:
        PathError: nothing says where logs are.
    """
    from micrometric.errors import PathError

    if path := os.environ.get("MICROMETRIC_LOG_PATH"):
        return Choice(path, "MICROMETRIC_LOG_PATH")
    if choice := _from_project(Path.cwd()):
        return choice
    for name in _USUAL:
        if _holds_segments(Path(name)):
            return Choice(f"{name}/", "found here")
    raise PathError(
        "no path given, MICROMETRIC_LOG_PATH is not set, no pyproject.toml names a read_path, "
        "and neither logs/ nor metric_logs/ holds logs; name a path"
    )


def _from_project(directory: Path) -> Choice | None:
    for folder in (directory, *directory.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            path = _read_path(file)
            if path is None:
                return None
            if not is_url(path):
                path = os.path.relpath(folder / path)
            return Choice(path, f"read_path in {os.path.relpath(file)}")
    return None


def _read_path(file: Path) -> str | None:
    import tomllib

    from micrometric.errors import SettingError

    try:
        document = tomllib.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise SettingError(
            f"cannot read {str(file)!r}: {error}; name a path to do without"
        ) from None
    path: object = document
    for key in ("tool", "micrometric", "read_path"):
        path = path.get(key) if isinstance(path, dict) else None
    if not isinstance(path, str | None):
        raise SettingError(
            f"read_path of [tool.micrometric] in {str(file)!r} must be a string, not {path!r}"
        )
    return path


def _holds_segments(directory: Path) -> bool:
    from micrometric.errors import PathError
    from micrometric.finder import find

    try:
        return bool(find(directory).segments)
    except PathError:
        return False
