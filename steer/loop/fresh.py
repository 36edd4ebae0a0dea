"""Fresh eyes: candidates that were drawn at an old observation are judged at the newest one.

For programs that hold the candidates themselves; a `Control` stream has the server do it.

Shapes: `N` candidates, `M` of them, `H` horizon, `L` rows of a window, `A` action.
"""

import logging
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from steer.client import SteerClient
from steer.embodiment import Embodiment
from steer.errors import SteerError
from steer.heads import NumpyHead
from steer.limiting import kept
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.planner import Request, Sensed
from steer.types import Candidates, Decision, Observation, Provenance, Reason
from steer.windows import still_frozen, windows

__all__ = ["EDITED", "decided", "edits", "fallback_of", "rescored"]

logger = logging.getLogger(__name__)

EDITED = 16
"""Candidates that a head is asked to better, where the server takes so many more."""

_JUDGED = (Reason.ADVANTAGE, Reason.MARGIN, Reason.INFEASIBLE, Reason.UNGATED)
"""Why a chunk was chosen, where a critic has seen it."""


def fallback_of(decision: Decision) -> str:
    """Return why no critic has chosen, by the name of its reason; empty where one has."""
    return "" if decision.reason in _JUDGED else decision.reason.value


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
        fallback=fallback_of(decision),
    )


def rescored(
    client: SteerClient,
    decision: Decision,
    request: Request,
    sensed: Sensed,
    *,
    body: Embodiment,
    budget_s: float,
    noise_seed: int = 0,
    limits: Limits | None = None,
    head: NumpyHead | None = None,
    anchors: bool = True,
    acted: int = 0,
) -> tuple[Chunk, Decision | None]:
    """Return the best of what can still run, judged at the newest observation.

    The policy's own chunk stays candidate 0, cut like the others, and the same gate decides. Where
    nothing is newer, too few rows are left, or no critic answers, the decision stays what it was.

    Args:
        client: With a session; its critic judges.
        decision: With all its candidates.
        request: That it answers.
        sensed: The robot now.
        body: The robot's.
        budget_s: Of the judging, in seconds.
        noise_seed: Of selectors that draw.
        limits: Of the robot: candidates are moved within them before they are judged.
        head: What it makes of the best candidates competes, as far as there is room.
        anchors: Whether candidates make up for what the robot did since it asked.
        acted: Actions that have gone out since `sensed`.

    Returns:
        The chunk to run, and the new decision where there is one: the candidates of that begin at
        the newest tick, and what runs has filled their first `frozen` rows.

    References:
        Real-Time EXPO-FT, arXiv 2609.18207, 2026. Differs: the running chunk competes, and a gate.
    """
    as_it_was = decided(decision, request)
    gone = sensed.consumed - request.consumed
    session, drawn = client.session, decision.candidates
    if sensed.epoch != request.epoch or gone < 0:
        return as_it_was, None
    if limits is not None:
        as_it_was = _kept_from_now(as_it_was, sensed, body, limits, acted=acted)
    elif not gone:
        return as_it_was, None
    if session is None or drawn is None:
        return as_it_was, None
    if drawn.actions.shape[1] - gone < session.commit_horizon:
        return as_it_was, None
    frozen = still_frozen(request.frozen, sensed.observation.running, gone=gone, acted=acted)
    whole = partial(_candidates, drawn, decision, request, sensed, body=body, limits=limits)
    most = session.limits.max_candidates
    candidates = whole(most=most, head=head, anchors=anchors, frozen=frozen)
    found = _judged(client, candidates, sensed, budget_s=budget_s, noise_seed=noise_seed)
    if found is None:
        return as_it_was, None
    return _from_now(as_it_was, found, sensed, frozen=frozen), found


def _from_now(chunk: Chunk, found: Decision, sensed: Sensed, *, frozen: int) -> Chunk:
    """Return the chunk of a new decision in the place of an older one."""
    rows = len(found.chunk)
    return replace(
        chunk,
        actions=found.chunk,
        consumed=sensed.consumed,
        frozen=min(frozen, rows - 1),
        commit=min(chunk.commit, rows),
        captured_at_s=sensed.captured_at_s,
        fallback="",
    )


def _judged(
    client: SteerClient,
    candidates: Candidates,
    sensed: Sensed,
    *,
    budget_s: float,
    noise_seed: int,
) -> Decision | None:
    """Return the choice among candidates, and these with it; None where no critic has made it."""
    try:
        found = client.rank(
            sensed.observation,
            candidates,
            budget_s=budget_s,
            noise_seed=noise_seed,
            epoch=sensed.epoch,
        )
    except SteerError as error:
        logger.warning("not judged again: %s", error)
        return None
    if fallback_of(found):
        return None  # the old judgement is better than none
    return replace(found, candidates=candidates)


def _candidates(
    drawn: Candidates,
    decision: Decision,
    request: Request,
    sensed: Sensed,
    *,
    body: Embodiment,
    most: int,
    head: NumpyHead | None,
    anchors: bool,
    limits: Limits | None,
    frozen: int,
) -> Candidates:
    """Return all that competes at the newest observation, as it would run."""
    gone = sensed.consumed - request.consumed
    running = sensed.observation.running
    moved_A = sensed.travelled - request.travelled if anchors else None
    found = windows(drawn, running, body=body, gone=gone, frozen=frozen, most=most, moved_A=moved_A)
    actions_NLA, kinds = found.actions, found.provenance
    if head is not None:
        best = _best(decision, min(most - len(found), EDITED))
        picked_MLA = actions_NLA[best[best < len(found)]]
        edited_MLA = edits(head, sensed.observation, picked_MLA, gone=gone, frozen=frozen)
        actions_NLA = np.concatenate([actions_NLA, edited_MLA])
        kinds = (*kinds, *(Provenance.EDIT,) * len(edited_MLA))
    if limits is not None:
        actions_NLA = kept(limits, actions_NLA, sensed.sent)
    return Candidates(np.ascontiguousarray(actions_NLA), kinds)


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


def _kept_from_now(
    chunk: Chunk, sensed: Sensed, body: Embodiment, limits: Limits, *, acted: int
) -> Chunk:
    """Return what of a chunk can still run, moved within the limits; all of it where none can."""
    gone = sensed.consumed - chunk.consumed
    rows = len(chunk.actions) - gone
    if rows < 1:
        return chunk
    running = sensed.observation.running
    frozen = still_frozen(chunk.frozen, running, gone=gone, acted=acted)
    only = Candidates(chunk.actions[None])
    left = windows(only, running, body=body, gone=gone, frozen=frozen, most=1)
    return replace(
        chunk,
        actions=kept(limits, left.actions, sensed.sent)[0],
        consumed=sensed.consumed,
        frozen=min(frozen, rows - 1),
        commit=min(chunk.commit, rows),
    )
