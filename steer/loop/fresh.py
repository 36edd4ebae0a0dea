"""Fresh eyes: candidates that were drawn at an old observation are judged at the newest one.

Shapes: `N` candidates, `H` horizon, `R` rows of what runs, `L` rows of a window, `A` action.
"""

import numpy as np
from numpy.typing import NDArray

from steer.client import SteerClient
from steer.loop.chunks import Chunk
from steer.loop.planner import Request, Sensed
from steer.types import Candidates, Decision, Provenance, Reason

__all__ = ["JUDGED", "decided", "rescored", "windows"]

JUDGED = (Reason.ADVANTAGE, Reason.MARGIN, Reason.INFEASIBLE, Reason.UNGATED)
"""Why a chunk was chosen, where a critic has seen it."""


def decided(decision: Decision, request: Request) -> Chunk:
    """Return the chunk of a decision at the observation that it was asked for."""
    rows = len(decision.chunk)
    return Chunk(
        actions=decision.chunk,
        consumed=request.consumed,
        frozen=min(request.frozen, rows - 1),
        commit=min(decision.commit_horizon, rows),
        captured_at_s=request.captured_at_s,
        epoch=request.epoch,
        sequence=request.sequence,
        is_steered=decision.reason in JUDGED,
    )


def windows(
    candidates_NHA: NDArray[np.float32], running_RA: NDArray[np.float32] | None, *, gone: int
) -> tuple[NDArray[np.float32], tuple[Provenance, ...]]:
    """Return what of the candidates can still run, and the running chunk as one more of them.

    Args:
        candidates_NHA: Row 0 of each for the tick of the old observation.
        running_RA: What would follow if nothing new came, row 0 for the next tick; None for
            nothing. It competes where it is as long as the windows are.
        gone: Rows that were consumed since, fewer than H.

    Returns:
        [N, L, A] or, with the running chunk last, [N + 1, L, A]; and where each came from.
    """
    cut_NLA = candidates_NHA[:, gone:]
    kinds = (Provenance.POLICY,) * len(cut_NLA)
    rows = cut_NLA.shape[1]
    if running_RA is None or len(running_RA) < rows:
        return cut_NLA, kinds
    going_on_1LA = running_RA[None, :rows]
    return np.concatenate([cut_NLA, going_on_1LA]), (*kinds, Provenance.CONTINUATION)


def rescored(
    client: SteerClient,
    decision: Decision,
    request: Request,
    sensed: Sensed,
    *,
    budget_s: float,
    noise_seed: int = 0,
) -> Chunk:
    """Return the best of what can still run, judged at the newest observation.

    The policy's own chunk stays candidate 0, cut like the others, and the same gate decides. Where
    the newest observation is no newer, or too few rows are left for the critic, the decision stays
    what it was.

    Args:
        client: With a session; its critic judges.
        decision: With all its candidates.
        request: That it answers.
        sensed: The robot now.
        budget_s: Of the judging, in seconds.
        noise_seed: Of selectors that draw.

    References:
        Real-Time EXPO-FT, arXiv 2609.18207, 2026. Differs: nothing is edited here, the running
        chunk competes, and what runs when nothing is clearly better is the policy's own.
    """
    gone = sensed.consumed - request.consumed
    session, drawn = client.session, decision.candidates
    is_newer = sensed.epoch == request.epoch and gone > 0
    if session is None or drawn is None or not is_newer:
        return decided(decision, request)
    if drawn.actions.shape[1] - gone < max(1, session.critic.horizon):
        return decided(decision, request)
    running = sensed.observation.running
    if len(drawn) >= session.limits.max_candidates:
        running = None  # no room for one more
    actions_NLA, kinds = windows(drawn.actions, running, gone=gone)
    found = client.rank(
        sensed.observation,
        Candidates(np.ascontiguousarray(actions_NLA), kinds),
        budget_s=budget_s,
        noise_seed=noise_seed,
        epoch=request.epoch,
    )
    if found.reason not in JUDGED:  # the old judgement is better than none
        return decided(decision, request)
    rows = len(found.chunk)
    return Chunk(
        actions=found.chunk,
        consumed=sensed.consumed,
        frozen=min(max(0, request.frozen - gone), rows - 1),
        commit=min(decision.commit_horizon, rows),
        captured_at_s=sensed.captured_at_s,
        epoch=request.epoch,
        sequence=request.sequence,
    )
