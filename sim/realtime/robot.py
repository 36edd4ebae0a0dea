"""A robot in simulation whose world goes on with every tick, whether it was told something or not.

Shapes: `A` action.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.tasks import Env
from sim.tasks.views import View
from steer.clock import Clock
from steer.limits import is_motion
from steer.types import Observation

__all__ = ["SimRobot"]


class SimRobot:
    """Implements `steer.loop.robot.Robot`; call `tick` after every step of the loop.

    A robot that is told nothing stands still, which for commands that are motions is zero, and its
    gripper stays as it is.

    Args:
        env: Whose commands are motions, but for the gripper.
        seed: Of the episode.
        clock: Of the observations.
        views: Pictures and clouds that policy and critic need.

    Attributes:
        body: Of the robot.
        is_success: Whether the task's success flag was ever set.
        steps: Ticks that the world has made.
        sent: What it was told in each of them; what it did by itself where that was nothing.
    """

    def __init__(self, env: Env, seed: int, clock: Clock, views: Sequence[View] = ()) -> None:
        self._env, self._clock, self._views = env, clock, views
        self.body = env.spec.embodiment
        self._seen = env.reset(seed)
        self._wanted: NDArray[np.float32] | None = None
        self._still: NDArray[np.float32] = np.zeros(self.body.action_dim, np.float32)
        self.is_success, self.steps = False, 0
        self.sent: list[NDArray[np.float32]] = []

    def observe(self) -> Observation:
        """Return what it senses now."""
        taken = {view.field.name: view.take(self._env) for view in self._views}
        arrays = {**self._seen.arrays, **taken}
        return replace(self._seen, arrays=arrays, captured_at_s=self._clock.now_s())

    def act(self, action: NDArray[np.float32]) -> None:
        """Take a command for the next tick of the world."""
        self._wanted = action

    def tick(self) -> None:
        """Let the world go on by one tick."""
        action = self._still if self._wanted is None else self._wanted
        self._wanted = None
        step = self._env.step(action)
        self._seen = step.observation
        self._still = self._stands(action)
        self.steps += 1
        self.sent.append(action)
        self.is_success = self.is_success or step.is_success

    def _stands(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        is_motion_A = np.array([is_motion(self.body, dim.name) for dim in self.body.actions])
        return np.where(is_motion_A, np.float32(0.0), action)
