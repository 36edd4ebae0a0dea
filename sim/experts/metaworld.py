"""Meta-World's own experts. They read the 39 numbers of the observation and nothing else."""

import warnings
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Env, TaskSpec
from steer.types import Observation

__all__ = ["MetaWorldExpert"]

_CLASSES = {
    "push": "SawyerPushV3Policy",
    "peg-insert-side": "SawyerPegInsertionSideV3Policy",
    "basketball": "SawyerBasketballV3Policy",
    "hand-insert": "SawyerHandInsertV3Policy",
    "box-close": "SawyerBoxCloseV3Policy",
    "pick-place-wall": "SawyerPickPlaceWallV3Policy",
}


class MetaWorldExpert:
    """The expert of one task, clipped into the range of the actions.

    Args:
        spec: A task of `sim.tasks.metaworld`.
    """

    def __init__(self, spec: TaskSpec) -> None:
        from metaworld import policies

        self._expert: Any = getattr(policies, _CLASSES[spec.name])()

    def begin(self, env: Env, seed: int) -> None:
        """Nothing to look at."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [4], within [-1, 1]."""
        state = cast(NDArray[np.float32], observation.arrays["observation.environment_state"])
        with warnings.catch_warnings():
            # The package warns that its own gains exceed the range; we clip.
            warnings.filterwarnings("ignore", message="Constant.s. may be too high")
            action = self._expert.get_action(state.astype(np.float64))
        return np.asarray(np.clip(action, -1.0, 1.0), np.float32)
