"""Fresh eyes: candidates that were drawn at an old observation are judged at the newest one.

Shapes: `N` candidates, `M` of them, `H` horizon, `R` rows of what runs, `L` rows of a window, `A`
action.
"""

import logging
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steer.client import SteerClient
from steer.errors import SteerError
from steer.heads import NumpyHead
from steer.loop.chunks import Chunk
from steer.loop.limiter import kept
from steer.loop.limits import Limits
from steer.loop.planner import Request, Sensed
from steer.types import Candidates, Decision, Observation, Provenance, Reason

__all__ = ["JUDGED", "anchored", "decided", "edits", "rescored", "windows"]

logger = logging.getLogger(__name__)

_ANCHOR_ROWS = 4
"""Rows over which a path is made up for."""
_EDITED = 16
"""Candidates that a head is asked to better."""

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


def rescored(
    client: SteerClient,
    decision: Decision,
    request: Request,
    sensed: Sensed,
    *,
    budget_s: float,
    noise_seed: int = 0,
    limits: Limits | None = None,
    head: NumpyHead | None = None,
    is_motion: NDArray[np.bool_] | None = None,
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
        head: What it makes of the best candidates competes with them, as many as there is room for.
        is_motion: Dimensions that command motions, [A]: there candidates are anchored first, see
            `anchored`. None anchors nothing.

    References:
        Real-Time EXPO-FT, arXiv 2609.18207, 2026. Differs: the running chunk competes, too, and
        what runs when nothing is clearly better is the policy's own.
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
    whole_NHA = drawn.actions
    if is_motion is not None:
        moved_A = sensed.travelled - request.travelled
        whole_NHA = anchored(
            whole_NHA,
            sensed.observation.running,
            gone=gone,
            frozen=frozen,
            moved_A=moved_A,
            is_motion_A=is_motion,
        )
    actions_NLA, kinds = windows(whole_NHA, running, gone=gone, frozen=frozen)
    if head is not None:
        room = session.limits.max_candidates - len(actions_NLA)
        best = _best(decision, min(room, _EDITED))
        edited_MLA = edits(head, sensed.observation, actions_NLA[best], gone=gone, frozen=frozen)
        actions_NLA = np.concatenate([actions_NLA, edited_MLA])
        kinds = (*kinds, *(Provenance.EDIT,) * len(edited_MLA))
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


def edits(
    head: NumpyHead,
    observation: Observation,
    windows_MLA: NDArray[np.float32],
    *,
    gone: int,
    frozen: int,
) -> NDArray[np.float32]:
    """Return what a head makes of windows, their frozen rows as they were.

    Rows beyond the head's own window stay; of one that is shorter, or farther gone than the head
    has learnt, nothing is made.

    Args:
        head: Of the robot's body.
        observation: The newest.
        windows_MLA: Row 0 for the next tick.
        gone: Rows of their chunks that are gone.
        frozen: Rows that what runs now fills.

    Returns:
        [M, L, A], or none of them.
    """
    rows = head.card.window
    if windows_MLA.shape[1] < rows or gone > head.card.most_gone:
        return windows_MLA[:0]
    made_MLA = windows_MLA.copy()
    made_MLA[:, :rows] = head.windows(observation, windows_MLA[:, :rows], gone=gone)
    made_MLA[:, :frozen] = windows_MLA[:, :frozen]
    return made_MLA


def _best(decision: Decision, count: int) -> NDArray[np.int64]:
    """Return the candidates with the best scores, the policy's own one first."""
    scores = decision.scores
    size = 1 if decision.candidates is None else len(decision.candidates)
    order = np.argsort(-scores, kind="stable") if len(scores) == size else np.arange(size)
    first: NDArray[np.int64] = np.concatenate([[0], order[order != 0]]).astype(np.int64)
    return first[: max(0, count)]


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
