"""Whether candidates turn out as much better as the critic said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.stats.intervals import Estimate
from sim.stats.rank import ScoredDecision
from sim.stats.resampling import clustered_mean
from steer.errors import InvalidInputError

__all__ = ["Bin", "calibration"]


@dataclass(frozen=True, slots=True)
class Bin:
    """Candidates with about the same predicted advantage.

    Attributes:
        predicted: Their mean predicted advantage over candidate 0.
        observed: Their mean outcome less candidate 0's; n counts candidates.
    """

    predicted: float
    observed: Estimate


def calibration(
    decisions: Sequence[ScoredDecision], *, rng: np.random.Generator, num_bins: int = 5
) -> tuple[Bin, ...]:
    """Return what came of candidates, by the advantage over candidate 0 that was predicted.

    Where scores and outcomes have the same unit, predicted and observed should be equal.

    Args:
        decisions: At least one. All candidates but 0 go in, the chosen and the others.
        rng: Resamples episodes.
        num_bins: Bins of about as many candidates each, 1 or more. Candidates with one predicted
            advantage are in one bin, so that there can be fewer.

    Returns:
        The bins that are not empty, from the lowest predicted advantage up, with 95% intervals.

    Raises:
        InvalidInputError: No decisions, or no bins.
    """
    if num_bins < 1:
        raise InvalidInputError.expected("num_bins", "1 or more", num_bins)
    if not decisions:
        raise InvalidInputError.expected("decisions", "at least one", "none")
    gaps = [found[:, 1:] - found[:, :1] for found in (item.arrays() for item in decisions)]
    predicted, observed = np.concatenate(gaps, axis=1)
    episodes = [item.episode for item, gap in zip(decisions, gaps, strict=True) for _ in gap[0]]
    edges = np.quantile(predicted, np.arange(1, num_bins) / num_bins)
    places = np.searchsorted(edges, predicted)
    bins = []
    for place in np.unique(places):
        inside = np.flatnonzero(places == place)
        clusters = [episodes[i] for i in inside]
        seen = clustered_mean(observed[inside], clusters, rng=rng)
        bins.append(Bin(float(predicted[inside].mean()), seen))
    return tuple(bins)
