"""How well a signal tells two kinds of episodes apart, as it runs and in hindsight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.stats.intervals import Estimate
from steer.errors import InvalidInputError

__all__ = ["Course", "Discrimination", "Group", "discrimination"]

Course = Sequence[tuple[int, float | None]]
"""Readings of one episode, each with its tick, in order; None for none."""

_NUM_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Group:
    """Episodes that may be compared with each other: those of one cell.

    Attributes:
        failing: Their courses.
        succeeding: Their courses.
    """

    failing: Sequence[Course]
    succeeding: Sequence[Course]


@dataclass(frozen=True, slots=True)
class Discrimination:
    """Areas under the receiver's curve, .5 for a signal that tells nothing.

    Attributes:
        so_far: Of the largest reading so far, two episodes at a time, at the last tick that both
            have a reading for or after. A clock has .5.
        whole: Of the largest reading of the whole episode. Where episodes end with their success it
            is no figure of the signal: failing ones last longer, and a longer course of anything
            reaches higher. A clock has 1.
    """

    so_far: Estimate
    whole: Estimate


def discrimination(groups: Sequence[Group], *, rng: np.random.Generator) -> Discrimination:
    """Return how often a failing episode is above a succeeding one of its group, ties as half.

    Groups weigh the same. Intervals of 95% are percentiles over episodes drawn anew, the failing
    and the succeeding ones of each group apart.

    Args:
        groups: Each with episodes of both kinds.
        rng: Resamples the episodes.

    Returns:
        Both areas; n is the number of episodes.

    Raises:
        InvalidInputError: No group, or one without episodes of both kinds.

    References:
        Hanley and McNeil, The meaning and use of the area under a receiver operating
        characteristic (ROC) curve, 1982; Heagerty and Zheng, Survival model predictive accuracy and
        ROC curves, 2005. Differs: for each pair the time is when the earlier of both ended, so that
        all pairs count and none has an advantage by its length.
    """
    for group in groups:
        if not group.failing or not group.succeeding:
            got = f"{len(group.failing)} and {len(group.succeeding)}"
            raise InvalidInputError.expected("group", "failing and succeeding episodes", got)
    if not groups:
        raise InvalidInputError.expected("groups", "at least one", 0)
    wins = [
        np.array([[_win(one, other) for other in group.succeeding] for one in group.failing])
        for group in groups
    ]  # [failing, succeeding, so far or whole]
    drawn = np.mean([_resampled(item, rng) for item in wins], axis=0)
    means = np.mean([item.mean((0, 1)) for item in wins], axis=0)
    ends = np.quantile(drawn, [0.025, 0.975], axis=0)
    number = sum(len(group.failing) + len(group.succeeding) for group in groups)
    so_far, whole = (
        Estimate(float(means[i]), float(ends[0, i]), float(ends[1, i]), number) for i in (0, 1)
    )
    return Discrimination(so_far, whole)


def _win(one: Course, other: Course) -> tuple[float, float]:
    """Return whether one is above the other, 1, 1/2 or 0: at the end of the first, and whole."""
    until = min(course[-1][0] if course else 0 for course in (one, other))
    here, there = _largest(one, until), _largest(other, until)
    above, below = _largest(one), _largest(other)
    return float(np.sign(here - there) + 1) / 2, float(np.sign(above - below) + 1) / 2


def _largest(course: Course, until: float = float("inf")) -> float:
    """Return the largest reading up to a tick; a number below any for none."""
    found = [value for tick, value in course if value is not None and tick <= until]
    return max(found, default=-float(np.finfo(np.float64).max))


def _resampled(wins: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return means over pairs of episodes drawn anew, [resamples, 2]."""
    rows, columns = (
        rng.multinomial(size, np.full(size, 1 / size), _NUM_RESAMPLES) / size
        for size in wins.shape[:2]
    )
    found: NDArray[np.float64] = np.einsum("rf,rs,fsx->rx", rows, columns, wins, optimize=True)
    return found
