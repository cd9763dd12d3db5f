"""`python -m benchmarks`: measure what was asked for, in order, and print a table for each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks import guard, latency, loops, memory, record, threads
from benchmarks.peers import PEERS
from benchmarks.recorder import Peer
from benchmarks.report import Row, as_json, rows, table
from benchmarks.rounds import FULL, QUICK, EventsDifferError, Measure, Plan

MEASURES = (
    record.MEASURE,
    loops.MEASURE,
    guard.MEASURE,
    latency.MEASURE,
    threads.MEASURE,
    memory.MEASURE,
)


def main(arguments: Sequence[str] | None = None, plan: Plan | None = None) -> int:
    """Measure and print, by the plan that the arguments name when none is given.

    Returns:
        The exit code: 1 where the files did not hold what was logged.
    """
    options = _parser().parse_args(arguments)
    plan = plan or (QUICK if options.quick else FULL)
    measures, chosen = _choose(set(options.only))
    peers = [peer for peer in chosen if not peer.missing()]
    left_out = _left_out(measures, chosen)
    console = Console()
    results, failed = _measure(measures, peers, plan, console)
    for heading, reasons in (("left out", left_out), ("failed", failed)):
        for reason in reasons:
            console.print(f"{heading}: {reason}", highlight=False)
    if options.json:
        told = as_json(asdict(plan), results, left_out, failed)
        options.json.write_text(told, encoding="utf-8")
    return 1 if failed else 0


def _measure(
    measures: Sequence[Measure], peers: Sequence[Peer], plan: Plan, console: Console
) -> tuple[list[tuple[Measure, list[Row]]], list[str]]:
    """Print a table for each measure; return what was measured, and what failed and why."""
    talk = Console(stderr=True)
    results, failed = [], []
    with TemporaryDirectory(prefix="micrometric-benchmarks-") as root:
        for measure in measures:
            talk.print(f"measuring {measure.name} …")
            try:
                measured = rows(measure, measure.take(peers, plan, Path(root)))
            except EventsDifferError as error:
                failed.append(f"{measure.name}: {error}")
                continue
            results.append((measure, measured))
            if measured:
                console.print(table(measure, measured))
    return results, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what logging an event costs, beside other ways to log it.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer rounds and events: rough figures",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write all figures of all rounds as JSON"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="NAME",
        choices=[each.name for each in (*MEASURES, *PEERS)],
        help="measures and peers to keep: %(choices)s",
    )
    return parser


def _choose(names: set[str]) -> tuple[list[Measure], list[Peer]]:
    """Return the measures and the peers that are named, all of a kind of which none is named."""
    measures = [measure for measure in MEASURES if measure.name in names]
    peers = [peer for peer in PEERS if peer.name in names]
    return measures or list(MEASURES), peers or list(PEERS)


def _left_out(measures: Sequence[Measure], peers: Sequence[Peer]) -> list[str]:
    """Return what cannot be measured here, each with the reason."""
    reasons = [
        f"{peer.name} ({' and '.join(missing)} not installed)"
        for peer in peers
        if (missing := peer.missing())
    ]
    if loops.MEASURE in measures and not loops.has_numpy():
        reasons.append("the loop with numpy (numpy not installed)")
    if memory.MEASURE in measures and not memory.can_measure():
        reasons.append("memory (no /proc/self/status on this system)")
    return reasons


if __name__ == "__main__":
    sys.exit(main())
