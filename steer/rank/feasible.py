"""Which candidates the robot could run as they are."""

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment

__all__ = ["feasible"]

_TOLERANCE = 1e-6


def feasible(chunks_NHA: NDArray[np.float32], embodiment: Embodiment) -> NDArray[np.bool_]:
    """Return whether each candidate keeps the embodiment's limits, shape [N].

    Range: only where the embodiment says `reject`; a robot that clips by itself can run anything.
    Step: the change between consecutive actions, where a dimension has `max_step`.

    Args:
        chunks_NHA: The prefix that would be run, in robot units.
        embodiment: With the limits.
    """
    mask = np.ones(len(chunks_NHA), dtype=np.bool_)
    dims = embodiment.actions
    if embodiment.out_of_range == "reject":
        known = np.array([dim.low < dim.high for dim in dims])
        low = np.array([dim.low for dim in dims]) - _TOLERANCE
        high = np.array([dim.high for dim in dims]) + _TOLERANCE
        outside = ((chunks_NHA < low) | (chunks_NHA > high)) & known
        mask &= ~outside.any(axis=(1, 2))
    max_step = np.array([dim.max_step for dim in dims])
    if (max_step > 0).any():
        jumps = np.abs(np.diff(chunks_NHA, axis=1)) > max_step + _TOLERANCE
        mask &= ~(jumps & (max_step > 0)).any(axis=(1, 2))
    return mask
