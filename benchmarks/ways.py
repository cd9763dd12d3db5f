"""Questions about what reading logs costs, each with ways to the answer that take turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from benchmarks.command import AnyPlan, command_line, measure_all
from benchmarks.rounds import Samples, alternate


class WayPlan(AnyPlan, Protocol):
    """How much is measured; a dataclass."""

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
    names = [measure.name for measure in measures]
    options = command_line(program, description, names).parse_args(arguments)
    chosen = plan or plans[options.quick]
    kept = [measure for measure in measures if not options.only or measure.name in options.only]

    def take(measure: WayMeasure[P], root: Path) -> Samples:
        return alternate(measure.ways(chosen, root), chosen.rounds, lambda way: way.take())

    return measure_all(kept, take, chosen, left_out=[], target=options.json)
