"""Ranges of actions: what the robot makes of a command, and how large a difference is.

Shapes: `N` chunks, `H` horizon, `R` rest of the running chunk, `L` overlap, `A` action; `...` any
axes before it.
"""

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment

__all__ = ["as_run", "clip_to_range", "overlap_distance", "spans"]


def as_run(chunks: NDArray[np.float32], embodiment: Embodiment) -> NDArray[np.float32]:
    """Return actions of shape [..., A] as the robot runs them: clipped, if it clips by itself."""
    return clip_to_range(chunks, embodiment) if embodiment.out_of_range == "clip" else chunks


def clip_to_range(chunks: NDArray[np.float32], embodiment: Embodiment) -> NDArray[np.float32]:
    """Return actions of shape [..., A] inside of the ranges that the embodiment knows."""
    dims = embodiment.actions
    low = [dim.low if dim.low < dim.high else -np.inf for dim in dims]
    high = [dim.high if dim.low < dim.high else np.inf for dim in dims]
    return np.clip(chunks, np.array(low, np.float32), np.array(high, np.float32))


def spans(embodiment: Embodiment, *seen: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return by what to divide a difference to have it in parts of the range, shape [A].

    The embodiment's range; where that is unknown, what the arrays span together; 1 where they do
    not differ.

    Args:
        embodiment: With the ranges.
        seen: Each of shape [..., A], in robot units.
    """
    rows = np.concatenate([array.reshape(-1, embodiment.action_dim) for array in seen])
    own_A = np.ptp(rows.astype(np.float64), axis=0)
    known_A = np.array([dim.high - dim.low for dim in embodiment.actions])
    span_A = np.where(known_A > 0, known_A, own_A)
    return np.where(span_A == 0, 1.0, span_A)


def overlap_distance(
    chunks_NHA: NDArray[np.float32],
    rest_RA: NDArray[np.float32],
    embodiment: Embodiment,
    *,
    decay: float,
) -> NDArray[np.float64]:
    """Return how far each chunk's beginning is from the running one, shape [N].

    The root mean square over the actions, averaged over the ticks that both have.

    Args:
        chunks_NHA: In robot units.
        rest_RA: In robot units, R >= 1; row 0 is for the tick of a chunk's row 0.
        embodiment: Clips, and gives the ranges.
        decay: Weight of each tick against the one before it, in (0, 1].
    """
    length = min(len(rest_RA), chunks_NHA.shape[1])
    ours_NLA = as_run(chunks_NHA[:, :length], embodiment)
    theirs_LA = as_run(rest_RA[:length], embodiment)
    parts_NLA = (ours_NLA - theirs_LA) / spans(embodiment, ours_NLA, theirs_LA)
    distance_NL = np.sqrt((parts_NLA**2).mean(axis=2))
    weight_L = decay ** np.arange(length)
    result: NDArray[np.float64] = (distance_NL * weight_L).sum(axis=1) / weight_L.sum()
    return result
