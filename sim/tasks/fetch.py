"""The Fetch tasks of Gymnasium-Robotics: a mobile manipulator's arm that moves at 25 Hz."""

import contextlib
import io
import itertools
import warnings
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import TaskSpec
from sim.tasks.mujoco_env import MujocoEnv
from steer.embodiment import ActionDim, Embodiment, ObservationField

__all__ = ["FETCH", "SPECS", "FetchEnv"]

_PROPRIOCEPTIVE = np.r_[0:3, 9:11, 20:25]  # gripper position, fingers, and both their speeds
_MAX_STEPS = 50
_MAX_ATTEMPTS = 1000
_CAMERAS = ("external_camera_0", "gripper_camera_rgb")
_CLASSES = {
    "fetch-push": ("push", "MujocoFetchPushEnv"),
    "fetch-pick-and-place": ("pick_and_place", "MujocoFetchPickAndPlaceEnv"),
    "fetch-slide": ("slide", "MujocoFetchSlideEnv"),
}

FETCH = Embodiment(
    name="fetch",
    control_hz=25.0,
    actions=(
        *(ActionDim(name=n, unit="m", scale=0.05, low=-1.0, high=1.0) for n in ("dx", "dy", "dz")),
        ActionDim(name="gripper", low=-1.0, high=1.0),
    ),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=_PROPRIOCEPTIVE.shape),
        ObservationField(name="observation.environment_state", dtype="float32", shape=(28,)),
    ),
    mode="delta",
    frame="world",
    rotation="none",
    gripper="opens",
    out_of_range="clip",
)


def _spec(
    name: str,
    instruction: str,
    paraphrase: str,
    *,
    seed_block: int,
    mixture: tuple[tuple[float, int], ...],
) -> TaskSpec:
    return TaskSpec(
        name=name,
        package="gymnasium-robotics",
        dataset="gymnasium-robotics",
        instruction=instruction,
        paraphrase=paraphrase,
        embodiment=FETCH,
        max_steps=_MAX_STEPS,
        package_max_steps=_MAX_STEPS,
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
                "fetch-push",
                "push the cube to the red goal",
                "slide the cube over the table to the red mark",
                mixture=((0.0, 20), (0.3, 120), (0.6, 160)),
                seed_block=7,
            ),
            _spec(
                "fetch-pick-and-place",
                "bring the cube to the red goal",
                "grip the cube and carry it to the red mark",
                mixture=((0.0, 20), (0.3, 120), (0.6, 160)),
                seed_block=8,
            ),
            _spec(
                "fetch-slide",
                "hit the puck so that it comes to rest at the red goal",
                "knock the puck so that it slides to the red mark",
                mixture=((0.0, 150), (0.1, 150)),
                seed_block=9,
            ),
        )
    }
)


class FetchEnv(MujocoEnv):
    """One Fetch task with its goal in the observation.

    The package's 25 numbers (positions in metres; speeds in metres a tick), then the goal.

    Args:
        spec: One of `SPECS`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        import importlib

        module, name = _CLASSES[spec.name]
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            # Of older releases of MuJoCo, of a display, and news of other tasks on stderr.
            warnings.simplefilter("ignore")
            package = importlib.import_module(f"gymnasium_robotics.envs.fetch.{module}")
            env = getattr(package, name)(reward_type="sparse")
        super().__init__(spec, env)

    def _begin(self, seed: int) -> NDArray[np.float64]:
        # One goal in ten is drawn where the object lies already; those are drawn again.
        seeds = itertools.count(seed * _MAX_ATTEMPTS)
        record, _ = self._env.reset(seed=next(seeds))
        while self._env._is_success(record["achieved_goal"], record["desired_goal"]):
            record, _ = self._env.reset(seed=next(seeds))
        self._env._render_callback()  # shows the goal; pictures are taken without the package
        return np.concatenate([record["observation"], record["desired_goal"]])

    def _advance(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], bool]:
        record, _, _, _, info = self._env.step(action)
        return np.concatenate([record["observation"], record["desired_goal"]]), bool(
            info["is_success"]
        )

    def _proprioception(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        return numbers[_PROPRIOCEPTIVE]
