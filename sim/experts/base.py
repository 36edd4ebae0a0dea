"""What a scripted expert offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Env
from steer.types import Observation

__all__ = ["Expert"]


class Expert(Protocol):
    """A hand-written controller of one robot.

    All but one are functions of what is there now, so noise on their actions cannot lose them.
    """

    def begin(self, env: Env, seed: int) -> None:
        """Look at the episode that `env` has just begun, and leave it as it is."""
        ...

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [A], within the embodiment's range."""
        ...
