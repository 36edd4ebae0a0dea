"""Consensus: how near a candidate is to what the policy draws otherwise.

Shapes: `N` candidates, `H` horizon, `A` action.
"""

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.ranges import as_run, spans
from steer.rank.scorers.base import Situation

__all__ = ["consensus"]


def consensus(situation: Situation) -> NDArray[np.float32] | None:
    """Score by the mean distance to what the policy drew, in parts of the actions' ranges.

    What most draws agree on is what the policy is sure of; the best one is the selector `medoid`.
    Needs no critic. Candidates that were made from a draw (perturbed, fitted, going on) are scored
    and have no vote: they lie around it because they were put there, and a chunk in the midst of
    its own perturbations has nobody's agreement.

    Returns:
        float32 of shape [N], <= 0; None where the policy drew fewer than two.

    References:
        RoboMonkey, 2025, and Sentinel, 2024, look at the spread of samples. Differs: it ranks the
        samples, each by its distance from all others.
    """
    is_drawn_N = situation.is_drawn_N
    if is_drawn_N is None:
        is_drawn_N = np.ones(len(situation), np.bool_)
    if is_drawn_N.sum() < 2:
        return None
    chunks_NHA = as_run(situation.chunks_NHA, situation.embodiment)
    return (-_mean_distance(chunks_NHA, situation.embodiment, is_drawn_N)).astype(np.float32)


def _mean_distance(
    chunks_NHA: NDArray[np.float32], embodiment: Embodiment, is_drawn_N: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the mean Euclidean distance of each chunk to all others that were drawn, shape [N]."""
    parts_NHA = chunks_NHA / spans(embodiment, chunks_NHA)
    flat = parts_NHA.reshape(len(chunks_NHA), -1)
    drawn = flat[is_drawn_N]
    # A row at a time: all pairs at once would take N * N * H * A numbers.
    totals_N = np.array([np.linalg.norm(drawn - row, axis=1).sum() for row in flat])
    result: NDArray[np.float64] = totals_N / (len(drawn) - is_drawn_N)
    return result
