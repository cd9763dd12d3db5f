"""Results as a table for people and as JSON for programs, with the same figures."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Protocol

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from benchmarks.rounds import Samples


class Question(Protocol):
    """What a table says of its measure."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def baseline(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one peer over all rounds, in the unit of its measure."""

    figure: str
    who: str
    median: float
    lowest: float
    highest: float
    ratio: float | None
    """The median against the baseline's, None without a baseline that was measured."""
    rounds: Sequence[float]


def rows(measure: Question, samples: Samples) -> list[Row]:
    """Return the rows of a measure, figure by figure, peers in the order they were measured."""
    figures = dict.fromkeys(figure for figure, _ in samples)
    ordered = sorted(samples, key=lambda key: list(figures).index(key[0]))
    return [_row(measure, samples, figure, who) for figure, who in ordered]


def _row(measure: Question, samples: Samples, figure: str, who: str) -> Row:
    taken = samples[figure, who]
    base = samples.get((figure, measure.baseline or ""))
    ratio = median(taken) / median(base) if base and median(base) else None
    return Row(figure, who, median(taken), min(taken), max(taken), ratio, taken)


def table(measure: Question, measured: Sequence[Row]) -> Group:
    """Draw the rows of a measure: median, lowest and highest round, and ratio to the baseline."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("figure", "who"):
        drawn.add_column(heading, no_wrap=True)
    for heading in (f"median {measure.unit}".rstrip(), "lowest", "highest", "ratio"):
        drawn.add_column(heading, justify="right", no_wrap=True)
    before = None
    for row in measured:
        if before and row.figure != before:
            drawn.add_row()
        drawn.add_row(row.figure if row.figure != before else "", *_cells(row))
        before = row.figure
    told = f"{measure.name}: {measure.title}"
    if measure.baseline:
        told += f"; ratio to {measure.baseline}"
    return Group(Text(told, style="bold"), drawn)


def _cells(row: Row) -> list[str]:
    ratio = "" if row.ratio is None else f"{row.ratio:,.2f}"
    return [row.who, _number(row.median), _number(row.lowest), _number(row.highest), ratio]


def _number(value: float) -> str:
    if abs(value) >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def as_json(
    plan: Mapping[str, Any],
    results: Sequence[tuple[Question, Sequence[Row]]],
    left_out: Sequence[str],
    failed: Sequence[str],
) -> str:
    """Return everything measured as one JSON object, each round in full precision."""
    told: dict[str, Any] = {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "plan": dict(plan),
        "left_out": left_out,
        "failed": failed,
        "measures": {
            measure.name: {
                "title": measure.title,
                "unit": measure.unit,
                "baseline": measure.baseline,
                "rows": [asdict(row) for row in measured],
            }
            for measure, measured in results
        },
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
