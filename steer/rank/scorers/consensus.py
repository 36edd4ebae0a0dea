"""Consensus: how near a candidate is to what the policy draws otherwise.

Shapes: `N` candidates, `H` horizon, `A` action.
"""

import numpy as np
from numpy.typing import NDArray

from steer.rank.scorers.base import Situation
from steer.rank.scorers.ranges import as_run, spans

__all__ = ["consensus", "mean_distance"]


def consensus(situation: Situation) -> NDArray[np.float32] | None:
    """Score by the mean distance to the other candidates, in parts of the actions' ranges.

    What most draws agree on is what the policy is sure of; the best one is the selector `medoid`.
    Needs no critic. A single candidate has nothing to agree with.

    Returns:
        float32 of shape [N], <= 0; None for a single candidate.

    References:
        RoboMonkey, 2025, and Sentinel, 2024, look at the spread of samples. Differs: it ranks the
        samples, each by its distance from all others.
    """
    if len(situation) < 2:
        return None
    distance_N = mean_distance(as_run(situation.chunks_NHA, situation.embodiment), situation)
    return (-distance_N).astype(np.float32)


def mean_distance(chunks_NHA: NDArray[np.float32], situation: Situation) -> NDArray[np.float64]:
    """Return the mean Euclidean distance of each chunk to all others, shape [N]."""
    parts_NHA = chunks_NHA / spans(situation.embodiment, chunks_NHA)
    flat = parts_NHA.reshape(len(chunks_NHA), -1)
    # A row at a time: all pairs at once would take N * N * H * A numbers.
    totals = [np.linalg.norm(flat - row, axis=1).sum() for row in flat]
    result: NDArray[np.float64] = np.array(totals) / (len(flat) - 1)
    return result
