"""Meta-World's tasks: a Sawyer arm that moves and grips at 80 Hz."""

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Step, TaskSpec
from sim.tasks.rendering import Renderers
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Observation

__all__ = ["SAWYER", "SPECS", "MetaWorldEnv"]

_NUM_PROPRIOCEPTIVE = 4  # end effector x y z, gripper opening
_CAMERAS = ("corner3", "topview", "behindGripper", "gripperPOV")

SAWYER = Embodiment(
    name="metaworld-sawyer",
    control_hz=80.0,
    actions=(
        *(ActionDim(name=n, unit="m", scale=0.01, low=-1.0, high=1.0) for n in ("dx", "dy", "dz")),
        ActionDim(name="gripper", low=-1.0, high=1.0),
    ),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(_NUM_PROPRIOCEPTIVE,)),
        ObservationField(name="observation.environment_state", dtype="float32", shape=(39,)),
    ),
    mode="delta",
    frame="world",
    rotation="none",
    gripper="closes",
    out_of_range="clip",
)

_MIXTURE = ((0.0, 20), (0.3, 120), (0.6, 160))

SPECS: Mapping[str, TaskSpec] = MappingProxyType(
    {
        "push": TaskSpec(
            name="push",
            package="metaworld",
            instruction="push the puck to the goal",
            embodiment=SAWYER,
            max_steps=200,
            commit_horizon=8,
            cameras=_CAMERAS,
            mixture=_MIXTURE,
            seed_block=0,
        ),
        "peg-insert-side": TaskSpec(
            name="peg-insert-side",
            package="metaworld",
            instruction="insert the peg into the hole from the side",
            embodiment=SAWYER,
            max_steps=250,
            commit_horizon=8,
            cameras=_CAMERAS,
            mixture=_MIXTURE,
            seed_block=1,
        ),
    }
)


class MetaWorldEnv:
    """One Meta-World task with its goal observable.

    `observation.environment_state` is the package's 39 numbers: 18 of now, 18 of the tick before,
    the goal; `observation.state` is their proprioceptive start. Positions are metres.

    Args:
        spec: One of `SPECS`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as CLASSES

        self.spec = spec
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium, on the float64 bounds of the package
            self._env: Any = CLASSES[f"{spec.name}-v3-goal-observable"]()
        # reset(seed=) is ignored by the package; these two make seed() count.
        self._env._freeze_rand_vec, self._env.seeded_rand_vec = False, True
        self._renderers = Renderers(self._env.model, spec.cameras)

    def reset(self, seed: int) -> Observation:
        """Begin the episode that belongs to `seed`, whatever came before."""
        self._env.seed(seed)
        state, _ = self._env.reset()
        return self._observation(state)

    def step(self, action: NDArray[np.float32]) -> Step:
        """Run one control tick with `action`, shape [4], clipped into [-1, 1]."""
        clipped = np.clip(action, -1.0, 1.0).astype(np.float32)
        state, _, _, _, info = self._env.step(clipped)
        is_success = bool(info["success"])
        return Step(self._observation(state), 0.0 if is_success else -1.0, is_success)

    def render(self, camera: str, *, height: int, width: int) -> NDArray[np.uint8]:
        """Return the camera's picture, shape [height, width, 3], RGB."""
        return self._renderers.render(self._env.data, camera, height=height, width=width)

    def close(self) -> None:
        """Free the renderers."""
        self._renderers.close()

    def _observation(self, state: NDArray[np.float64]) -> Observation:
        numbers = state.astype(np.float32)
        arrays = {
            "observation.state": numbers[:_NUM_PROPRIOCEPTIVE],
            "observation.environment_state": numbers,
        }
        return Observation(arrays, instruction=self.spec.instruction)
