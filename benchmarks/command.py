"""What the programs of the benchmarks have in common: their options, and how they tell figures."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from rich.console import Console

from benchmarks.report import Question, Row, as_json, rows, table
from benchmarks.rounds import EventsDifferError, Samples

if TYPE_CHECKING:
    from dataclasses import Field

Asked = TypeVar("Asked", bound=Question)


class AnyPlan(Protocol):
    """How much is measured: a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def command_line(program: str, description: str, names: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser of `--quick`, `--json FILE` and `--only NAME …`.

    Args:
        program: how the program is called.
        description: what it does.
        names: what `--only` may name.
    """
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
        choices=names,
        help="what to keep: %(choices)s",
    )
    return parser


def measure_all(
    measures: Sequence[Asked],
    take: Callable[[Asked, Path], Samples],
    plan: AnyPlan,
    *,
    left_out: Sequence[str],
    target: Path | None,
) -> int:
    """Print a table for each measure, then what is missing and why; return the exit code.

    Args:
        measures: the questions.
        take: answers one, writing only inside the given directory.
        plan: how much is measured, to be told beside the figures.
        left_out: what cannot be measured here, each with the reason.
        target: where to write all figures as JSON besides.

    Returns:
        1 where the files did not hold what was logged, or a reader did not show it.
    """
    console, talk = Console(), Console(stderr=True)
    results: list[tuple[Question, list[Row]]] = []
    failed = []
    for measure in measures:
        talk.print(f"measuring {measure.name} …")
        try:
            with TemporaryDirectory(prefix="micrometric-benchmarks-") as root:
                measured = rows(measure, take(measure, Path(root)))
        except EventsDifferError as error:
            failed.append(f"{measure.name}: {error}")
            continue
        results.append((measure, measured))
        if measured:
            console.print(table(measure, measured))
    for heading, reasons in (("left out", left_out), ("failed", failed)):
        for reason in reasons:
            console.print(f"{heading}: {reason}", highlight=False)
    if target:
        target.write_text(as_json(asdict(plan), results, left_out, failed), encoding="utf-8")
    return 1 if failed else 0
