"""Event lines for logs that are read: a file of them at once, or in bursts at a steady rate.

As a program, `python -m benchmarks.bursts FILE RATE SECONDS` appends bursts of a millisecond and
prints how many lines it wrote and the monotonic time of the last in nanoseconds.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_LINE = (
    '{{"timestamp":"2026-11-23T08:29:37.{step:06d}Z","metric":"density","value":0.25,'
    '"metadata":{{"layer_idx":3,"step":{step:06d}}},"location":"experiments.sparse.attention.TopKAttention.forward"}}\n'
)
_BLOCK = 10_000


def lines(count: int, first: int = 100_000) -> bytes:
    """Return so many event lines, their steps and microseconds counted from six digits."""
    return "".join(_LINE.format(step=first + index) for index in range(count)).encode()


def write_log(path: Path, count: int) -> None:
    """Write a log of so many events."""
    block = lines(_BLOCK)
    with path.open("wb") as file:
        for _ in range(count // _BLOCK):
            file.write(block)
        file.write(lines(count % _BLOCK))


def append_bursts(path: Path, rate: int, seconds: float) -> tuple[int, int]:
    """Append bursts, one a millisecond; return how many lines, and when the last was written."""
    burst = lines(rate // 1000)
    bursts = round(seconds * 1000)
    with path.open("ab", buffering=0) as file:
        start = time.monotonic_ns()
        for number in range(bursts):
            early = start + number * 1_000_000 - time.monotonic_ns()
            if early > 0:
                time.sleep(early / 1e9)
            file.write(burst)
    return bursts * (rate // 1000), time.monotonic_ns()


if __name__ == "__main__":
    print(*append_bursts(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))  # noqa: T201 # what it returns
