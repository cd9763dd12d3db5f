"""The package: what it exports, what importing it costs and drags in."""

import pkgutil
import re
import subprocess
import sys
import tomllib

import pytest

import micrometric
from tests.programs import ROOT


def test_exactly_the_public_names_are_exported() -> None:
    given = [name for names in micrometric._MODULES.values() for name in names]

    assert sorted([*given, "__version__"]) == sorted(micrometric.__all__)
    assert set(micrometric.__all__) <= set(dir(micrometric))


@pytest.mark.parametrize("name", micrometric.__all__)
def test_every_name_is_loaded_when_it_is_used(name: str) -> None:
    told = run(f"import micrometric; print(micrometric.{name} is micrometric.{name})")

    assert told == "True\n"


def test_no_name_is_hidden_by_a_module_of_its_own() -> None:
    modules = {module.name for module in pkgutil.iter_modules(micrometric.__path__)}

    assert not modules & set(micrometric.__all__)


def test_a_name_that_there_is_not_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'MicroMetricsLogger'"):
        _ = micrometric.MicroMetricsLogger


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


def test_what_the_readme_links_to_is_in_the_archive_of_sources() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    links = re.findall(r"\]\(([\w./-]+)\)", (ROOT / "README.md").read_text())

    assert {f"/{link.partition('/')[0]}" for link in links} <= set(included)
