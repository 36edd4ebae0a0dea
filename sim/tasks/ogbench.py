"""OGBench's tasks: a UR5e arm with a Robotiq gripper that moves cubes and more at 20 Hz."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import TaskSpec
from sim.tasks.mujoco_env import MujocoEnv
from sim.tasks.snapshot import Snapshot
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Observation

__all__ = ["SPECS", "UR5E", "XYZ_CENTER", "XYZ_SCALE", "OGBenchEnv"]

XYZ_CENTER = (0.425, 0.0, 0.0)
"""The package's observation holds positions as `XYZ_SCALE` * (position - `XYZ_CENTER`)."""
XYZ_SCALE = 10.0
_DRAWER_SCALE, _WINDOW_SCALE = 18.0, 15.0

_NUM_PROPRIOCEPTIVE = 19  # joints 6, their speeds 6, effector xyz, cos yaw, sin yaw, grip, contact
_CAMERAS = ("front_pixels", "front")

# By task: module and class, its argument, the package's task id.
_CLASSES = {
    "cube-single": ("cube_env", "CubeEnv", "single", 2),
    "cube-double": ("cube_env", "CubeEnv", "double", 1),
    "puzzle-3x3": ("puzzle_env", "PuzzleEnv", "3x3", 4),
    "scene": ("scene_env", "SceneEnv", "scene", 2),
}

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


def _spec(
    name: str,
    instruction: str,
    paraphrase: str,
    *,
    num_observed: int,
    max_steps: int,
    package_max_steps: int,
    mixture: tuple[tuple[float, int], ...],
    seed_block: int,
) -> TaskSpec:
    state, scene = UR5E.observations
    return TaskSpec(
        name=name,
        package="ogbench",
        dataset="ogbench" if name == "cube-single" else f"ogbench-{name}",
        instruction=instruction,
        paraphrase=paraphrase,
        embodiment=replace(UR5E, observations=(state, replace(scene, shape=(num_observed,)))),
        max_steps=max_steps,
        package_max_steps=package_max_steps,
        commit_horizon=8,
        cameras=_CAMERAS,
        mixture=mixture,
        seed_block=seed_block,
    )


# docs/decisions/0007-demo-data.md: noisier, and the policy alone hardly ever succeeds; cleaner, and
# hardly an episode fails.
_CUBE_MIXTURE = ((0.0, 40), (0.3, 100), (0.6, 100), (1.0, 60))

# These oracles shrug noise off: only with much of it, and less time, do some episodes fail.
_SCENE_MIXTURE = ((0.0, 40), (0.6, 100), (1.0, 80), (1.5, 80))

SPECS: Mapping[str, TaskSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            _spec(
                "cube-single",
                "move the cube to the target",
                "pick up the cube and put it down at the target",
                num_observed=31,
                max_steps=200,
                package_max_steps=200,
                mixture=_CUBE_MIXTURE,
                seed_block=2,
            ),
            _spec(
                "cube-double",
                "move the one cube that is out of place to its target",
                "pick up the cube that is away from its target and put it there",
                num_observed=43,
                max_steps=200,
                package_max_steps=500,
                mixture=_CUBE_MIXTURE,
                seed_block=10,
            ),
            _spec(
                "puzzle-3x3",
                "press buttons until all of them are white",
                "solve the puzzle of lights by pressing its buttons",
                num_observed=64,
                max_steps=200,
                package_max_steps=500,
                mixture=_SCENE_MIXTURE,
                seed_block=11,
            ),
            _spec(
                "scene",
                "unlock, close the drawer and the window, and lock both again",
                "press the buttons, shut drawer and window, then press the buttons again",
                num_observed=47,
                max_steps=250,
                package_max_steps=750,
                mixture=_SCENE_MIXTURE,
                seed_block=12,
            ),
        )
    }
)


class OGBenchEnv(MujocoEnv):
    """One OGBench task with its goal in the observation.

    The package's own numbers, scaled as it scales them, followed by the goal, scaled alike: target
    positions of the cubes, states of the buttons, opening of drawer and window, as far as the
    scene has them.

    Args:
        spec: One of `SPECS`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        *_, self._task_id = _CLASSES[spec.name]
        super().__init__(spec, _build(spec.name))

    def record(self) -> dict[str, Any]:
        """Return what the package's oracles read: metres, radians, joint openings."""
        record: dict[str, Any] = self._env.compute_ob_info()
        return record

    def restore(self, snapshot: Snapshot) -> Observation:
        """Go back to where `save` was called, colours of buttons and what they lock included."""
        observation = super().restore(snapshot)
        if self.spec.name in ("puzzle-3x3", "scene"):
            self._env._apply_button_states()  # writes to the model, and disturbs the data
            super().restore(snapshot)
        return observation

    @property
    def package(self) -> Any:  # the package has no type hints
        """The package's environment, for its oracles."""
        return self._env

    def _begin(self, seed: int) -> NDArray[np.float64]:
        self._env.settling = np.random.default_rng([seed, 1])
        state = self._env.reset(seed=seed, options={"task_id": self._task_id})[0]
        return np.concatenate([state, self._goal()])

    def _advance(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], bool]:
        state, _, _, _, info = self._env.step(action)
        return np.concatenate([state, self._goal()]), bool(info["success"])

    def _proprioception(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        return numbers[:_NUM_PROPRIOCEPTIVE]

    def _goal(self) -> NDArray[np.float64]:
        env, parts = self._env, []
        if self.spec.name != "puzzle-3x3":
            cubes = env.data.mocap_pos[env._cube_target_mocap_ids]
            parts.append((XYZ_SCALE * (cubes - XYZ_CENTER)).ravel())
        if self.spec.name in ("puzzle-3x3", "scene"):
            parts.append(env._target_button_states.astype(np.float64))
        if self.spec.name == "scene":
            parts.append(np.array([_DRAWER_SCALE * env._target_drawer_pos]))
            parts.append(np.array([_WINDOW_SCALE * env._target_window_pos]))
        return np.concatenate(parts)


def _build(name: str) -> object:
    """Return the package's environment, with the one draw that it leaves unseeded seeded.

    While it resets, the package settles the scene with a few steps of `action_space.sample()` on a
    space that is rebuilt, unseeded, at each access; they leave traces in the controls.
    """
    import importlib

    from gymnasium.spaces import Box

    module, class_name, variant, _ = _CLASSES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # glfw misses a display, which nobody needs
        package = importlib.import_module(f"ogbench.manipspace.envs.{module}")

    class Seeded(getattr(package, class_name)):  # type: ignore[misc]  # the package has no hints
        settling: np.random.Generator

        @property
        def action_space(self) -> "Box[np.float32]":
            seed = int(self.settling.integers(2**31))
            low = np.full(5, -1.0, np.float32)
            space: Box[np.float32] = Box(low, -low, dtype=np.float32, seed=seed)
            return space

    return Seeded(variant, terminate_at_goal=False)
