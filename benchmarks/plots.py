"""What pictures of a log cost beside its summary: `python -m benchmarks.plots`.

- `line`, `time`, `hist`, `groups`, `ecdf`, `heatmap`, `scatter`, `box`: a picture of a big log,
  until it could be drawn, beside `summarize` by the keys that the picture has, in this process.
  `time` is a line over the time, `groups` a histogram for each value of a key.
- `command`: each of them in a terminal, whole commands from start to end, beside
  `micrometric summarize`.

Contenders alternate in rounds, as they do in `python -m benchmarks`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.children import run_timed
from benchmarks.summaries import make_log
from benchmarks.ways import Way, WayMeasure, ask
from micrometric.plots import plot
from micrometric.summary import summarize


@dataclass(frozen=True, slots=True)
class PlotPlan:
    """How much is measured."""

    rounds: int
    events: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture, and the keys of the summary that asks as much of the logs."""

    options: Mapping[str, str]
    keys: str


FULL = PlotPlan(5, 1_000_000)
QUICK = PlotPlan(2, 50_000)
PICTURES = {
    "line": Drawn({"kind": "line", "x": "step"}, "step"),
    "time": Drawn({"kind": "line", "x": "time"}, "1m"),
    "hist": Drawn({"kind": "hist"}, "metric"),
    "groups": Drawn({"kind": "hist", "by": "layer_idx"}, "layer_idx"),
    "ecdf": Drawn({"kind": "ecdf"}, "metric"),
    "heatmap": Drawn({"rows": "layer_idx", "cols": "head"}, "layer_idx,head"),
    "scatter": Drawn({"x": "density", "y": "recall", "pair_by": "step,head"}, "step,head"),
    "box": Drawn({"kind": "box"}, "metric"),
}


def _timed(call: Callable[[], object]) -> Mapping[str, float]:
    start = time.perf_counter()
    call()
    return {"wall s": time.perf_counter() - start}


def _in_process(drawn: Drawn) -> Callable[[PlotPlan, Path], Sequence[Way]]:
    def ways(plan: PlotPlan, root: Path) -> Sequence[Way]:
        path = make_log(root, plan.events)
        metrics = [drawn.options["x"], drawn.options["y"]] if "y" in drawn.options else None
        options: dict[str, Any] = {**drawn.options}
        summary = Way(
            "summary", lambda: _timed(lambda: summarize(path, drawn.keys, metrics=metrics))
        )
        picture = Way("picture", lambda: _timed(lambda: plot(path, **options)))
        for way in (summary, picture):
            way.take()  # What is imported at the first call is not measured.
        return [summary, picture]

    return ways


def _commands(plan: PlotPlan, root: Path) -> Sequence[Way]:
    path = str(make_log(root, plan.events))

    def command(*arguments: str) -> Mapping[str, float]:
        seconds, peak = run_timed((sys.executable, "-m", "micrometric_cli", *arguments))
        return {"wall s": seconds, "peak MiB": peak}

    def picture(name: str, drawn: Drawn) -> Way:
        options = [
            part
            for option, text in drawn.options.items()
            for part in (f"--{option.replace('_', '-')}", text)
        ]
        return Way(name, lambda: command("plot", path, *options))

    summary = Way("summary", lambda: command("summarize", path, "--group-by", "location"))
    return [summary, *(picture(name, drawn) for name, drawn in PICTURES.items())]


MEASURES = (
    *(
        WayMeasure(name, "a picture beside the summary", "", "summary", _in_process(drawn))
        for name, drawn in PICTURES.items()
    ),
    WayMeasure("command", "pictures in a terminal", "", "summary", _commands),
)


def main(arguments: Sequence[str] | None = None, plan: PlotPlan | None = None) -> int:
    """Measure and print; return the exit code."""
    return ask(
        MEASURES,
        arguments,
        plan=plan,
        plans=(FULL, QUICK),
        program="python -m benchmarks.plots",
        description="Measure what pictures of a log cost, beside its summary.",
    )


if __name__ == "__main__":
    sys.exit(main())
