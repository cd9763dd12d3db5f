"""Registrations found by parsing: what is told, and that nothing is silently left out."""

import os
from pathlib import Path

import pytest

from micrometric import PathError
from micrometric.registry import Metric
from micrometric.sources import SourceMetrics, scan_sources


@pytest.fixture
def scan(tmp_path: Path):
    """Scan one file, `model.py`, with these lines."""

    def scan_lines(*lines: str) -> SourceMetrics:
        file = tmp_path / "model.py"
        file.write_text("\n".join(lines) + "\n")
        return scan_sources(file)

    return scan_lines


@pytest.mark.parametrize(
    "call",
    [
        'L.register_metric("density", float)',
        'L.register_metric(identifier="density", dtype=float)',
        'register_metric("density", "float")',
        'logger().register_metric("density", dtype=float)',
        'if True:\n    def f(self): return [L.register_metric("density", float)]',
    ],
)
def test_every_form_of_call_is_found(scan, call):
    found = scan(*call.split("\n"))

    assert [*found.metrics] == ["density"]
    assert found.metrics["density"].dtype == "float"
    assert found.unclear == []


def test_all_arguments_and_the_place_are_told(scan, tmp_path):
    found = scan(
        "",
        'L.register_metric("recall", list, unit="1", description="what is kept", dims=("head",))',
    )

    place = f"{tmp_path / 'model.py'}:2"
    assert found.metrics == {"recall": Metric("list", "1", "what is kept", ("head",), place)}


def test_one_dim_may_be_a_text(scan):
    assert scan('r.register_metric("m", list, dims="head")').metrics["m"].dims == ("head",)


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("int", "int"),
        ("list[float]", "list"),
        ("Any", "object"),
        ("typing.Any", "object"),
        ("np.float32", "numpy.float32"),
        ("Tensor", "torch.Tensor"),
        ("torch.nn.Parameter", "torch.nn.Parameter"),
        ("Phase", "Phase"),
        ("builtins.float", "float"),
    ],
)
def test_dtypes_are_named_as_a_manifest_names_them(scan, dtype, name):
    found = scan(
        "import numpy as np, typing, torch",
        "from torch import Tensor",
        "from typing import Any",
        "class Phase: ...",
        f'L.register_metric("m", {dtype})',
    )

    assert found.metrics["m"].dtype == name


@pytest.mark.parametrize(
    ("constant", "argument"),
    [
        ('NAME = "density"', "NAME"),
        ('NAME: str = "density"', "NAME"),
        ('A = B = "dens"', 'A + "ity"'),
        ('PREFIX = "dens"', 'f"{PREFIX}ity"'),
        ('PREFIX = "de"\nLONGER = PREFIX + "nsi"', 'LONGER + "ty"'),
    ],
)
def test_constants_of_the_file_are_known(scan, constant, argument):
    found = scan(*constant.split("\n"), f"L.register_metric({argument}, float)")

    assert [*found.metrics] == ["density"]
    assert found.unclear == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["L.register_metric(name, float)"], "identifier of what is registered, name: expected"),
        (
            ["A = 'x'", "A = 'y'", "L.register_metric(A, int)"],
            "identifier of what is registered, A",
        ),
        (["A = f()", "L.register_metric(A, int)"], "identifier of what is registered, A"),
        (["N = 3", "L.register_metric('m' + N, int)"], "identifier of what is registered, 'm' + N"),
        (["L.register_metric(f'{x}', int)"], "identifier of what is registered, f'{x}'"),
        (["L.register_metric(f'{1:>3}', int)"], "identifier of what is registered, f'{1:>3}'"),
        (["L.register_metric([] + {}, int)"], "identifier of what is registered, [] + {}"),
        (["L.register_metric({[]: 1}, int)"], "identifier of what is registered, {[]: 1}"),
        (["L.register_metric('m', dtype)"], "dtype of what is registered, dtype: expected"),
        (["L.register_metric('m', kinds[0])"], "dtype of what is registered, kinds: expected"),
        (["L.register_metric('m', float | int)"], "dtype of what is registered, float | int"),
        (["L.register_metric('m', float, unit=unit)"], "unit of what is registered, unit"),
        (["L.register_metric('m', float, dims=dims)"], "dims of what is registered, dims"),
        (["L.register_metric(*arguments)"], "registered by L.register_metric(*arguments)"),
        (["L.register_metric('m', **options)"], "registered by L.register_metric('m', **options)"),
        (["register = L.register_metric"], "register_metric is passed on here, not called"),
        (["L.register_metric('m m', float)"], "metric identifier 'm m' holds ' ' at position 1"),
        (["L.register_metric()"], "metric identifier must be a string, not None"),
        (["L.register_metric('m', float, 3, units='s')"], "unexpected keyword argument 'units'"),
        (["L.register_metric('m', float, unit=3)"], "unit of metric 'm' must be a string, not 3"),
    ],
)
def test_what_only_running_tells_is_named_with_its_place(scan, tmp_path, lines, said):
    found = scan(*lines)

    assert found.metrics == {}
    (sentence,) = found.unclear
    assert sentence.startswith(f"{tmp_path / 'model.py'}:{len(lines)}: ")
    assert said in sentence


def test_a_metric_registered_twice_with_other_dtypes_is_told(scan, tmp_path):
    found = scan('r.register_metric("m", int)', 'r.register_metric("m", float)')

    assert found.metrics["m"].dtype == "float"
    file = tmp_path / "model.py"
    assert found.unclear == [f"{file}:2: metric 'm' is float here but int at {file}:1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [(b"x = (\n", ":1: cannot be parsed: '(' was never closed"), (b"x\0y", "null bytes")],
)
def test_a_file_that_is_no_python_is_told_and_not_fatal(tmp_path, text, said):
    (tmp_path / "broken.py").write_bytes(text)
    (tmp_path / "model.py").write_text('r.register_metric("m", int)')

    found = scan_sources(tmp_path)

    assert [*found.metrics] == ["m"]
    assert len(found.unclear) == 1
    assert said in found.unclear[0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "cannot be read: not a regular file"),
        (lambda file: file.symlink_to("/dev/zero"), "cannot be read: not a regular file"),
        (lambda file: file.symlink_to("nowhere"), "cannot be read: No such file or directory"),
        (lambda file: file.write_bytes(b"#" * (3 << 20)), "it is longer than 2 MiB"),
    ],
    ids=["fifo", "device", "link to nothing", "too long"],
)
def test_what_cannot_be_read_to_its_end_is_told_and_not_waited_for(tmp_path, make, said):
    make(tmp_path / "a.py")
    (tmp_path / "model.py").write_text('r.register_metric("m", int)')

    found = scan_sources(tmp_path)

    assert [*found.metrics] == ["m"]
    assert len(found.unclear) == 1
    assert said in found.unclear[0]


@pytest.mark.parametrize("deep", ['"a"' + '+"a"' * 900, "a" + ".b" * 900], ids=["sum", "name"])
def test_what_is_nested_deeply_is_told(scan, deep):
    found = scan(
        f"r.register_metric({deep}, int)",
        f"r.register_metric('x', {deep})",
        f"r.register_metric(*{deep})",
        "r.register_metric('m', int)",
    )

    assert [*found.metrics] == ["m"]
    assert len(found.unclear) == 3
    assert all("nested too deeply" in said for said in found.unclear)


def test_assignments_to_other_than_names_are_no_constants(scan):
    found = scan("a, b = 1, 2", "c.d = 3", "e: int", "f.g: int = 4", "r.register_metric('m', int)")

    assert [*found.metrics] == ["m"]


def test_odd_escapes_of_the_author_do_not_warn(scan):
    assert [*scan(r'x = "\d"', 'r.register_metric("m", int)').metrics] == ["m"]


def test_an_encoding_named_in_the_file_is_used(tmp_path):
    file = tmp_path / "old.py"
    file.write_bytes(
        '# coding: latin-1\nr.register_metric("m", int, unit="µs")\n'.encode("latin-1")
    )

    assert scan_sources(file).metrics["m"].unit == "µs"


def test_directories_are_searched_without_other_peoples_code(tmp_path):
    for folder in ("pkg/sub", ".hidden", "env/lib", "pkg/__pycache__", "site-packages"):
        (tmp_path / folder).mkdir(parents=True)
        name = Path(folder).name.strip("._")
        (tmp_path / folder / "a.py").write_text(f'r.register_metric("{name}", int)')
    (tmp_path / "env" / "pyvenv.cfg").write_text("")

    assert [*scan_sources(tmp_path).metrics] == ["sub"]


def test_a_path_that_is_not_there_raises(tmp_path):
    with pytest.raises(PathError, match="no such path"):
        scan_sources(tmp_path / "absent")


def test_a_directory_without_python_raises(tmp_path):
    with pytest.raises(PathError, match="no Python files in"):
        scan_sources(tmp_path)
