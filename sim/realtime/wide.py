"""A robot with more dimensions than its policy drives: a tick costs what it does on two arms.

Shapes: `A` action of the policy, `W` of the wide robot.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import ActionDim, Embodiment
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.planner import Planner, Request, Sensed
from steer.loop.robot import Robot
from steer.types import Observation

__all__ = ["WidePlanner", "WideRobot", "wide_body", "wide_limits"]

_FIRST, _SECOND, _THIRD = 0.5, 1.0, 2.0
"""Finite, in parts of the range a tick, so that every limit is looked at."""


def wide_body(body: Embodiment, size: int, *, hz: float) -> Embodiment:
    """Return a body at another rate, with as many more dimensions as make `size`."""
    more = (ActionDim(name=f"more{n}", low=-1.0, high=1.0) for n in range(size - body.action_dim))
    return replace(body, control_hz=hz, actions=(*body.actions, *more))


def wide_limits(size: int) -> Limits:
    """Return limits of `size` dimensions, all of them finite."""
    one = np.ones(size)
    return Limits(low=-one, high=one, first=_FIRST * one, second=_SECOND * one, third=_THIRD * one)


class WideRobot:
    """Implements `Robot`: the first dimensions are those of another one, the rest go nowhere.

    Args:
        robot: Of A dimensions.
        size: A.
    """

    def __init__(self, robot: Robot, size: int) -> None:
        self._robot, self._size = robot, size

    def observe(self) -> Observation:
        """Return what the robot senses."""
        return self._robot.observe()

    def act(self, action: NDArray[np.float32]) -> None:
        """Command the robot with what of a command, [W], is its own."""
        self._robot.act(action[: self._size])


class WidePlanner:
    """Implements `Planner`: chunks of another one, repeated over the dimensions.

    Args:
        planner: Of A dimensions.
        size: A.
        wide: W.
    """

    def __init__(self, planner: Planner, size: int, wide: int) -> None:
        self._planner, self._size = planner, size
        self._columns = np.arange(wide) % size

    def submit(self, request: Request) -> None:
        """Ask with what of the running chunk is the robot's own."""
        *before, last = request.observations
        travelled = request.travelled[: self._size]
        seen = (*before, self._own(last))
        self._planner.submit(replace(request, observations=seen, travelled=travelled))

    def sense(self, sensed: Sensed) -> None:
        """Likewise."""
        own = replace(sensed, observation=self._own(sensed.observation))
        size = self._size
        sent, travelled = sensed.sent[:, :size], sensed.travelled[:size]
        self._planner.sense(replace(own, sent=sent, travelled=travelled))

    def poll(self) -> Chunk | None:
        """Return the newest chunk, [H, W]."""
        chunk = self._planner.poll()
        if chunk is None:
            return None
        return replace(chunk, actions=np.ascontiguousarray(chunk.actions[:, self._columns]))

    def _own(self, observation: Observation) -> Observation:
        running = observation.running
        if running is None:
            return observation
        return replace(observation, running=np.ascontiguousarray(running[:, : self._size]))
