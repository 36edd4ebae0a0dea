"""What can be known of a critic from recorded episodes alone. Pure functions on arrays.

Shape legend: E episodes, R rows, N candidates, S states.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = [
    "Calibration",
    "Figure",
    "auc",
    "bootstrap",
    "calibrate",
    "explained",
    "mean_over_episodes",
    "normalised_rank",
    "regret_curve",
    "share_of_episodes",
    "top_share",
    "value_order",
]

_RESAMPLES = 1000
_REDRAWS = 300
_BINS = 10
_FEW = 10
"""So many equal values say that they are alike; fewer may be so by chance."""
_DEVIATIONS = 1.96
"""Of a normal distribution, on either side of its mean, between which 95% of it lie."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95% interval over episodes.

    Attributes:
        value: The number.
        low: Lower end.
        high: Upper end.
        n: Episodes.
    """

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Predicted against realised return.

    Attributes:
        rank_correlation: Spearman's, over rows.
        slope: Of realised on predicted; 1 is right, below 1 means that predictions are too spread.
        error: Mean absolute difference over bins of predicted value, weighted by rows.
        predicted: Mean prediction of each bin.
        realised: Mean realised return of each bin.
    """

    rank_correlation: float
    slope: float
    error: float
    predicted: tuple[float, ...]
    realised: tuple[float, ...]


def mean_over_episodes(
    values: Sequence[float], *, bounds: tuple[float, float], seed: int
) -> Figure:
    """Return the mean with a bootstrap interval over episodes; NaN of none.

    A few values that are all equal show no spread, and drawing them again cannot find any: their
    interval is all that the mean could be.

    Args:
        values: One an episode.
        bounds: The least and the most that a value can be.
        seed: Of the draws.
    """
    array = np.asarray(values, np.float64)
    if not len(array):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    if len(array) < _FEW and np.ptp(array) == 0:
        return Figure(float(array[0]), bounds[0], bounds[1], len(array))
    generator = np.random.default_rng(seed)
    picks = generator.integers(len(array), size=(_RESAMPLES, len(array)))
    low, high = np.percentile(array[picks].mean(axis=1), [2.5, 97.5])
    return Figure(float(array.mean()), float(low), float(high), len(array))


def share_of_episodes(is_so: Sequence[bool] | NDArray[np.bool_]) -> Figure:
    """Return the share of episodes of which something is true, with Wilson's interval; NaN of none.

    References:
        Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    n = len(is_so)
    if not n:
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    share, spread = float(np.mean(is_so)), _DEVIATIONS**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return Figure(share, max(0.0, centre - half), min(1.0, centre + half), n)


def bootstrap(
    statistic: Callable[[NDArray[np.int64]], float], num_episodes: int, *, seed: int
) -> Figure:
    """Return a statistic of episodes with its interval, by drawing episodes again.

    Args:
        statistic: Of positions of episodes, some of them several times.
        num_episodes: How many there are.
        seed: Of the draws.
    """
    generator = np.random.default_rng(seed)
    draws = [
        statistic(generator.integers(num_episodes, size=num_episodes)) for _ in range(_REDRAWS)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Figure(statistic(np.arange(num_episodes)), float(low), float(high), num_episodes)


def value_order(values: NDArray[np.float64]) -> float:
    """Return how far values rise along an episode: Spearman's correlation with time, -1..1.

    References:
        Ma et al., Generative Value Learning, 2024: value-order correlation. Differs: of a critic's
        values, not of a language model's.
    """
    if len(values) < 2 or np.ptp(values) == 0:
        return 0.0
    return _rank_correlation(values, np.arange(len(values), dtype=np.float64))


def auc(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """Return the chance that a positive has the higher value than a negative; 0.5 of none."""
    if not len(positive) or not len(negative):
        return 0.5
    ranks = rankdata(np.concatenate([positive, negative]))
    above = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(above / (len(positive) * len(negative)))


def calibrate(predicted: NDArray[np.float64], realised: NDArray[np.float64]) -> Calibration:
    """Compare predictions with what came.

    Args:
        predicted: Values of the chunks that were run, shape [R].
        realised: Discounted returns that came, shape [R].
    """
    order = np.argsort(predicted)
    groups = [group for group in np.array_split(order, _BINS) if len(group)]
    centre = tuple(float(predicted[group].mean()) for group in groups)
    truth = tuple(float(realised[group].mean()) for group in groups)
    weights = np.array([len(group) for group in groups]) / len(order)
    error = float((np.abs(np.subtract(centre, truth)) * weights).sum())
    spread = predicted.var()
    slope = float(np.cov(predicted, realised, bias=True)[0, 1] / spread) if spread > 0 else 0.0
    correlation = 0.0
    if spread > 0 and np.ptp(realised) > 0:
        correlation = _rank_correlation(predicted, realised)
    return Calibration(correlation, slope, error, centre, truth)


def explained(predicted: NDArray[np.float64], realised: NDArray[np.float64]) -> float:
    """Return the share of the variance of realised returns that predictions explain, as they are.

    1 is perfect, 0 no better than the mean, below 0 worse; 0 where the returns are all equal.
    """
    variance = realised.var()
    if variance == 0:
        return 0.0
    return float(1 - np.square(predicted - realised).mean() / variance)


def _rank_correlation(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return Spearman's correlation of two arrays that are not constant."""
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def normalised_rank(scores_SN: NDArray[np.float64], *, index: int) -> NDArray[np.float64]:
    """Return where candidate `index` stands: 1 is best of all, 0 worst, ties in the middle.

    Args:
        scores_SN: Shape [S, N], N >= 2.
        index: Of the candidate.

    Returns:
        Shape [S].
    """
    mine = scores_SN[:, index : index + 1]
    others = np.delete(scores_SN, index, axis=1)
    return np.asarray((mine > others).mean(axis=1) + 0.5 * (mine == others).mean(axis=1))


def top_share(scores_SN: NDArray[np.float64], *, index: int) -> NDArray[np.float64]:
    """Return how far candidate `index` is the best: 1 alone, 1/k where k are, 0 where it is not.

    So a critic that tells no two candidates apart has 1/N, as does one that guesses.

    Args:
        scores_SN: Shape [S, N].
        index: Of the candidate.

    Returns:
        Shape [S].
    """
    is_best = scores_SN == scores_SN.max(axis=1, keepdims=True)
    return np.asarray(is_best[:, index] / is_best.sum(axis=1), np.float64)


def regret_curve(
    scores_SN: NDArray[np.float64], returns_SN: NDArray[np.float64], counts: Sequence[int]
) -> list[tuple[int, float, float]]:
    """Return what choosing among the first N costs against the best of them, for each N.

    Args:
        scores_SN: Of the critic, shape [S, N].
        returns_SN: That came of each, shape [S, N].
        counts: Values of N, each at most the number of candidates.

    Returns:
        (N, mean regret of the critic's choice, mean regret of a random choice), in discounted
        return.
    """
    rows = np.arange(len(scores_SN))
    curve = []
    for count in counts:
        best = returns_SN[:, :count].max(axis=1)
        chosen = returns_SN[rows, scores_SN[:, :count].argmax(axis=1)]
        mean = returns_SN[:, :count].mean(axis=1)
        curve.append((count, float((best - chosen).mean()), float((best - mean).mean())))
    return curve
