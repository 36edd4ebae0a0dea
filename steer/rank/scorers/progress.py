"""Progress: whether a candidate is worth more the more of it is run.

Shapes: `K` members, `N` candidates, `P` prefixes.
"""

import numpy as np
from numpy.typing import NDArray

from steer.rank.scorers.base import Situation

__all__ = ["progress"]


def progress(situation: Situation) -> NDArray[np.float32] | None:
    """Return the rise of value along each candidate's prefixes, in discounted return an action.

    The slope of the straight line nearest to the values after 1..P actions, mean over the members.
    A chunk whose first action looks good and whose end does not falls. The slope uses every prefix;
    the difference of the two ends would rest on two noisy numbers.

    Returns:
        float32 of shape [N]; None where the critic values no prefixes, or a single one.

    References:
        Du et al., To Err is Robotic, 2024 (Bellman-guided retrials), watches the value rise while
        a chunk runs; Tian et al., Chunking the Critic, 2025 (T-SAC), gives a value to each prefix.
        Differs: the rise is predicted, before anything runs, and ranks candidates.
    """
    value_KNP = situation.value_KNP
    if value_KNP is None or value_KNP.shape[2] < 2:
        return None
    tick_P = np.arange(value_KNP.shape[2]) - (value_KNP.shape[2] - 1) / 2
    rise_KNP = value_KNP.astype(np.float64) - value_KNP[..., :1]
    slope_KN = (rise_KNP * tick_P).sum(axis=2) / (tick_P**2).sum()
    slope_N: NDArray[np.float32] = slope_KN.mean(axis=0).astype(np.float32)
    return slope_N
