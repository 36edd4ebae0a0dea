"""Intervals for success rates and for their paired differences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom, binomtest

__all__ = [
    "Estimate",
    "PairedDifference",
    "mcnemar",
    "paired_difference",
    "success_rate",
]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95% interval.

    Attributes:
        value: The rate, mean, difference or share.
        low: Lower end.
        high: Upper end.
        n: How many values it was taken from; the function that gives it says which.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Success of one arm minus that of another on the same seeds.

    Attributes:
        value: The difference.
        low: Lower end of the 95% interval.
        high: Upper end.
        n: Pairs.
        won: Pairs that only the first arm won.
        lost: Pairs that only the second arm won.
        p_value: Exact McNemar test of no difference, two-sided.
    """

    value: float
    low: float
    high: float
    n: int
    won: int
    lost: int
    p_value: float


def success_rate(successes: Sequence[bool]) -> Estimate:
    """Return a success rate with Wilson's interval; of no episodes, 0 in [0, 1]."""
    n, k = len(successes), sum(map(bool, successes))
    if n == 0:
        return Estimate(0.0, 0.0, 1.0, 0)
    interval = binomtest(k, n).proportion_ci(method="wilson")
    return Estimate(k / n, float(interval.low), float(interval.high), n)


def paired_difference(first: Sequence[bool], second: Sequence[bool]) -> PairedDifference:
    """Return first minus second, pair by pair, with Newcombe's score interval.

    References:
        Newcombe, Improved confidence intervals for the difference between binomial proportions
        based on paired data, 1998, method 10.
    """
    pairs = list(zip(first, second, strict=True))
    n = len(pairs)
    if n == 0:
        return PairedDifference(0.0, -1.0, 1.0, 0, 0, 0, 1.0)
    both = sum(a and b for a, b in pairs)
    won = sum(a and not b for a, b in pairs)
    lost = sum(b and not a for a, b in pairs)
    neither = n - both - won - lost
    rate_1 = success_rate([a for a, _ in pairs])
    rate_2 = success_rate([b for _, b in pairs])
    phi = _phi(both, won, lost, neither)
    down_1, up_1 = rate_1.value - rate_1.low, rate_1.high - rate_1.value
    down_2, up_2 = rate_2.value - rate_2.low, rate_2.high - rate_2.value
    difference = rate_1.value - rate_2.value
    low = difference - math.sqrt(max(down_1**2 - 2 * phi * down_1 * up_2 + up_2**2, 0.0))
    high = difference + math.sqrt(max(up_1**2 - 2 * phi * up_1 * down_2 + down_2**2, 0.0))
    return PairedDifference(difference, low, high, n, won, lost, float(mcnemar(won, lost)))


def mcnemar(won: ArrayLike, lost: ArrayLike) -> NDArray[np.float64]:
    """Return the exact two-sided p-values of McNemar's test: won ~ Binomial(won + lost, 1/2).

    Args:
        won: Pairs that only the first arm won, any shape.
        lost: Pairs that only the second arm won, of the same shape.

    Returns:
        In (0, 1], of the same shape; 1 where no pair differs.

    References:
        McNemar, Note on the sampling error of the difference between correlated proportions, 1947.
        Differs: exact, not the chi-squared approximation.
    """
    fewer, both = np.minimum(won, lost), np.add(won, lost)
    return np.minimum(2.0 * np.asarray(binom.cdf(fewer, both, 0.5)), 1.0)


def _phi(both: int, won: int, lost: int, neither: int) -> float:
    """Return the correlation of the pairs, with Newcombe's continuity correction."""
    product = (both + won) * (lost + neither) * (both + lost) * (won + neither)
    if product == 0:
        return 0.0
    n = both + won + lost + neither
    excess = both * neither - won * lost
    if excess > 0:
        return max(excess - n / 2, 0.0) / math.sqrt(product)
    return excess / math.sqrt(product)
