"""A second task in the scene of fetch-pick-and-place: to leave the cube alone.

For `python -m sim.collect` it is `benchmarks/language_scene.py:make`, and `…:Expert` does it.
"""

from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sim.tasks import TASKS, Env
from sim.tasks.fetch import FetchEnv
from steer.types import Observation

__all__ = ["NEAR_M", "Expert", "ReachGoalEnv", "make"]

NEAR_M = 0.05
"""Of the goal, as the package has it for the cube; and what the cube may have moved at most."""
_STEP_M = 0.05
_BLOCK = 23
"""Of seeds: no task of the suite has it."""


class ReachGoalEnv(FetchEnv):
    """The gripper is to be within 5 cm of the goal, the cube within 5 cm of where it lay."""

    def __init__(self) -> None:
        super().__init__(TASKS["fetch-pick-and-place"])
        self.spec = replace(
            self.spec,
            name="fetch-reach-goal",
            instruction="move the gripper to the red goal and leave the cube alone",
            paraphrase="bring the hand to the red mark without touching the cube",
            seed_block=_BLOCK,
        )
        self._lay: NDArray[np.float64] = np.zeros(3)

    def _begin(self, seed: int) -> NDArray[np.float64]:
        numbers = super()._begin(seed)
        self._lay = numbers[3:6].copy()
        return numbers

    def _advance(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], bool]:
        numbers, _ = super()._advance(action)
        is_there = np.linalg.norm(numbers[:3] - numbers[25:]) < NEAR_M
        is_alone = np.linalg.norm(numbers[3:6] - self._lay) < NEAR_M
        return numbers, bool(is_there and is_alone)


def make() -> Env:
    """Return the robot and its scene."""
    return ReachGoalEnv()


class Expert:
    """Goes straight to the goal, fingers open, as the other task's expert has them on its way."""

    def begin(self, env: Env, seed: int) -> None:
        """Nothing to look at."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [4], within [-1, 1]."""
        state = cast(NDArray[np.float32], observation.arrays["observation.environment_state"])
        away = (state[25:] - state[:3]).astype(np.float64) / _STEP_M
        return np.clip(np.append(away, 1.0), -1.0, 1.0).astype(np.float32)
