"""The package: what it exports, what importing it costs and drags in."""

import subprocess
import sys

import pytest

import micrometric


def test_exactly_the_public_names_are_exported() -> None:
    public = {
        name
        for name, item in vars(micrometric).items()
        if not name.startswith("_") and not isinstance(item, type(micrometric))
    }

    assert public | {"__version__"} == set(micrometric.__all__)


def run(code: str, *, cwd: str | None = None) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd).stdout


HEAVY = {"pandas", "duckdb", "narwhals", "numpy", "torch", "rich", "typer", "zstandard", "asyncio"}


def test_importing_brings_in_nothing_heavy() -> None:
    told = run(f"import sys, micrometric; print(sorted({HEAVY} & sys.modules.keys()))")

    assert told == "[]\n"


def test_importing_starts_opens_and_prints_nothing(tmp_path) -> None:
    told = run("import threading, micrometric; print(threading.active_count())", cwd=str(tmp_path))

    assert told == "1\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [name for name in micrometric.__all__ if name.endswith("Error")])
def test_every_error_is_a_micrometric_error(error: str) -> None:
    kind = getattr(micrometric, error)

    assert issubclass(kind, micrometric.MicrometricError)
    assert kind.__doc__
