"""Any gymnasium environment of MuJoCo with vectors in and out, as a task of your own.

    from sim.tasks.gymnasium_env import GymnasiumEnv

    def make():
        return GymnasiumEnv("Reacher-v5", instruction="touch the target", control_hz=50,
                            is_success=lambda env, info: info["reward_dist"] > -0.02)

Then name it `FILE.py:make` wherever a task is named. `docs/evaluate.md` has the whole way.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import TaskSpec
from sim.tasks.mujoco_env import MujocoEnv
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import ConfigError

__all__ = ["GymnasiumEnv"]

_USER_BLOCK = 24
"""The last block of seeds: no task of the suite has it."""


class GymnasiumEnv(MujocoEnv):
    """An environment of gymnasium's registry.

    Actions are scaled to [-1, 1]; the observation is sent as it is, all of it as the robot's state.

    Args:
        env_id: As `gymnasium.make` takes it.
        instruction: The task in words.
        control_hz: Actions a second.
        is_success: (the innermost environment, info of the step) -> whether the task is done.
        name: Of the task; None for the id in small letters.
        max_steps: Control ticks; None for the environment's own limit.
        commit_horizon: Actions of a chunk between two decisions.
        mixture: Of training data, (noise sigma of the expert, how many episodes).
        options: Of `gymnasium.make`.

    Raises:
        ConfigError: It is not installed, has no MuJoCo model, or other spaces than vectors.
    """

    def __init__(
        self,
        env_id: str,
        *,
        instruction: str,
        control_hz: float,
        is_success: Callable[[Any, Mapping[str, Any]], bool],
        name: str | None = None,
        max_steps: int | None = None,
        commit_horizon: int = 8,
        mixture: tuple[tuple[float, int], ...] = ((0.0, 100), (0.3, 100), (0.6, 100)),
        **options: Any,
    ) -> None:
        env = _make(env_id, options)
        limit = env.spec.max_episode_steps if env.spec else None
        self._low, self._high = env.action_space.low, env.action_space.high
        self._is_success = is_success
        spec = TaskSpec(
            name=name or env_id.lower(),
            package="gymnasium",
            dataset=name or env_id.lower(),
            instruction=instruction,
            paraphrase=instruction,
            embodiment=_embodiment(env_id, env, control_hz),
            max_steps=max_steps or limit or 200,
            package_max_steps=limit or max_steps or 200,
            commit_horizon=commit_horizon,
            cameras=(),
            mixture=mixture,
            seed_block=_USER_BLOCK,
        )
        super().__init__(spec, env.unwrapped)

    def _begin(self, seed: int) -> NDArray[np.float64]:
        seen, _ = self._env.reset(seed=seed)
        return np.asarray(seen, np.float64)

    def _advance(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], bool]:
        scaled = self._low + (action + 1.0) / 2.0 * (self._high - self._low)
        seen, _, _, _, info = self._env.step(scaled)
        return np.asarray(seen, np.float64), bool(self._is_success(self._env, info))

    def _proprioception(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        return numbers


def _make(env_id: str, options: Mapping[str, Any]) -> Any:
    import gymnasium

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of precision and of a display
            env = gymnasium.make(env_id, **options)
    except gymnasium.error.Error as error:
        raise ConfigError(f"task {env_id!r}: expected an id of gymnasium, got {error}") from error
    spaces = (env.observation_space, env.action_space)
    is_vector = all(isinstance(s, gymnasium.spaces.Box) and len(s.shape or ()) == 1 for s in spaces)
    if not is_vector or not hasattr(env.unwrapped, "model"):
        raise ConfigError(f"task {env_id!r}: expected a MuJoCo task of vectors, got {spaces}")
    return env


def _embodiment(env_id: str, env: Any, control_hz: float) -> Embodiment:
    shape = tuple(map(int, env.observation_space.shape))
    names = ("observation.state", "observation.environment_state")
    return Embodiment(
        name=env_id.lower(),
        control_hz=control_hz,
        actions=tuple(
            ActionDim(name=f"a{index}", low=-1.0, high=1.0)
            for index in range(env.action_space.shape[0])
        ),
        observations=tuple(
            ObservationField(name=name, dtype="float32", shape=shape) for name in names
        ),
        out_of_range="clip",
    )
