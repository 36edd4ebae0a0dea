"""What the scorers beside the critic are told of one request, and where they run."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from steer.critics.card import CriticCard
from steer.embodiment import ObservationField
from steer.errors import InvalidInputError
from steer.rank.scorers import NOVELTY, VOXEL_COST
from steer.rank.scorers.base import Combined, Situation, combine
from steer.rank.scorers.voxel_cost import DeltaPath
from steer.serve.engine import Scored
from steer.serve.scorers import EFFECTOR, points_field
from steer.serve.sessions import Session
from steer.types import Candidates, Observation, Provenance

__all__ = ["read_field", "score_beside", "situation_of"]

_DRAWN = (Provenance.POLICY, Provenance.PARAPHRASE)
"""What the policy drew itself, and so has a vote."""
_SLOW = (NOVELTY, VOXEL_COST)
"""They take a millisecond or more, one of them in torch: not on the event loop."""


async def score_beside(situation: Situation, session: Session, *, limit_s: float) -> Combined:
    """Return what the scorers that a session weighs say.

    Args:
        situation: See `situation_of`.
        session: With its weights and scorers.
        limit_s: How long anybody waits for slow ones, in seconds.

    Raises:
        TimeoutError: They took longer.
    """
    weights, scorers = session.rule.weights, session.scorers
    if not any(weights.get(name, 0.0) > 0 for name in _SLOW):
        return combine(situation, weights, scorers=scorers)
    async with asyncio.timeout(limit_s):
        return await asyncio.to_thread(combine, situation, weights, scorers=scorers)


def situation_of(
    scored: Scored,
    prefixes: Candidates,
    observation: Observation,
    session: Session,
    card: CriticCard,
) -> Situation:
    """Return what scorers may look at.

    Args:
        scored: By the critic, with what the session's weights ask of it.
        prefixes: The candidates, as long as they would be run.
        observation: Of the request, images decoded.
        session: Of the robot.
        card: Of its critic.

    Raises:
        InvalidInputError: Points or effector position are not as the session's embodiment says.
    """
    points_P3: NDArray[np.float32] | None = None
    path: DeltaPath | None = None
    if session.rule.weights.get(VOXEL_COST, 0.0) > 0:
        points_P3, start_3 = _scene(observation, session, card)
        path = None if start_3 is None else DeltaPath(start_3, session.embodiment)
    return Situation(
        chunks_NHA=prefixes.actions,
        embodiment=session.embodiment,
        is_drawn_N=np.array([how in _DRAWN for how in prefixes.provenance]),
        rest_RA=observation.running,
        value_KN=scored.values,
        value_KNP=scored.prefix_values,
        points_M3=points_P3,
        path=path,
        context_D=scored.context,
    )


def read_field(observation: Observation, item: ObservationField) -> NDArray[np.generic] | None:
    """Return one array of an observation; None where it was not sent.

    Raises:
        InvalidInputError: It has another dtype or shape.
    """
    value = observation.arrays.get(item.name)
    if not isinstance(value, np.ndarray):
        return None
    if value.shape != tuple(item.shape) or value.dtype.name != item.dtype:
        contract = f"{item.dtype} of shape {list(item.shape)}"
        got = f"{value.dtype} of shape {list(value.shape)}"
        raise InvalidInputError.expected(f"observation.tensors[{item.name!r}]", contract, got)
    return value


def _scene(
    observation: Observation, session: Session, card: CriticCard
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
    """Return points [P, 3] and effector position [3], in metres, each None where not sent."""
    effector = session.embodiment.observation(EFFECTOR)
    assert effector is not None  # `check_scorers` saw to it when the session was opened
    found = [
        read_field(observation, item) for item in (points_field(card, session.embodiment), effector)
    ]
    points, start = (
        None if item is None else item.astype(np.float32, copy=False) for item in found
    )
    return points, start
