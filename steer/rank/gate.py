"""The gate: which candidates may run in the place of the policy's own.

Shapes: `N` candidates.
"""

import numpy as np
from numpy.typing import NDArray

from steer.types import Reason

__all__ = ["gate"]


def gate(
    score_N: NDArray[np.float32], feasible_N: NDArray[np.bool_], *, margin: float
) -> tuple[NDArray[np.bool_], Reason]:
    """Return which candidates beat candidate 0 by more than the margin and are feasible.

    Args:
        score_N: Advantage over candidate 0, in discounted return.
        feasible_N: Whether each keeps the robot's limits.
        margin: >= 0, in discounted return. An advantage equal to it does not pass.

    Returns:
        A mask of shape [N], False at 0, and ADVANTAGE where it lets any through; else why not:
        MARGIN where none beats candidate 0 by enough, INFEASIBLE where those that do are not
        feasible.

    References:
        Bai et al., Digi-Q, 2025, filters training actions by an advantage threshold. Differs: at
        inference, with the advantage paired per member with the policy's own chunk.
    """
    better_N = score_N > margin
    better_N[0] = False
    eligible_N = better_N & feasible_N
    if eligible_N.any():
        return eligible_N, Reason.ADVANTAGE
    return eligible_N, Reason.INFEASIBLE if better_N.any() else Reason.MARGIN
