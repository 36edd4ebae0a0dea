"""Windows: what of candidates can still run when they are judged, later than they were drawn.

Shapes: `N` candidates, `H` horizon, `R` rows of what runs, `T` of them, `L` rows of a window,
`A` action.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.types import Candidates, Provenance

__all__ = ["GoingOn", "anchored", "led", "windows"]

_ANCHOR_ROWS = 4
"""Rows over which a path is made up for."""

GoingOn = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""Makes the running chunk, [R, A], as long as windows, [N, L, A]: returns [L, A], which begins with
its rows."""


def windows(
    candidates: Candidates,
    running_RA: NDArray[np.float32] | None,
    *,
    gone: int,
    frozen: int = 0,
    most: int | None = None,
    going_on: GoingOn | None = None,
) -> Candidates:
    """Return what of the candidates can still run, and the running chunk as one more of them.

    A continuation among the candidates is that of an older observation: the one of now takes its
    place.

    Args:
        candidates: Row 0 of each for the tick of the old observation; candidate 0 is the policy's.
        running_RA: What would follow if nothing new came, row 0 for the next tick; None for
            nothing.
        gone: Rows that were consumed since, fewer than H.
        frozen: Rows from there on that what runs now will fill, whichever is chosen.
        most: Largest number of windows: where there is no room the running chunk does not compete.
        going_on: Gives the running chunk an end where it is shorter than the windows; None lets it
            compete only where it is not.

    Returns:
        N windows in their order and, where it competes, the running chunk as the last one.

    Raises:
        InvalidInputError: No row is left.
    """
    rows = candidates.actions.shape[1] - gone
    if rows < 1 or gone < 0:
        contract = f"0..{candidates.actions.shape[1] - 1} rows"
        raise InvalidInputError.expected("gone", contract, gone)
    is_kept = [item is not Provenance.CONTINUATION for item in candidates.provenance]
    is_kept[0] = True
    cut_NLA = candidates.actions[is_kept, gone:]
    kinds = tuple(kind for kind, stays in zip(candidates.provenance, is_kept, strict=True) if stays)
    if running_RA is None:
        return Candidates(cut_NLA, kinds)
    going_on_LA = running_RA[:rows]
    if len(going_on_LA) < rows and going_on is not None:
        going_on_LA = going_on(running_RA, cut_NLA)
    stays = min(frozen, len(running_RA), rows)
    cut_NLA[:, :stays] = running_RA[:stays]
    if len(going_on_LA) < rows or (most is not None and len(cut_NLA) >= most):
        return Candidates(cut_NLA, kinds)
    together_NLA = np.concatenate([cut_NLA, going_on_LA[None]])
    return Candidates(together_NLA, (*kinds, Provenance.CONTINUATION))


def led(candidates: Candidates, rows_TA: NDArray[np.float32]) -> Candidates:
    """Return candidates behind rows that run before each of them."""
    if not len(rows_TA):
        return candidates
    before_NTA = np.broadcast_to(rows_TA, (len(candidates), *rows_TA.shape))
    whole_NHA = np.concatenate([before_NTA, candidates.actions], axis=1)
    return Candidates(whole_NHA, candidates.provenance)


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
