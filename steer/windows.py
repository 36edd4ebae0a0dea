"""Windows: what of candidates can still run when they are judged, later than they were drawn.

Shapes: `N` candidates, `H` horizon, `R` rows of what runs, `T` of them, `L` rows of a window,
`A` action.
"""

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.limits import is_motion
from steer.ranges import overlap_distance
from steer.types import Candidates, Provenance

__all__ = ["anchored", "continuation", "led", "still_frozen", "windows"]

_ANCHOR_ROWS = 4
"""Rows over which a path is made up for."""


def windows(
    candidates: Candidates,
    running_RA: NDArray[np.float32] | None,
    *,
    body: Embodiment,
    gone: int,
    frozen: int = 0,
    most: int | None = None,
    moved_A: NDArray[np.float64] | None = None,
) -> Candidates:
    """Return what of the candidates can still run, and the running chunk as one more of them.

    The one rule for late candidates: the server that judges for a robot goes by it, and so does a
    program that holds the candidates itself. A continuation among them is that of an older
    observation: the one of now takes its place.

    Args:
        candidates: Row 0 of each for the tick of the old observation; candidate 0 is the policy's.
        running_RA: What would follow if nothing new came, row 0 for the next tick; None for
            nothing.
        body: The robot's.
        gone: Rows that were consumed since, fewer than H.
        frozen: Rows from there on that what runs now will fill, whichever is chosen.
        most: Largest number of windows: where there is no room the running chunk does not compete.
        moved_A: Sum of all that was commanded since that observation, for which the candidates make
            up (`anchored`); None leaves them as they were drawn.

    Returns:
        N windows in their order and, where it competes, the running chunk as the last one.

    Raises:
        InvalidInputError: No row is left.
    """
    rows = candidates.actions.shape[1] - gone
    if rows < 1 or gone < 0:
        contract = f"0..{candidates.actions.shape[1] - 1} rows"
        raise InvalidInputError.expected("gone", contract, gone)
    drawn_NHA = candidates.actions
    if moved_A is not None:
        drawn_NHA = anchored(
            drawn_NHA, running_RA, body=body, gone=gone, frozen=frozen, moved_A=moved_A
        )
    is_kept = [item is not Provenance.CONTINUATION for item in candidates.provenance]
    is_kept[0] = True
    cut_NLA = drawn_NHA[is_kept, gone:]
    kinds = tuple(kind for kind, stays in zip(candidates.provenance, is_kept, strict=True) if stays)
    if running_RA is None or not len(running_RA):
        return Candidates(cut_NLA, kinds)
    going_on_LA = continuation(running_RA, cut_NLA, body)
    stays = min(frozen, len(running_RA), rows)
    cut_NLA[:, :stays] = running_RA[:stays]
    if most is not None and len(cut_NLA) >= most:
        return Candidates(cut_NLA, kinds)
    together_NLA = np.concatenate([cut_NLA, going_on_LA[None]])
    return Candidates(together_NLA, (*kinds, Provenance.CONTINUATION))


def still_frozen(
    frozen: int, running_RA: NDArray[np.float32] | None, *, gone: int, acted: int
) -> int:
    """Return how many rows of a window what runs now will fill, whichever candidate is chosen.

    An answer that is later than was expected has outlived its frozen rows. What the robot does
    until the answer is there is done all the same, and a candidate that is judged, and kept within
    the limits, as if it could still begin there would begin with a jump.

    Args:
        frozen: Rows from the old observation on.
        running_RA: What would follow if nothing new came, row 0 for the next tick; None for
            nothing.
        gone: Rows that were consumed since.
        acted: Rows from the newest observation on that will have gone out by then, at least.
    """
    going_on = 0 if running_RA is None else min(acted, len(running_RA))
    return max(going_on, frozen - gone)


def continuation(
    rest_RA: NDArray[np.float32], chunks_NHA: NDArray[np.float32], embodiment: Embodiment
) -> NDArray[np.float32]:
    """Return the running chunk as a candidate: its rest, then the end of the nearest drawn chunk.

    The nearest is so over the ticks that both have, in parts of the actions' ranges, the first
    where several are. Nothing is averaged; where the two do not meet, `steer.rank.feasible` sees
    the jump.

    Args:
        rest_RA: In robot units, R >= 1; row 0 is for the tick of a chunk's row 0.
        chunks_NHA: In robot units.
        embodiment: Ranges of the actions.

    Returns:
        float32 of shape [H, A]; the rest bit for bit, cut after H actions.

    Raises:
        InvalidInputError: Nothing is left of the running chunk.
    """
    if not len(rest_RA):
        raise InvalidInputError.expected("running chunk", "at least 1 action left", 0)
    distance_N = overlap_distance(chunks_NHA, rest_RA, embodiment, decay=1.0)
    horizon = chunks_NHA.shape[1]
    tail = chunks_NHA[int(distance_N.argmin()), len(rest_RA) :]
    return np.concatenate([rest_RA[:horizon], tail])


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
    body: Embodiment,
    gone: int,
    frozen: int,
    moved_A: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return candidates whose paths lead where they were meant to, wherever the robot is by now.

    A chunk of motions says where to go from where it was asked for. The robot has moved on
    meanwhile, by what ran before: what of that the chunk did not mean is made up for over the first
    rows that are free. A policy that writes its actions as places relative to the observation does
    the same.

    Args:
        candidates_NHA: Row 0 for the tick of the old observation.
        running_RA: What would follow if nothing new came, row 0 for the next tick.
        body: The robot's; dimensions that command no motion are left as they are.
        gone: Rows that were consumed since, fewer than H.
        frozen: Rows from there on that what runs now will fill.
        moved_A: Sum of all that was commanded since that observation.

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
    is_motion_A = np.array([is_motion(body, dim.name) for dim in body.actions])
    missing_NA = np.where(is_motion_A, meant_NA - goes_A, 0.0)
    anchored_NHA = candidates_NHA.copy()
    anchored_NHA[:, free : free + rows] += (missing_NA / rows).astype(np.float32)[:, None]
    return anchored_NHA
