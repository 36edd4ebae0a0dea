"""What of a late chunk can still run, and how it would run.

Shapes: `N` candidates, `H` horizon, `R` rows of what runs, `L` rows of a window, `A` action.
"""

import numpy as np
from numpy.typing import NDArray

from steer.types import Provenance

__all__ = ["anchored", "windows"]

_ANCHOR_ROWS = 4
"""Rows over which a path is made up for."""


def windows(
    candidates_NHA: NDArray[np.float32],
    running_RA: NDArray[np.float32] | None,
    *,
    gone: int,
    frozen: int = 0,
) -> tuple[NDArray[np.float32], tuple[Provenance, ...]]:
    """Return what of the candidates can still run, and the running chunk as one more of them.

    Args:
        candidates_NHA: Row 0 of each for the tick of the old observation.
        running_RA: What would follow if nothing new came, row 0 for the next tick; None for
            nothing. It competes where it is as long as the windows are.
        gone: Rows that were consumed since, fewer than H.
        frozen: Rows from there on that what runs now will fill, whichever is chosen.

    Returns:
        [N, L, A] or, with the running chunk last, [N + 1, L, A]; and where each came from.
    """
    cut_NLA = candidates_NHA[:, gone:].copy()
    kinds = (Provenance.POLICY,) * len(cut_NLA)
    if running_RA is None:
        return cut_NLA, kinds
    rows = cut_NLA.shape[1]
    stays = min(frozen, len(running_RA), rows)
    cut_NLA[:, :stays] = running_RA[:stays]
    if len(running_RA) < rows:
        return cut_NLA, kinds
    going_on_1LA = running_RA[None, :rows]
    return np.concatenate([cut_NLA, going_on_1LA]), (*kinds, Provenance.CONTINUATION)


def anchored(
    candidates_NHA: NDArray[np.float32],
    running_RA: NDArray[np.float32] | None,
    *,
    gone: int,
    frozen: int,
    moved_A: NDArray[np.float64],
    is_motion_A: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return candidates whose paths lead where they were meant to, wherever the robot is by now.

    A chunk of motions says where to go from where it was asked for. The robot has moved on
    meanwhile, by what ran before: what of that the chunk did not mean is made up for over the first
    rows that are free. A policy that writes its actions as places relative to the observation does
    the same.

    Args:
        candidates_NHA: Row 0 for the tick of the old observation.
        running_RA: What would follow if nothing new came, row 0 for the next tick.
        gone: Rows that were consumed since, fewer than H.
        frozen: Rows from there on that what runs now will fill.
        moved_A: Sum of all motions that were commanded since that observation.
        is_motion_A: Dimensions that are motions; others are left as they are.

    References:
        Chi et al., Universal Manipulation Interface, 2024: relative trajectories absorb latency.
        Differs: it is done to the chunks of any policy, afterwards.
    """
    stays = 0 if running_RA is None else min(frozen, len(running_RA))
    free = gone + stays
    rows = min(_ANCHOR_ROWS, candidates_NHA.shape[1] - free)
    if rows < 1:
        return candidates_NHA
    meant_NA = candidates_NHA[:, :free].sum(axis=1, dtype=np.float64)
    goes_A = moved_A if running_RA is None else moved_A + running_RA[:stays].sum(axis=0)
    missing_NA = np.where(is_motion_A, meant_NA - goes_A, 0.0)
    anchored_NHA = candidates_NHA.copy()
    anchored_NHA[:, free : free + rows] += (missing_NA / rows).astype(np.float32)[:, None]
    return anchored_NHA
