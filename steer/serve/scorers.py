"""Which scorers a critic's sessions may weigh, and whether a robot sends what each needs."""

import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.embodiment import Embodiment, ObservationField
from steer.errors import ArtefactError, ConfigError, InvalidInputError
from steer.rank.scorers import NOVELTY, PROGRESS, SCORERS, VOXEL_COST
from steer.rank.scorers.base import Scorer
from steer.rank.scorers.novelty import NOVELTY_FILE, Novelty
from steer.rank.scorers.voxel_cost import DeltaPath
from steer.rank.select import Rule

__all__ = ["EFFECTOR", "MAKES_NOVELTY", "check_scorers", "load_scorers", "points_field"]

logger = logging.getLogger(__name__)

EFFECTOR = "observation.effector_position"
"""Where the end effector is: float32 [3], in metres, in the frame of the commands."""
MAKES_NOVELTY = "steer novelty --critic DIR --dataset DATA"
"""What an operator types for a novelty beside the critic in DIR."""


def load_scorers(directory: Path, critic: Critic) -> Mapping[str, Scorer]:
    """Return what sessions of a critic may weigh: what every critic has, and its own novelty.

    Args:
        directory: Of the critic; its novelty lies there, if it has one.
        critic: Loaded from it.

    Raises:
        ArtefactError: The novelty is damaged, or was fitted for other weights.
    """
    path = directory / NOVELTY_FILE
    if not path.exists():
        if critic.card.selection.weights.get(NOVELTY, 0.0) > 0:
            logger.warning(
                "critic=%s: its card weighs novelty, and it has none; sessions are refused until "
                "somebody types: %s",
                directory.name,
                MAKES_NOVELTY,
            )
        return SCORERS
    try:
        novelty = Novelty.load(path, critic=critic.card.weights_sha256)
    except ArtefactError as error:
        raise ArtefactError(f"{error}; make it anew: {MAKES_NOVELTY}") from error
    card = critic.card
    expected = card.network.context_dim + card.horizon * card.embodiment.action_dim
    if novelty.num_features != expected:
        raise ArtefactError(
            f"{path}: expected {expected} features, the critic's context and {card.horizon} "
            f"actions, got {novelty.num_features}; make it anew: {MAKES_NOVELTY}"
        )
    logger.info("loaded novelty=%s about=%s", path, novelty.about)
    return MappingProxyType({**SCORERS, NOVELTY: novelty})


def check_scorers(
    rule: Rule,
    *,
    scorers: Mapping[str, Scorer],
    card: CriticCard,
    robot: Embodiment,
) -> None:
    """Refuse weights of what this critic has not, or this robot cannot have.

    Args:
        rule: That a session decides by; a weight of 0 switches a scorer off.
        scorers: Of `load_scorers`.
        card: Of the session's critic.
        robot: Of the session.

    Raises:
        ConfigError: The critic has no novelty, or one for another commit horizon; it does not value
            two prefixes or more, whose `progress` could be told; or the robot does not send what
            `voxel_cost` needs.
    """
    weighed = {name for name, weight in rule.weights.items() if weight > 0}
    if NOVELTY in weighed and NOVELTY not in scorers:
        raise ConfigError(
            f"selection.weights[{NOVELTY!r}]: expected {NOVELTY_FILE} beside the critic, got none; "
            f"its operator types: {MAKES_NOVELTY}"
        )
    if NOVELTY in weighed and rule.commit_horizon != card.horizon:
        raise ConfigError(
            f"selection.weights[{NOVELTY!r}]: expected a commit_horizon of {card.horizon}, which "
            f"it is fitted for, got {rule.commit_horizon}"
        )
    if PROGRESS in weighed and rule.commit_horizon <= card.least_horizon:
        raise ConfigError(
            f"selection.weights[{PROGRESS!r}]: expected a critic of --network.kind transformer "
            f"and a commit_horizon >= 2, got {card.network.kind} and {rule.commit_horizon}"
        )
    if VOXEL_COST in weighed:
        try:
            points_field(card, robot)
            _check_effector(robot)
            DeltaPath(np.zeros(3, np.float32), robot)
        except InvalidInputError as error:
            raise ConfigError(f"selection.weights[{VOXEL_COST!r}]: {error}") from error


def points_field(card: CriticCard, robot: Embodiment) -> ObservationField:
    """Return what the robot sends of what stands in its way: points, float32 [P, 3], in metres.

    The one that its critic looks at; where the critic looks at none, the only one that it sends.

    Raises:
        InvalidInputError: There is none, there are several, or they are not in metres.
    """
    found = _clouds(card.embodiment) or _clouds(robot)
    if len(found) != 1:
        names = ", ".join(repr(item.name) for item in found) or "none"
        raise InvalidInputError.expected(
            "embodiment.observations", "one of points, float32 of shape [P, 3]", names
        )
    _check_metres(found[0])
    return found[0]


def _clouds(body: Embodiment) -> list[ObservationField]:
    return [
        item
        for item in body.observations
        if item.dtype == "float32" and len(item.shape) == 2 and item.shape[1] == 3
    ]


def _check_effector(robot: Embodiment) -> None:
    item = robot.observation(EFFECTOR)
    contract = "float32 of shape [3], in m"
    what = f"embodiment.observations[{EFFECTOR!r}]"
    if item is None:
        raise InvalidInputError.expected(what, contract, "nothing")
    if item.dtype != "float32" or tuple(item.shape) != (3,):
        got = f"{item.dtype} of shape {list(item.shape)}"
        raise InvalidInputError.expected(what, contract, got)
    _check_metres(item)


def _check_metres(item: ObservationField) -> None:
    if item.unit not in ("", "m"):
        what = f"embodiment.observations[{item.name!r}].unit"
        raise InvalidInputError.expected(what, "'m'", repr(item.unit))
