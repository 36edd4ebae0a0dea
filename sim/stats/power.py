"""Power of the exact McNemar test: what a number of pairs can tell, before they are run."""

import math

import numpy as np
from scipy.stats import binom

from sim.stats.intervals import mcnemar
from steer.errors import InvalidInputError

__all__ = [
    "detectable_difference",
    "discordance",
    "mcnemar_power",
    "pairs_needed",
    "power_sentence",
]

_POWER = 0.8
_MAX_PAIRS = 4_000
"""Seeds of one task in one split, sim.seeds.BLOCK_SIZE: more cannot be run."""


def discordance(
    alone: float, difference: float, *, correlation: float = 0.0
) -> tuple[float, float]:
    """Return the chances that a pair is won and that it is lost.

    With the rates a alone and b = a + difference and the correlation c of the two successes on a
    seed, both arms succeed with chance ab + c sqrt(a (1 - a) b (1 - b)); won is b less that, lost
    is a less that.

    Args:
        alone: Success rate of the arm compared with, in [0, 1].
        difference: Success rate of the other arm less `alone`.
        correlation: Of the arms' successes on the same seed, in [-1, 1]; where the rates do not
            allow it, the nearest that they do. Seeds that are hard for both arms make it positive;
            0 is the cautious guess.

    Returns:
        Chance of won, chance of lost.

    Raises:
        InvalidInputError: A rate is not in [0, 1], or the correlation not in [-1, 1].
    """
    other = alone + difference
    if not 0.0 <= alone <= 1.0:
        raise InvalidInputError.expected("alone", "a rate in [0, 1]", alone)
    if not -1e-9 <= other <= 1.0 + 1e-9:
        contract = f"{-alone:.2f} to {1.0 - alone:.2f}, from {alone:.2f} alone"
        raise InvalidInputError.expected("difference", contract, difference)
    if not -1.0 <= correlation <= 1.0:
        raise InvalidInputError.expected("correlation", "a number in [-1, 1]", correlation)
    other = min(max(other, 0.0), 1.0)
    spread = math.sqrt(alone * (1.0 - alone) * other * (1.0 - other))
    both = alone * other + correlation * spread
    both = min(max(both, 0.0, alone + other - 1.0), alone, other)
    return other - both, alone - both


def mcnemar_power(n: int, *, won: float, lost: float, alpha: float = 0.05) -> float:
    """Return the chance that the exact McNemar test of n pairs has a p-value of at most alpha.

    Exact: summed over how many pairs differ, and how many of these are won.

    Args:
        n: Pairs, 0 or more.
        won: Chance that a pair is won.
        lost: Chance that a pair is lost; won + lost in [0, 1].
        alpha: Level of the two-sided test; alpha / M for M cells bounds what Holm can take away.

    Raises:
        InvalidInputError: n is negative, the chances are not chances, or alpha is not in (0, 1).

    References:
        Duffy, Asymptotic and exact power for the McNemar test and its analogue with R controls per
        case, 1984.
    """
    if n < 0:
        raise InvalidInputError.expected("n", "0 or more pairs", n)
    if won < 0.0 or lost < 0.0 or won + lost > 1.0 + 1e-9:
        raise InvalidInputError.expected("won, lost", "chances of sum <= 1", f"{won}, {lost}")
    if not 0.0 < alpha < 1.0:
        raise InvalidInputError.expected("alpha", "a number in (0, 1)", alpha)
    if won + lost < 1e-12:  # scipy overflows on chances near the smallest float
        return 0.0
    differing = np.arange(n + 1)
    # The most losses (or wins) of so many differing pairs that are still significant; -1 if none.
    most = binom.ppf(alpha / 2.0, differing, 0.5).astype(int)
    most -= mcnemar(most, differing - most) > alpha
    share = won / (won + lost)
    rejected = binom.cdf(most, differing, share) + binom.cdf(most, differing, 1.0 - share)
    return float(binom.pmf(differing, n, min(won + lost, 1.0)) @ rejected)


def detectable_difference(
    n: int, *, alone: float, correlation: float = 0.0, alpha: float = 0.05
) -> float | None:
    """Return the smallest gain that n pairs detect with 80% power, None where they detect none.

    Args:
        n: Pairs, 0 or more.
        alone: Success rate of the arm compared with, in [0, 1].
        correlation: As in `discordance`.
        alpha: As in `mcnemar_power`.

    Returns:
        A multiple of 0.01, at most 1 - alone.

    Raises:
        InvalidInputError: As `discordance` and `mcnemar_power` do.
    """
    for hundredths in range(1, math.floor((1.0 - alone) * 100.0 + 1e-9) + 1):
        won, lost = discordance(alone, hundredths / 100.0, correlation=correlation)
        if mcnemar_power(n, won=won, lost=lost, alpha=alpha) >= _POWER:
            return hundredths / 100.0
    return None


def pairs_needed(
    difference: float, *, alone: float, correlation: float = 0.0, alpha: float = 0.05
) -> int | None:
    """Return how many pairs detect a difference with 80% power: so many do, one fewer does not.

    Args:
        difference: Not 0; negative for a loss.
        alone: Success rate of the arm compared with, in [0, 1].
        correlation: As in `discordance`.
        alpha: As in `mcnemar_power`.

    Returns:
        Pairs, or None where the 4,000 seeds of a task are not enough.

    Raises:
        InvalidInputError: As `discordance` and `mcnemar_power` do, or the difference is 0.
    """
    if difference == 0.0:
        raise InvalidInputError.expected("difference", "other than 0", difference)
    won, lost = discordance(alone, difference, correlation=correlation)

    def is_enough(n: int) -> bool:
        return mcnemar_power(n, won=won, lost=lost, alpha=alpha) >= _POWER

    low, high = 0, 1
    while not is_enough(high):
        if high == _MAX_PAIRS:
            return None
        low, high = high, min(2 * high, _MAX_PAIRS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def power_sentence(
    n: int,
    *,
    alone: float,
    wanted: float = 0.15,
    correlation: float = 0.0,
    alpha: float = 0.05,
) -> str:
    """Return in one sentence what n pairs can tell, and how many a wanted gain takes.

    Args:
        n: Pairs a cell.
        alone: Success rate of the arm compared with, in [0, 1].
        wanted: A gain, in (0, 1 - alone].
        correlation: As in `discordance`.
        alpha: As in `mcnemar_power`.

    Raises:
        InvalidInputError: As `detectable_difference` and `pairs_needed` do.
    """
    start = f"from {_rate(alone)} alone, correlation {correlation:.1f}"
    found = detectable_difference(n, alone=alone, correlation=correlation, alpha=alpha)
    needed = pairs_needed(wanted, alone=alone, correlation=correlation, alpha=alpha)
    told = f"a difference of {found:+.2f} or more" if found is not None else "no difference"
    take = f"n >= {needed}" if needed is not None else f"more than {_MAX_PAIRS} pairs"
    return f"n = {n} pairs detect {told} with 80% power, {start}; for {wanted:+.2f} take {take}"


def _rate(rate: float) -> str:
    return f"{rate:.2f}".removeprefix("0")
