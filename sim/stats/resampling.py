"""Bootstrap intervals of means: of paired differences, and of values in clusters."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

from sim.stats.intervals import Estimate
from steer.errors import InvalidInputError

__all__ = ["clustered_mean", "mean_difference"]

_NUM_RESAMPLES = 2_000


def mean_difference(
    first: ArrayLike, second: ArrayLike, *, rng: np.random.Generator, alpha: float = 0.05
) -> Estimate:
    """Return the mean of first minus second, pair by pair, of outcomes of any kind.

    For returns, steps or other real outcomes; of successes, `paired_difference` is better.

    Args:
        first: Outcomes of one arm, shape [S], finite; seed i at i.
        second: Outcomes of the other on the same seeds, shape [S].
        rng: Resamples the seeds.
        alpha: 1 minus the interval's level.

    Returns:
        Mean difference, its BCa bootstrap interval over seeds, S pairs. Where all differences are
        the same the interval is that point, for the bootstrap knows nothing else.

    Raises:
        InvalidInputError: Fewer than 2 pairs, another shape, or a value that is not finite.

    References:
        Efron, Better bootstrap confidence intervals, 1987.
    """
    gaps = _finite("first", first, ndim=1) - _finite("second", second, ndim=1, like=first)
    if len(gaps) < 2:
        raise InvalidInputError.expected("first", "outcomes of at least 2 seeds", len(gaps))
    value = float(gaps.mean())
    if np.ptp(gaps) == 0.0:
        return Estimate(value, value, value, len(gaps))
    found = bootstrap(
        (gaps,),
        np.mean,
        n_resamples=_NUM_RESAMPLES,
        confidence_level=1.0 - alpha,
        method="BCa",
        rng=rng,
    )
    ends = found.confidence_interval
    return Estimate(value, float(ends.low), float(ends.high), len(gaps))


def clustered_mean(
    values: ArrayLike, clusters: Sequence[Hashable], *, rng: np.random.Generator
) -> Estimate:
    """Return the mean of values that depend on each other within a cluster.

    Every value weighs the same, so a cluster weighs as much as it has values. Whole clusters are
    resampled: the interval holds whatever the dependence within them.

    Args:
        values: Shape [M], finite.
        clusters: The cluster of each value, M of them: the episode of a decision, for example.
        rng: Resamples the clusters.

    Returns:
        Mean, percentile interval, M values. Of one cluster the interval is (-inf, inf).

    Raises:
        InvalidInputError: No values, another number of clusters, or a value that is not finite.

    References:
        Field and Welsh, Bootstrapping clustered data, 2007.
    """
    array = _finite("values", values, ndim=1)
    if len(array) == 0:
        raise InvalidInputError.expected("values", "at least one", "none")
    if len(clusters) != len(array):
        raise InvalidInputError.expected("clusters", f"one for each of {len(array)}", len(clusters))
    numbers: dict[Hashable, int] = {}
    index = np.array([numbers.setdefault(cluster, len(numbers)) for cluster in clusters])
    value, num = float(array.mean()), len(numbers)
    if num == 1:
        return Estimate(value, -math.inf, math.inf, len(array))
    drawn = rng.multinomial(num, np.full(num, 1.0 / num), size=_NUM_RESAMPLES)
    sums, sizes = np.bincount(index, array), np.bincount(index)
    low, high = np.quantile((drawn @ sums) / (drawn @ sizes), (0.025, 0.975))
    return Estimate(value, float(low), float(high), len(array))


def _finite(
    what: str, values: ArrayLike, *, ndim: int, like: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return the values as an array, after checking that they can be averaged."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != ndim or (like is not None and array.shape != np.shape(like)):
        wanted = f"shape {np.shape(like)}" if like is not None else f"{ndim} axis"
        raise InvalidInputError.expected(what, wanted, f"shape {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidInputError.expected(what, "finite values", array)
    return array
