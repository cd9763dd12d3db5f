"""Confidence intervals of a difference of means, by scipy.

Each needs an honest unit of replication: values that are independent of each other, such as the
means of runs, or differences of pairs. Events of one run that follow each other are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Method = Literal["welch", "bootstrap"]
_RESAMPLES = 9999
_ROUNDING = 1e-14
"""Relative difference that arithmetic alone makes."""
_SEED = 20261123
"""Bootstrap gives the same interval for the same data."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the difference of two means lies."""

    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the means differ as far as the data can tell."""
        return self.low > 0 or self.high < 0


def has_scipy() -> bool:
    """Say whether intervals can be computed."""
    from importlib.util import find_spec

    return find_spec("scipy") is not None


def between(
    base: Sequence[float], other: Sequence[float], level: float, method: Method
) -> Interval | None:
    """Return the interval of mean(other) - mean(base) for independent values.

    By Welch's t, which allows variances to differ, or by the bias-corrected bootstrap.

    Args:
        base: at least two values.
        other: at least two values.
        level: confidence, such as 0.95.
        method: how.

    Returns:
        None where there are fewer values.
    """
    if min(len(base), len(other)) < 2:
        return None
    if _is_constant(base) and _is_constant(other):
        return Interval(other[0] - base[0], other[0] - base[0])
    from scipy import stats

    if method == "bootstrap":
        return _bootstrap((other, base), _difference_of_means, level)
    found = stats.ttest_ind(other, base, equal_var=False).confidence_interval(level)
    return Interval(float(found.low), float(found.high))


def of_pairs(differences: Sequence[float], level: float, method: Method) -> Interval | None:
    """Return the interval of the mean of differences of pairs.

    Returns:
        None where there are fewer than two.
    """
    if len(differences) < 2:
        return None
    if _is_constant(differences):
        return Interval(differences[0], differences[0])
    from scipy import stats

    if method == "bootstrap":
        return _bootstrap((differences,), _mean, level)
    found = stats.ttest_1samp(differences, 0.0).confidence_interval(level)
    return Interval(float(found.low), float(found.high))


def simultaneous(level: float, count: int) -> float:
    """Return the level of each of several intervals that together hold at a level (Bonferroni)."""
    return 1 - (1 - level) / max(1, count)


def _bootstrap(samples: tuple[Sequence[float], ...], statistic: Any, level: float) -> Interval:
    import numpy as np
    from scipy import stats

    found = stats.bootstrap(
        samples,
        statistic,
        vectorized=True,
        n_resamples=_RESAMPLES,
        confidence_level=level,
        method="BCa",
        rng=np.random.default_rng(_SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def _mean(values: Any, axis: int) -> Any:
    return values.mean(axis=axis)


def _difference_of_means(other: Any, base: Any, axis: int) -> Any:
    return other.mean(axis=axis) - base.mean(axis=axis)


def _is_constant(values: Sequence[float]) -> bool:
    """Say whether values differ by rounding at most, of which scipy would warn."""
    least, most = min(values), max(values)
    return most - least <= _ROUNDING * max(abs(least), abs(most))
