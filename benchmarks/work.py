"""Work to do between calls, of about a given length: Python's own, and numpy's without the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter_ns

Work = Callable[[], object]


def python_work(nanoseconds: int) -> Work:
    """Return work in pure Python that takes about so long when nothing disturbs it.

    It counts steps and never looks at the clock: waiting for a time to pass would hide whatever
    another thread takes away from it.
    """
    steps = 1000
    return partial(_spin, max(1, round(steps * nanoseconds / _duration(partial(_spin, steps)))))


def matrix_work(nanoseconds: int) -> Work:
    """Return one product of matrices in numpy that takes at least so long, on one core.

    Raises:
        ImportError: numpy is not installed.
    """
    # Read when numpy is imported. More threads would measure how cores are shared.
    for library in ("OPENBLAS", "OMP", "MKL"):
        os.environ[f"{library}_NUM_THREADS"] = "1"
    import numpy as np

    size = 64
    while True:
        matrix = np.ones((size, size))
        work = partial(np.matmul, matrix, matrix, out=np.empty_like(matrix))
        if _duration(work) >= nanoseconds:
            return work
        size += 32


def _spin(steps: int) -> int:
    total = 0
    for step in range(steps):
        total += step & 7
    return total


def _duration(work: Work) -> float:
    """Return the median nanoseconds of some runs."""
    taken = []
    for _ in range(51):
        start = perf_counter_ns()
        work()
        taken.append(perf_counter_ns() - start)
    return median(taken)
