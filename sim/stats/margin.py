"""The smallest margin of the gate whose overrides win as often as promised."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

from steer.errors import InvalidInputError

__all__ = ["CalibratedMargin", "calibrate_margin"]

_GROWTH = 1.5
"""Of the number of decided overrides from one margin tried to the next smaller one."""

_CHAINS = 2
"""Sequences of tests, each at its share of the error: one from the largest margin, one from half-
way. One alone ends at once where the largest margins happen to be unlucky."""

_HOPE = 0.75
"""Where between the target and 1 the win rate above the largest margin tried may lie: with less,
margins that only few overrides pass are never tried; with more, the first one fails by bad luck."""


@dataclass(frozen=True, slots=True)
class CalibratedMargin:
    """A margin with a promise.

    Attributes:
        margin: An override must have an advantage above it; in the unit of the advantages.
        low: Lower bound of the win rate of such overrides, one-sided, that holds for all margins
            tried at once.
        won: Overrides above the margin that succeeded where candidate 0 did not.
        lost: Overrides that failed where candidate 0 did not.
        num_tried: Margins that were tried.
    """

    margin: float
    low: float
    won: int
    lost: int
    num_tried: int

    @property
    def rate(self) -> float:
        """Win rate of the overrides that decided anything."""
        return self.won / (self.won + self.lost)


def calibrate_margin(
    advantages: ArrayLike, wins: ArrayLike, losses: ArrayLike, *, level: float, target: float
) -> CalibratedMargin | None:
    """Return the smallest margin whose override win rate is `target` or more, with confidence.

    The win rate is wins / (wins + losses) among overrides with an advantage above the margin;
    overrides after which both or neither succeed decide nothing. Whatever the critic is worth, the
    chance to get a margin whose true win rate is below the target is 1 - level at most, over all
    margins tried: those are fixed by the advantages before any win is looked at, and are tested
    from the largest down until the exact (Clopper-Pearson) bound of one falls below the target.

    Args:
        advantages: Of the best candidate over candidate 0, one for each independent state, shape
            [M]. Several decisions of one episode, or several subsets of the candidates of one
            state, are not independent: give one.
        wins: Whether it succeeded where candidate 0 did not, bool [M].
        losses: Whether it failed where candidate 0 did not, bool [M].
        level: Confidence, in (0, 1).
        target: Win rate, in (0, 1).

    Returns:
        None where no margin can promise so much: too few overrides, or too many that lose.

    Raises:
        InvalidInputError: Shapes differ, an advantage is not finite, an override both wins and
            loses, or level or target is out of range.

    References:
        Angelopoulos et al., Learn then Test, 2021, section 4: fixed-sequence testing with several
        starts. Differs: the largest margins, too rare to promise anything, are not tried.
    """
    advantage, won = _decided(advantages, wins, losses, level=level, target=target)
    order = np.argsort(-advantage, kind="stable")
    sorted_advantage, total_won = advantage[order], np.cumsum(won[order])
    alpha = (1 - level) / _CHAINS
    counts = _counts(sorted_advantage, alpha=alpha, target=target)
    best, tried = 0, set()
    for chain in range(_CHAINS):
        for count in counts[round(chain * (len(counts) - 1) / _CHAINS) :]:
            tried.add(count)
            if _low(int(total_won[count - 1]), count, alpha) < target:
                break
            best = max(best, count)
    if not best:
        return None
    number = int(total_won[best - 1])
    return CalibratedMargin(
        margin=float(sorted_advantage[best]) if best < len(sorted_advantage) else 0.0,
        low=_low(number, best, alpha),
        won=number,
        lost=best - number,
        num_tried=len(tried),
    )


def _decided(
    advantages: ArrayLike, wins: ArrayLike, losses: ArrayLike, *, level: float, target: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return advantage and outcome of the possible overrides that won or lost."""
    advantage = np.asarray(advantages, np.float64)
    won, lost = np.asarray(wins, np.bool_), np.asarray(losses, np.bool_)
    for name, value in (("level", level), ("target", target)):
        if not 0 < value < 1:
            raise InvalidInputError.expected(name, "in (0, 1)", value)
    if advantage.ndim != 1 or not advantage.shape == won.shape == lost.shape:
        got = f"{list(advantage.shape)}, {list(won.shape)} and {list(lost.shape)}"
        raise InvalidInputError.expected("advantages, wins, losses", "one shape [M]", got)
    if not np.isfinite(advantage).all():
        raise InvalidInputError.expected("advantages", "finite", "NaN or Inf")
    if (won & lost).any():
        raise InvalidInputError.expected("wins, losses", "at most one of them", "both")
    kept = (won | lost) & (advantage > 0)
    return advantage[kept], won[kept]


def _counts(advantage: NDArray[np.float64], *, alpha: float, target: float) -> list[int]:
    """Return how many decided overrides lie above each margin to try, fewest first.

    The fewest are those among which a win rate of `_HOPE` of the way from the target to 1 would be
    enough. No margin lies between equal advantages.
    """
    total = len(advantage)
    is_end = np.append(advantage[:-1] > advantage[1:], np.ones(min(total, 1), np.bool_))
    ends = np.flatnonzero(is_end) + 1
    wanted = 1
    while (
        wanted <= total
        and _low(math.floor((target + _HOPE * (1 - target)) * wanted), wanted, alpha) < target
    ):
        wanted += 1
    found = []
    while wanted <= total:
        count = int(ends[np.searchsorted(ends, wanted)])
        found.append(count)
        wanted = max(count + 1, math.ceil(count * _GROWTH))
    if found and found[-1] < total:
        found.append(total)
    return found


def _low(won: int, count: int, alpha: float) -> float:
    """Return Clopper and Pearson's lower bound, one-sided."""
    return float(beta.ppf(alpha, won, count - won + 1)) if won else 0.0
