"""What System 1 asks, and whom: the slow half behind two calls that never wait.

Shapes: `A` action.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from steer.loop.chunks import Chunk
from steer.types import Observation

__all__ = ["Planner", "Request", "Sensed"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """What a chunk is asked for.

    Attributes:
        observations: Oldest first, one a tick; the last one is that of the tick, with what of the
            running chunk would follow.
        consumed: Actions of the epoch that had been consumed before it.
        frozen: Rows from the first that what runs now will fill.
        epoch: Of the robot.
        sequence: 1 and up within an epoch.
        captured_at_s: Of the last observation, on the robot's monotonic clock.
        travelled: As of `Sensed`.
    """

    observations: tuple[Observation, ...]
    consumed: int
    frozen: int
    epoch: int
    sequence: int
    captured_at_s: float
    travelled: NDArray[np.float64]

    def noise_seed(self, seed: int) -> int:
        """Return the seed of its noise, in [0, 2**64), of a robot that has one."""
        text = f"{seed}/{self.epoch}/{self.sequence}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sensed:
    """The robot at its newest tick.

    Attributes:
        observation: With what of the running chunk would follow.
        consumed: Actions of the epoch that had been consumed before it.
        epoch: Of the robot.
        captured_at_s: Of the observation, on the robot's monotonic clock.
        sent: Last three commands, the newest first, [3, A]; NaN where none is known.
        travelled: Sum of all motions that were commanded in the epoch, [A]; 0 in dimensions that
            command places.
    """

    observation: Observation
    consumed: int
    epoch: int
    captured_at_s: float
    sent: NDArray[np.float32]
    travelled: NDArray[np.float64]


class Planner(Protocol):
    """Answers requests, somewhere else: in another process, or on another machine."""

    def submit(self, request: Request) -> None:
        """Ask for a chunk; return at once. A request that is not begun yet gives way to it.

        The arrays of observations are the robot's, which fills them again: take what you keep.
        """
        ...

    def sense(self, sensed: Sensed) -> None:
        """Tell of a tick, before anything is asked at it: for what judges at the newest one.

        Its arrays are the robot's, too.
        """
        ...

    def poll(self) -> Chunk | None:
        """Return the newest chunk that has come since the last call, or None; return at once."""
        ...
