"""OGBench's cube task: a UR5e arm with a Robotiq gripper that moves a cube at 20 Hz."""

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from sim.tasks.base import Step, TaskSpec
from sim.tasks.rendering import Renderers
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Observation

__all__ = ["SPECS", "UR5E", "XYZ_CENTER", "XYZ_SCALE", "OGBenchEnv"]

XYZ_CENTER = (0.425, 0.0, 0.0)
"""The package's observation holds positions as `XYZ_SCALE` * (position - `XYZ_CENTER`)."""
XYZ_SCALE = 10.0

_NUM_PROPRIOCEPTIVE = 19  # joints 6, their speeds 6, effector xyz, cos yaw, sin yaw, grip, contact
_TASK_ID = 2  # the package's "vertical1": carry the cube 15 cm away from the base

UR5E = Embodiment(
    name="ogbench-ur5e",
    control_hz=20.0,
    actions=(
        *(ActionDim(name=n, unit="m", scale=0.05, low=-1.0, high=1.0) for n in ("dx", "dy", "dz")),
        ActionDim(name="dyaw", unit="rad", scale=0.3, low=-1.0, high=1.0),
        ActionDim(name="gripper", low=-1.0, high=1.0),
    ),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(_NUM_PROPRIOCEPTIVE,)),
        ObservationField(name="observation.environment_state", dtype="float32", shape=(31,)),
    ),
    mode="delta",
    frame="world",
    rotation="yaw",
    gripper="closes",
    out_of_range="clip",
)

SPECS: Mapping[str, TaskSpec] = MappingProxyType(
    {
        "cube-single": TaskSpec(
            name="cube-single",
            package="ogbench",
            instruction="move the cube to the target",
            embodiment=UR5E,
            max_steps=200,
            commit_horizon=5,
            cameras=("front_pixels", "front"),
            # docs/decisions/0007-demo-data.md: noisier, and the policy alone hardly ever succeeds;
            # cleaner, and hardly an episode fails.
            mixture=((0.0, 40), (0.3, 100), (0.6, 100), (1.0, 60)),
            seed_block=2,
        )
    }
)


class OGBenchEnv:
    """The cube task, task id 2, with the goal in the observation.

    `observation.environment_state` is the package's 28 numbers followed by the goal position,
    scaled alike; `observation.state` is their proprioceptive start.

    Args:
        spec: One of `SPECS`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        self.spec = spec
        self._env: Any = _build()
        self._renderers: Renderers | None = None

    def reset(self, seed: int) -> Observation:
        """Begin the episode that belongs to `seed`, whatever came before."""
        self._env.settling = np.random.default_rng([seed, 1])
        state, _ = self._env.reset(seed=seed, options={"task_id": _TASK_ID})
        return self._observation(state)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Run one control tick with `action`, shape [5], clipped into [-1, 1]."""
        clipped = np.clip(action, -1.0, 1.0).astype(np.float32)
        state, _, _, _, info = self._env.step(clipped)
        is_success = bool(info["success"])
        return Step(self._observation(state), 0.0 if is_success else -1.0, is_success)

    def render(self, camera: str, *, height: int, width: int) -> NDArray[np.uint8]:
        """Return the camera's picture, shape [height, width, 3], RGB."""
        if self._renderers is None:  # the package compiles its model at the first reset
            self._renderers = Renderers(self._env.model, self.spec.cameras)
        return self._renderers.render(self._env.data, camera, height=height, width=width)

    def close(self) -> None:
        """Free the renderers."""
        if self._renderers is not None:
            self._renderers.close()

    def _observation(self, state: NDArray[np.float64]) -> Observation:
        goal = XYZ_SCALE * (self._env.data.mocap_pos[0] - XYZ_CENTER)
        numbers = np.concatenate([state, goal]).astype(np.float32)
        arrays = {
            "observation.state": numbers[:_NUM_PROPRIOCEPTIVE],
            "observation.environment_state": numbers,
        }
        return Observation(arrays, instruction=self.spec.instruction)


def _build() -> object:
    """Return the package's environment, with the one draw that it leaves unseeded seeded.

    While it resets, the package settles the scene with two steps of `action_space.sample()` on a
    space that is rebuilt, unseeded, at each access; they leave traces in the controls.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glfw misses a display, which nobody needs
        from ogbench.manipspace.envs.cube_env import CubeEnv

    class SeededCubeEnv(CubeEnv):  # type: ignore[misc]  # the package has no type hints
        settling: np.random.Generator

        @property
        def action_space(self) -> "Box[np.float32]":
            seed = int(self.settling.integers(2**31))
            low = np.full(5, -1.0, np.float32)
            space: Box[np.float32] = Box(low, -low, dtype=np.float32, seed=seed)
            return space

    return SeededCubeEnv("single", terminate_at_goal=False)
