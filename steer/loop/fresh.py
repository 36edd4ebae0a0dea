"""Fresh eyes: candidates that were drawn at an old observation are judged at the newest one.

Shapes: `N` candidates, `H` horizon, `R` rows of what runs, `L` rows of a window, `A` action.
"""

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steer.client import SteerClient
from steer.errors import SteerError
from steer.loop.chunks import Chunk
from steer.loop.limiter import kept
from steer.loop.limits import Limits
from steer.loop.planner import Request, Sensed
from steer.types import Candidates, Decision, Provenance, Reason

__all__ = ["JUDGED", "decided", "rescored", "windows"]

logger = logging.getLogger(__name__)

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


def rescored(
    client: SteerClient,
    decision: Decision,
    request: Request,
    sensed: Sensed,
    *,
    budget_s: float,
    noise_seed: int = 0,
    limits: Limits | None = None,
) -> Chunk:
    """Return the best of what can still run, judged at the newest observation.

    The policy's own chunk stays candidate 0, cut like the others, and the same gate decides. Where
    the newest observation is no newer, or too few rows are left for the critic, or it cannot be
    asked, the decision stays what it was.

    Args:
        client: With a session; its critic judges.
        decision: With all its candidates.
        request: That it answers.
        sensed: The robot now.
        budget_s: Of the judging, in seconds.
        noise_seed: Of selectors that draw.
        limits: Of the robot: each candidate is moved within them before it is judged, so that what
            is judged is what will run. None judges them as they are, and the robot moves them.

    References:
        Real-Time EXPO-FT, arXiv 2609.18207, 2026. Differs: nothing is edited here, the running
        chunk competes, and what runs when nothing is clearly better is the policy's own.
    """
    as_it_was = decided(decision, request)
    gone = sensed.consumed - request.consumed
    session, drawn = client.session, decision.candidates
    if sensed.epoch != request.epoch or gone < 0:
        return as_it_was
    if limits is not None:
        as_it_was = _kept_from_now(as_it_was, sensed, limits)
    elif not gone:
        return as_it_was
    if session is None or drawn is None:
        return as_it_was
    if drawn.actions.shape[1] - gone < max(1, session.critic.horizon):
        return as_it_was
    running = sensed.observation.running
    if len(drawn) >= session.limits.max_candidates:
        running = None  # no room for one more
    frozen = max(0, request.frozen - gone)
    actions_NLA, kinds = windows(drawn.actions, running, gone=gone, frozen=frozen)
    if limits is not None:
        actions_NLA = kept(limits, actions_NLA, sensed.sent)
    try:
        found = client.rank(
            sensed.observation,
            Candidates(np.ascontiguousarray(actions_NLA), kinds),
            budget_s=budget_s,
            noise_seed=noise_seed,
            epoch=request.epoch,
        )
    except SteerError as error:
        logger.warning("not judged again: %s", error)
        return as_it_was
    if found.reason not in JUDGED:  # the old judgement is better than none
        return as_it_was
    rows = len(found.chunk)
    return replace(
        as_it_was,
        actions=found.chunk,
        consumed=sensed.consumed,
        frozen=min(frozen, rows - 1),
        commit=min(decision.commit_horizon, rows),
        captured_at_s=sensed.captured_at_s,
        is_steered=True,
    )


def _kept_from_now(chunk: Chunk, sensed: Sensed, limits: Limits) -> Chunk:
    """Return what of a chunk can still run, moved within the limits; all of it where none can."""
    gone = sensed.consumed - chunk.consumed
    rows = len(chunk.actions) - gone
    if rows < 1:
        return chunk
    frozen = max(0, chunk.frozen - gone)
    running = sensed.observation.running
    left_1LA, _ = windows(chunk.actions[None], running, gone=gone, frozen=frozen)
    return replace(
        chunk,
        actions=kept(limits, left_1LA[:1], sensed.sent)[0],
        consumed=sensed.consumed,
        frozen=min(frozen, rows - 1),
        commit=min(chunk.commit, rows),
    )
