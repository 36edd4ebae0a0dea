"""What the loop drives."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steer.types import Observation

__all__ = ["Robot"]


class Robot(Protocol):
    """What moves."""

    def observe(self) -> Observation:
        """Return what it senses now; within a fraction of a tick.

        Its arrays stay as they are until `act` is called, and of a robot whose policy looks at
        several observations for as many calls.
        """
        ...

    def act(self, action: NDArray[np.float32]) -> None:
        """Command it, [A] in its own units; within a fraction of a tick.

        Where it raises, it has not been commanded, and the same action comes again.
        """
        ...
