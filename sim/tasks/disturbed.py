"""The same task, disturbed: what a policy and a critic have not seen in their data.

`push~noise` is push with noise on what is sensed; `push~shift` with its loose objects moved at the
beginning of the episode; `push~kicks` with its loose objects kicked now and then, so that what was
seen is soon no longer so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Env, Snapshot, Step, TaskSpec
from sim.tasks.mujoco_env import MujocoEnv
from steer.clouds import Intrinsics
from steer.errors import InvalidInputError
from steer.types import Observation

if TYPE_CHECKING:
    import mujoco

__all__ = ["DISTURBANCES", "DisturbedEnv", "split_name"]

_NOISE = 0.01
_SHIFT_M = 0.05
_KICKS_S = 2.0
"""Kicks a second, on average."""
_KICK_M_S = 0.8


def split_name(name: str) -> tuple[str, str]:
    """Return a task's name without its disturbance, and that; empty where it has none."""
    task, _, disturbance = name.partition("~")
    return task, disturbance


class DisturbedEnv:
    """A robot whose world differs from the one in the data; implements `Env`.

    Args:
        env: The robot.
        disturbance: One of `DISTURBANCES`.

    Raises:
        InvalidInputError: There is no such disturbance, or the robot is not one of MuJoCo's.
    """

    def __init__(self, env: Env, disturbance: str) -> None:
        if disturbance not in DISTURBANCES:
            known = ", ".join(DISTURBANCES)
            raise InvalidInputError.expected("disturbance", f"one of {known}", repr(disturbance))
        if not isinstance(env, MujocoEnv):
            raise InvalidInputError.expected("disturbance", "a robot of MuJoCo", type(env).__name__)
        self.spec: TaskSpec = env.spec
        self._env = env
        self._how = DISTURBANCES[disturbance]
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int) -> Observation:
        """Begin the episode that belongs to `seed`, and disturb it."""
        self._rng = np.random.default_rng([seed, 4])
        seen = self._env.reset(seed)
        return self._how.sense(self._how.begin(self._env, seen, self._rng), self._rng)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Run one control tick."""
        self._how.during(self._env, self._rng)
        step = self._env.step(action)
        return replace(step, observation=self._how.sense(step.observation, self._rng))

    def render(self, camera: str, *, height: int, width: int) -> NDArray[np.uint8]:
        """Return the camera's picture, undisturbed."""
        return self._env.render(camera, height=height, width=width)

    def depth(self, camera: str, *, height: int, width: int) -> NDArray[np.float32]:
        """Return the distance along the camera's axis, undisturbed."""
        return self._env.depth(camera, height=height, width=width)

    def pinhole(
        self, camera: str, *, height: int, width: int
    ) -> tuple[Intrinsics, NDArray[np.float64]]:
        """Return the camera's intrinsics and pose, undisturbed."""
        return self._env.pinhole(camera, height=height, width=width)

    def save(self) -> Snapshot:
        """Return the state of the simulation; noise goes on, it is not part of it."""
        return self._env.save()

    def restore(self, snapshot: Snapshot) -> Observation:
        """Go back to where `save` was called."""
        return self._env.restore(snapshot)

    def close(self) -> None:
        """Free the renderers."""
        self._env.close()


def _leave(env: MujocoEnv, seen: Observation, rng: np.random.Generator) -> Observation:
    return seen


def _as_it_is(seen: Observation, rng: np.random.Generator) -> Observation:
    return seen


def _shift(env: MujocoEnv, seen: Observation, rng: np.random.Generator) -> Observation:
    """Move every loose object by 5 cm, in a direction that belongs to the seed."""
    angle = rng.uniform(0.0, 2 * np.pi)
    way = _SHIFT_M * np.array([np.cos(angle), np.sin(angle)])

    def move(model: "mujoco.MjModel", data: "mujoco.MjData") -> None:
        import mujoco

        for joint in np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE):
            address = model.jnt_qposadr[joint]
            data.qpos[address : address + 2] += way

    return env.intervene(move)


def _noise(seen: Observation, rng: np.random.Generator) -> Observation:
    """Add noise of 1% of each number's size, and of 1 cm or its like, to all that is sensed."""
    arrays = dict(seen.arrays)
    for name, value in arrays.items():
        if isinstance(value, np.ndarray) and value.dtype == np.float32:
            clean = value.astype(np.float64)
            noise = rng.normal(0.0, _NOISE * (1.0 + np.abs(clean)))
            arrays[name] = (clean + noise).astype(np.float32)
    return replace(seen, arrays=arrays)


def _nothing(env: MujocoEnv, rng: np.random.Generator) -> None:
    return


def _kick(env: MujocoEnv, rng: np.random.Generator) -> None:
    """Now and then give every loose object a speed on the table, in a drawn direction."""
    chance, angle = rng.random(), rng.uniform(0.0, 2 * np.pi)
    if chance >= _KICKS_S / env.spec.embodiment.control_hz:
        return
    speed = _KICK_M_S * np.array([np.cos(angle), np.sin(angle)])

    def push(model: "mujoco.MjModel", data: "mujoco.MjData") -> None:
        import mujoco

        for joint in np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE):
            address = model.jnt_dofadr[joint]
            data.qvel[address : address + 2] += speed

    env.meddle(push)


@dataclass(frozen=True, slots=True)
class _How:
    """What is done at the beginning, to all that is sensed, and before each tick."""

    begin: Callable[[MujocoEnv, Observation, np.random.Generator], Observation] = _leave
    sense: Callable[[Observation, np.random.Generator], Observation] = _as_it_is
    during: Callable[[MujocoEnv, np.random.Generator], None] = _nothing


DISTURBANCES: Mapping[str, _How] = MappingProxyType(
    {"noise": _How(sense=_noise), "shift": _How(begin=_shift), "kicks": _How(during=_kick)}
)
"""By name."""
