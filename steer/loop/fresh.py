"""Fresh eyes: candidates that were drawn at an old observation are judged at the newest one.

For programs that hold the candidates themselves; a `Control` stream has the server do it.
"""

import logging
from dataclasses import replace

from steer.client import SteerClient
from steer.errors import SteerError
from steer.limiting import kept
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.planner import Request, Sensed
from steer.types import Candidates, Decision, Reason
from steer.windows import windows

__all__ = ["JUDGED", "decided", "rescored"]

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

    Candidate 0 stays the policy's own, cut like the others. Where the newest observation is no
    newer, too few rows are left, or no critic answers, the decision stays what it was.

    Args:
        client: With a session; its critic judges.
        decision: With all its candidates.
        request: That it answers.
        sensed: The robot now.
        budget_s: Of the judging, in seconds.
        noise_seed: Of selectors that draw.
        limits: Of the robot: candidates are moved within them before they are judged; None judges
            them as they are.

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
    frozen, most = max(0, request.frozen - gone), session.limits.max_candidates
    candidates = windows(drawn, sensed.observation.running, gone=gone, frozen=frozen, most=most)
    if limits is not None:
        moved_NLA = kept(limits, candidates.actions, sensed.sent)
        candidates = Candidates(moved_NLA, candidates.provenance)
    found = _ranked(client, request, sensed, candidates, budget_s=budget_s, noise_seed=noise_seed)
    if found is None:  # the old judgement is better than none
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


def _ranked(
    client: SteerClient,
    request: Request,
    sensed: Sensed,
    candidates: Candidates,
    *,
    budget_s: float,
    noise_seed: int,
) -> Decision | None:
    """Return the critic's choice; None where no critic has seen the candidates."""
    try:
        found = client.rank(
            sensed.observation,
            candidates,
            budget_s=budget_s,
            noise_seed=noise_seed,
            epoch=request.epoch,
        )
    except SteerError as error:
        logger.warning("not judged again: %s", error)
        return None
    return found if found.reason in JUDGED else None


def _kept_from_now(chunk: Chunk, sensed: Sensed, limits: Limits) -> Chunk:
    """Return what of a chunk can still run, moved within the limits; all of it where none can."""
    gone = sensed.consumed - chunk.consumed
    rows = len(chunk.actions) - gone
    if rows < 1:
        return chunk
    frozen = max(0, chunk.frozen - gone)
    running = sensed.observation.running
    left = windows(Candidates(chunk.actions[None]), running, gone=gone, frozen=frozen)
    return replace(
        chunk,
        actions=kept(limits, left.actions[:1], sensed.sent)[0],
        consumed=sensed.consumed,
        frozen=min(frozen, rows - 1),
        commit=min(chunk.commit, rows),
    )
