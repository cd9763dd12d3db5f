"""Questions about what reading logs costs, each with ways to the answer that take turns."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from rich.console import Console

from benchmarks.report import Row, as_json, rows, table
from benchmarks.rounds import Samples, alternate

if TYPE_CHECKING:
    from dataclasses import Field


class WayPlan(Protocol):
    """How much is measured; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[object]]]

    @property
    def rounds(self) -> int: ...  # noqa: D102


P = TypeVar("P", bound=WayPlan)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to an answer."""

    name: str
    take: Callable[[], Mapping[str, float]]
    """Goes the way once and returns what it took, by name of the figure."""


@dataclass(frozen=True, slots=True)
class WayMeasure(Generic[P]):
    """One question."""

    name: str
    title: str
    unit: str
    baseline: str | None
    ways: Callable[[P, Path], Sequence[Way]]
    """Prepares the logs in a directory and returns the contenders."""


def ask(
    measures: Sequence[WayMeasure[P]],
    arguments: Sequence[str] | None,
    *,
    plan: P | None,
    plans: tuple[P, P],
    program: str,
    description: str,
) -> int:
    """Measure and print as a command line asks; return the exit code.

    Args:
        measures: the questions.
        arguments: of the command line; None is those of this process.
        plan: how much to measure, whatever the command line says.
        plans: the full one, and the one for `--quick`.
        program: how the program is called.
        description: what it does.
    """
    options = _parser(measures, program, description).parse_args(arguments)
    chosen = plan or plans[options.quick]
    console, talk = Console(), Console(stderr=True)
    results: list[tuple[WayMeasure[P], list[Row]]] = []
    for measure in measures:
        if options.only and measure.name not in options.only:
            continue
        talk.print(f"measuring {measure.name} …")
        with TemporaryDirectory(prefix="micrometric-benchmarks-") as root:
            samples: Samples = alternate(
                measure.ways(chosen, Path(root)), chosen.rounds, lambda way: way.take()
            )
        measured = rows(measure, samples)
        results.append((measure, measured))
        console.print(table(measure, measured))
    if options.json:
        options.json.write_text(as_json(asdict(chosen), results, [], []), encoding="utf-8")
    return 0


def _parser(
    measures: Sequence[WayMeasure[P]], program: str, description: str
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--quick", action="store_true", help="less of everything: rough figures")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write all figures of all rounds as JSON"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        choices=[each.name for each in measures],
        help="measures to keep: %(choices)s",
    )
    return parser
