"""The state of a simulation, saved and restored to the last bit.

MuJoCo's own state (`mj_getState`) is not enough: it leaves out what the packages keep in Python,
and the derived quantities that some of them read before the next step.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from steer.errors import InvalidInputError
from steer.types import Observation

if TYPE_CHECKING:
    import mujoco  # chooses its OpenGL when it is imported, which is left to who makes a task

__all__ = ["Snapshot", "restore_snapshot", "take_snapshot"]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A moment of one episode. Of no use in another: a reset changes the model too.

    Attributes:
        episode: Identity of the episode.
        data: MuJoCo's data, derived quantities included.
        attributes: What the package's environment holds in Python.
        observation: What the robot sensed.
    """

    episode: object
    data: "mujoco.MjData"
    attributes: Mapping[str, Any]
    observation: Observation


def take_snapshot(
    env: object,
    model: "mujoco.MjModel",
    data: "mujoco.MjData",
    *,
    episode: object,
    observation: Observation,
) -> Snapshot:
    """Copy the state of a package's environment.

    Args:
        env: The innermost environment, without wrappers.
        model: Its model.
        data: Its data.
        episode: Identity of the episode, to be asked for at `restore_snapshot`.
        observation: What the robot senses.
    """
    import mujoco

    kept = mujoco.MjData(model)
    mujoco.mj_copyData(kept, model, data)
    plain = {name: value for name, value in vars(env).items() if _is_plain(value)}
    return Snapshot(episode, kept, copy.deepcopy(plain), observation)


def restore_snapshot(
    snapshot: Snapshot,
    env: object,
    model: "mujoco.MjModel",
    data: "mujoco.MjData",
    *,
    episode: object,
) -> None:
    """Put a state back; the arguments are those of `take_snapshot`.

    Raises:
        InvalidInputError: The snapshot is of another episode.
    """
    import mujoco

    if snapshot.episode is not episode:
        raise InvalidInputError.expected("snapshot", "one of this episode", "one of another")
    mujoco.mj_copyData(data, model, snapshot.data)
    vars(env).update(copy.deepcopy(dict(snapshot.attributes)))


def _is_plain(value: object) -> bool:
    """Return whether a value is state, and not a model, a renderer or a controller."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, int | float | str | type(None) | np.ndarray | np.generic)
