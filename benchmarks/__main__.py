"""`python -m benchmarks`: measure what was asked for, in order, and print a table for each."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import guard, latency, loops, memory, record, threads
from benchmarks.command import command_line, measure_all
from benchmarks.peers import PEERS
from benchmarks.recorder import Peer
from benchmarks.rounds import FULL, QUICK, Measure, Plan

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
    options = command_line(
        "python -m benchmarks",
        "Measure what logging an event costs, beside other ways to log it.",
        [each.name for each in (*MEASURES, *PEERS)],
    ).parse_args(arguments)
    amount = plan or (QUICK if options.quick else FULL)
    measures, chosen = _choose(set(options.only))
    peers = [peer for peer in chosen if not peer.missing()]
    return measure_all(
        measures,
        lambda measure, root: measure.take(peers, amount, root),
        amount,
        left_out=_left_out(measures, chosen),
        target=options.json,
    )


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
