"""How well a signal tells two kinds of episodes apart, as it runs and in hindsight."""

from collections.abc import Callable, Sequence
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
        so_far: Of the largest reading so far, two episodes at a time, at the last reading of the
            one that ended first: all pairs count. A clock has .5. What falls just before a success
            has an advantage.
        early: Of the largest reading so far at one tick of each group, the last one that three
            quarters of the succeeding episodes reach, over those that reach it. A clock has .5, and
            nobody has an advantage; n is smaller.
        whole: Of the largest reading of the whole episode. Where episodes end with their success it
            is no figure of the signal: failing ones last longer, and a longer course of anything
            reaches higher. A clock has 1.
    """

    so_far: Estimate
    early: Estimate
    whole: Estimate


def discrimination(groups: Sequence[Group], *, rng: np.random.Generator) -> Discrimination:
    """Return how often a failing episode is above a succeeding one of its group, ties as half.

    Groups weigh the same. Intervals of 95% are percentiles over episodes drawn anew, the failing
    and the succeeding ones of each group apart.

    Args:
        groups: Each with episodes of both kinds, each with a reading or None.
        rng: Resamples the episodes.

    Returns:
        The areas; n is the number of episodes.

    Raises:
        InvalidInputError: No group, one without episodes of both kinds, or an episode without a
            tick.

    References:
        Hanley and McNeil, The meaning and use of the area under a receiver operating
        characteristic (ROC) curve, 1982; Heagerty and Zheng, Survival model predictive accuracy and
        ROC curves, 2005. Differs: for each pair the time is when the earlier of both ended.
    """
    for group in groups:
        if not group.failing or not group.succeeding:
            got = f"{len(group.failing)} and {len(group.succeeding)}"
            raise InvalidInputError.expected("group", "failing and succeeding episodes", got)
        if not all([*group.failing, *group.succeeding]):
            raise InvalidInputError.expected("group", "episodes with a tick", "one without")
    if not groups:
        raise InvalidInputError.expected("groups", "at least one", 0)
    return Discrimination(
        so_far=_area(groups, lambda one, other: min(one[-1][0], other[-1][0]), rng),
        early=_early(groups, rng),
        whole=_area(groups, lambda one, other: max(one[-1][0], other[-1][0]), rng),
    )


def _early(groups: Sequence[Group], rng: np.random.Generator) -> Estimate:
    """Return the area at one tick of each group, cut off there."""
    cut = []
    for group in groups:
        lasts = sorted(course[-1][0] for course in group.succeeding)
        tick = lasts[len(lasts) // 4]  # as many or more than three quarters last to it
        kinds = (
            [
                [item for item in course if item[0] <= tick]
                for course in kind
                if course[-1][0] >= tick
            ]
            for kind in (group.failing, group.succeeding)
        )
        cut.append(Group(*kinds))
    if not all(group.failing for group in cut):
        return Estimate(float("nan"), float("-inf"), float("inf"), 0)
    return _area(cut, lambda one, other: max(one[-1][0], other[-1][0]), rng)


def _area(
    groups: Sequence[Group], until: Callable[[Course, Course], int], rng: np.random.Generator
) -> Estimate:
    """Return the mean over groups of the wins of pairs, each up to a tick of its own."""
    wins = [
        np.array(
            [
                [_win(one, other, until(one, other)) for other in group.succeeding]
                for one in group.failing
            ]
        )
        for group in groups
    ]
    drawn = np.mean([_resampled(item, rng) for item in wins], axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = np.mean([item.mean() for item in wins])
    return Estimate(float(value), float(low), float(high), sum(sum(item.shape) for item in wins))


def _win(one: Course, other: Course, until: int) -> float:
    """Return whether one is above the other, 1, 1/2 or 0."""
    return float(np.sign(_largest(one, until) - _largest(other, until)) + 1) / 2


def _largest(course: Course, until: int) -> float:
    """Return the largest reading up to a tick; a number below any for none."""
    found = [value for tick, value in course if value is not None and tick <= until]
    return max(found, default=-float(np.finfo(np.float64).max))


def _resampled(wins: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return means over pairs of episodes drawn anew, one for each time."""
    rows, columns = (
        rng.multinomial(size, np.full(size, 1 / size), _NUM_RESAMPLES) / size for size in wins.shape
    )
    found: NDArray[np.float64] = ((rows @ wins) * columns).sum(1)
    return found
