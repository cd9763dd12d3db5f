"""The contract that keeps the write side and the read side apart."""

import pytest
from grimp import ImportGraph

from tests.sides import SidesContract

CONTRACT = SidesContract(
    name="sides",
    session_options={"root_packages": ["package"]},
    contract_options={"write": ["package.writer"], "shared": ["package.event"]},
)


def imports(*pairs: tuple[str, str]) -> ImportGraph:
    graph = ImportGraph()
    for module in ("package", "package.writer", "package.event", "package.reader"):
        graph.add_module(module)
    graph.add_module("numpy", is_squashed=True)
    for importer, imported in pairs:
        graph.add_import(importer=importer, imported=imported)
    return graph


def test_both_sides_may_know_what_they_share_and_other_packages() -> None:
    graph = imports(
        ("package.writer", "package.event"),
        ("package.reader", "package.event"),
        ("package.writer", "numpy"),
        ("package", "package.writer"),
    )

    assert CONTRACT.check(graph, verbose=False).kept


@pytest.mark.parametrize(
    ("importer", "imported", "fault"),
    [
        ("writer", "reader", "package.writer (write) imports package.reader (read)"),
        ("reader", "writer", "package.reader (read) imports package.writer (write)"),
        ("event", "writer", "package.event (shared) imports package.writer (write)"),
        ("event", "reader", "package.event (shared) imports package.reader (read)"),
        ("unheard_of", "writer", "package.unheard_of (read) imports package.writer (write)"),
        ("writer", "unheard_of", "package.writer (write) imports package.unheard_of (read)"),
    ],
)
def test_an_import_across_breaks_the_contract(importer: str, imported: str, fault: str) -> None:
    graph = imports((f"package.{importer}", f"package.{imported}"))

    check = CONTRACT.check(graph, verbose=False)

    assert not check.kept
    assert check.metadata["faults"] == [fault]


def test_a_side_names_only_modules_that_there_are() -> None:
    graph = imports()
    graph.remove_module("package.event")

    check = CONTRACT.check(graph, verbose=False)

    assert not check.kept
    assert check.metadata["faults"] == ["there is no module package.event"]
