"""Meta-World's tasks: a Sawyer arm that moves and grips at 80 Hz."""

import warnings
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import TaskSpec
from sim.tasks.mujoco_env import MujocoEnv
from steer.embodiment import ActionDim, Embodiment, ObservationField

__all__ = ["SAWYER", "SPECS", "MetaWorldEnv"]

_NUM_PROPRIOCEPTIVE = 4  # end effector x y z, gripper opening
_CAMERAS = ("corner3", "topview", "behindGripper", "gripperPOV")
_PACKAGE_MAX_STEPS = 500

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
# Two stages that each fail often under noise: with the mixture above few episodes would succeed.
_MILD_MIXTURE = ((0.0, 60), (0.3, 150), (0.6, 90))


def _spec(
    name: str,
    instruction: str,
    paraphrase: str,
    *,
    seed_block: int,
    max_steps: int = 200,
    mixture: tuple[tuple[float, int], ...] = _MIXTURE,
) -> TaskSpec:
    return TaskSpec(
        name=name,
        package="metaworld",
        dataset="metaworld",
        instruction=instruction,
        paraphrase=paraphrase,
        embodiment=SAWYER,
        max_steps=max_steps,
        package_max_steps=_PACKAGE_MAX_STEPS,
        commit_horizon=8,
        cameras=_CAMERAS,
        mixture=mixture,
        seed_block=seed_block,
    )


SPECS: Mapping[str, TaskSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _spec(
                "push",
                "push the puck to the goal",
                "slide the puck over the table until it lies at the goal",
                seed_block=0,
            ),
            _spec(
                "peg-insert-side",
                "insert the peg into the hole from the side",
                "pick up the peg and slide it sideways into the hole",
                max_steps=250,
                seed_block=1,
            ),
            _spec(
                "basketball",
                "put the basketball into the hoop",
                "pick up the ball and drop it through the hoop",
                seed_block=3,
            ),
            _spec(
                "hand-insert",
                "push the block into the hole in the table",
                "grip the block and lower it into the hole",
                seed_block=4,
            ),
            _spec(
                "box-close",
                "close the box with its lid",
                "grip the lid and set it on the box",
                seed_block=5,
            ),
            _spec(
                "pick-place-wall",
                "carry the puck over the wall to the goal",
                "pick up the puck, lift it over the wall and bring it to the goal",
                mixture=_MILD_MIXTURE,
                seed_block=6,
            ),
        )
    }
)


class MetaWorldEnv(MujocoEnv):
    """One Meta-World task with its goal observable.

    The package's 39 numbers: 18 of now, 18 of the tick before, the goal. Positions are metres.

    Args:
        spec: One of `SPECS`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS_GOAL_OBSERVABLE as CLASSES

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gymnasium, on the float64 bounds of the package
            env = CLASSES[f"{spec.name}-v3-goal-observable"]()
        # reset(seed=) is ignored by the package; these two make seed() count.
        env._freeze_rand_vec, env.seeded_rand_vec = False, True
        super().__init__(spec, env)

    def _begin(self, seed: int) -> NDArray[np.float64]:
        self._env.seed(seed)
        state: NDArray[np.float64] = self._env.reset()[0]
        return state

    def _advance(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], bool]:
        state, _, _, _, info = self._env.step(action)
        return state, bool(info["success"])

    def _proprioception(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        return numbers[:_NUM_PROPRIOCEPTIVE]
