"""What a scripted expert offers."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steer.types import Observation

__all__ = ["Expert"]


class Expert(Protocol):
    """A hand-written controller: a function of the observation alone, so noise cannot lose it."""

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the action for `observation`, shape [A], within the embodiment's range."""
        ...
