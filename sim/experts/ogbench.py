"""OGBench's Markov oracle for the cube, in the task mode that the package does not support."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sim.tasks.ogbench import XYZ_CENTER, XYZ_SCALE
from steer.types import Observation

__all__ = ["CubeExpert"]


class CubeExpert:
    """Grasps the cube, carries it over the target and lowers it.

    The oracle reads a record of the simulation that exists in data collection mode only; all that
    it needs is in the observation, so the record is made from there. What it would do after the
    cube is in place (it draws a resting pose at random) is never reached: success ends the episode.
    """

    def __init__(self) -> None:
        from ogbench.manipspace.oracles.markov.cube_markov import CubeMarkovOracle

        self._oracle: Any = CubeMarkovOracle(env=None)
        self._oracle._step, self._oracle._final_yaw = 0, 0.0
        self._oracle._final_pos = np.array([*XYZ_CENTER[:2], 0.3])

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [5], within [-1, 1]."""
        state = cast(NDArray[np.float32], observation.arrays["observation.environment_state"])
        action = self._oracle.select_action(None, _oracle_record(state.astype(np.float64)))
        return np.asarray(action, np.float32)


def _oracle_record(state: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the oracle reads, in metres and radians, from the 31 numbers observed."""

    def position(start: int) -> NDArray[np.float64]:
        return state[start : start + 3] / XYZ_SCALE + XYZ_CENTER

    return {
        "proprio/effector_pos": position(12),
        "proprio/effector_yaw": np.arctan2(state[[16]], state[[15]]),
        "proprio/gripper_opening": state[[17]] / 3.0,
        "proprio/gripper_contact": state[[18]],
        "privileged/target_block": 0,
        "privileged/block_0_pos": position(19),
        "privileged/block_0_yaw": np.arctan2(state[[27]], state[[26]]),
        "privileged/target_block_pos": position(28),
        "privileged/target_block_yaw": np.zeros(1),
    }
