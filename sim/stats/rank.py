"""How well scores rank candidates whose outcomes are known, from the oracle's branches.

A decision is one observation at which every candidate was run from the same saved state. Decisions
of an episode look alike, so all intervals resample whole episodes.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import kendalltau, rankdata

from sim.stats.intervals import Estimate
from sim.stats.resampling import clustered_mean
from steer.errors import InvalidInputError

__all__ = [
    "RankCorrelation",
    "ScoredDecision",
    "SelectionRegret",
    "rank_correlation",
    "selection_regret",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredDecision:
    """The candidates of one decision: what the critic said, and what came of each.

    Attributes:
        episode: What the decisions of one episode have in common.
        scores: Of each candidate, shape [N], N >= 2; higher is better. Candidate 0 is the policy's
            own.
        outcomes: Of each candidate, shape [N]: success, or return; higher is better.
        chosen: The candidate that ran, or None for the best score, of several the first.

    Raises:
        InvalidInputError: Another shape, a value that is not finite, or no such candidate.
    """

    episode: Hashable
    scores: ArrayLike
    outcomes: ArrayLike
    chosen: int | None = None

    def __post_init__(self) -> None:
        shapes = np.shape(self.scores), np.shape(self.outcomes)
        if len(shapes[0]) != 1 or shapes[0] != shapes[1] or shapes[0][0] < 2:
            got = f"shapes {shapes[0]} and {shapes[1]}"
            raise InvalidInputError.expected("scores, outcomes", "both [N] with N >= 2", got)
        if not np.isfinite(self.arrays()).all():
            raise InvalidInputError.expected("scores, outcomes", "finite values", "others")
        if self.chosen is not None and not 0 <= self.chosen < shapes[0][0]:
            contract = f"a candidate, 0 to {shapes[0][0] - 1}"
            raise InvalidInputError.expected("chosen", contract, self.chosen)

    def arrays(self) -> NDArray[np.float64]:
        """Return scores and outcomes, shape [2, N]."""
        return np.array([self.scores, self.outcomes], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class SelectionRegret:
    """What was lost against the best candidate, in the unit of the outcomes.

    Attributes:
        chosen: Best outcome less the chosen one's.
        own: Best outcome less candidate 0's: what the policy alone loses.
        random: Best outcome less the mean of all: what choosing blindly loses.
    """

    chosen: Estimate
    own: Estimate
    random: Estimate


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """How the order of the scores agrees with the order of the outcomes.

    Attributes:
        mean: Over decisions, in [-1, 1]; n counts the decisions that went in.
        variance: Between decisions; 0 of one decision.
        num_excluded: Decisions left out because all outcomes were the same.
    """

    mean: Estimate
    variance: float
    num_excluded: int


def selection_regret(
    decisions: Sequence[ScoredDecision], *, rng: np.random.Generator
) -> SelectionRegret:
    """Return the mean regret over decisions of the choice, of candidate 0 and of a blind choice.

    Args:
        decisions: At least one; all weigh the same.
        rng: Resamples episodes.

    Returns:
        Means with 95% intervals, 0 where the best was taken every time. The best outcome of few
        noisy ones is itself overstated, for all three alike: their differences are not.

    Raises:
        InvalidInputError: No decisions.
    """
    regrets = np.empty((3, len(_some(decisions))))
    for number, decision in enumerate(decisions):
        scores, outcomes = decision.arrays()
        chosen = int(scores.argmax()) if decision.chosen is None else decision.chosen
        regrets[:, number] = outcomes.max() - [outcomes[chosen], outcomes[0], outcomes.mean()]
    episodes = [decision.episode for decision in decisions]
    return SelectionRegret(*(clustered_mean(row, episodes, rng=rng) for row in regrets))


def rank_correlation(
    decisions: Sequence[ScoredDecision],
    *,
    kind: Literal["spearman", "kendall"] = "spearman",
    rng: np.random.Generator,
) -> RankCorrelation | None:
    """Return the mean over decisions of the rank correlation of scores and outcomes.

    Ties have mean ranks (Spearman) or are corrected for (Kendall's tau-b). Where all outcomes are
    the same there is no order to be found, and the decision is left out; where they differ and all
    scores are the same the critic found none: 0.

    Args:
        decisions: At least one.
        kind: Which correlation.
        rng: Resamples episodes.

    Returns:
        The mean with its 95% interval, or None where every decision was left out.

    Raises:
        InvalidInputError: No decisions.

    References:
        Kendall, The treatment of ties in ranking problems, 1945.
    """
    kept = [item for item in _some(decisions) if np.ptp(item.arrays()[1]) > 0.0]
    if not kept:
        return None
    correlate = _spearman if kind == "spearman" else _kendall
    values = np.array([correlate(*decision.arrays()) for decision in kept])
    return RankCorrelation(
        clustered_mean(values, [decision.episode for decision in kept], rng=rng),
        float(values.var(ddof=1)) if len(values) > 1 else 0.0,
        len(decisions) - len(kept),
    )


def _some(decisions: Sequence[ScoredDecision]) -> Sequence[ScoredDecision]:
    if not decisions:
        raise InvalidInputError.expected("decisions", "at least one", "none")
    return decisions


def _spearman(scores: NDArray[np.float64], outcomes: NDArray[np.float64]) -> float:
    if np.ptp(scores) == 0.0:
        return 0.0
    return float(np.corrcoef(rankdata(scores), rankdata(outcomes))[0, 1])


def _kendall(scores: NDArray[np.float64], outcomes: NDArray[np.float64]) -> float:
    if np.ptp(scores) == 0.0:
        return 0.0
    found: Any = kendalltau(scores, outcomes)
    return float(found.statistic)
