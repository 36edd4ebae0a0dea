"""What the robots of all packages do alike: ticks, pictures, snapshots."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.tasks.base import Step, TaskSpec
from sim.tasks.rendering import Renderers, pinhole
from sim.tasks.snapshot import Snapshot, restore_snapshot, take_snapshot
from steer.clouds import Intrinsics
from steer.errors import InvalidInputError
from steer.types import Observation

if TYPE_CHECKING:
    import mujoco

__all__ = ["MujocoEnv"]


class MujocoEnv(ABC):
    """A robot of one package; implements `Env`. What is left to each is what it observes.

    `observation.environment_state` is all that the package tells, object poses and the goal
    included; `observation.state` is the robot's own part of it.

    Args:
        spec: The task.
        env: The package's environment, without wrappers; has `model` and `data`.
    """

    def __init__(self, spec: TaskSpec, env: Any) -> None:
        self.spec = spec
        self._env = env
        self._renderers: Renderers | None = None
        self._episode: object = None
        self._seen: Observation | None = None

    @abstractmethod
    def _begin(self, seed: int) -> NDArray[np.float64]:
        """Begin the episode of `seed` and return all numbers that are observed."""

    @abstractmethod
    def _advance(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float64], bool]:
        """Run one tick; return all numbers that are observed, and whether it is a success."""

    @abstractmethod
    def _proprioception(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the robot's own part of the numbers."""

    def reset(self, seed: int) -> Observation:
        """Begin the episode that belongs to `seed`, whatever came before."""
        self._episode = object()
        return self._observe(self._begin(seed))

    def step(self, action: NDArray[np.float32]) -> Step:
        """Run one control tick with `action`, shape [A], clipped into [-1, 1]."""
        numbers, is_success = self._advance(np.clip(action, -1.0, 1.0).astype(np.float32))
        return Step(self._observe(numbers), 0.0 if is_success else -1.0, is_success)

    def render(self, camera: str, *, height: int, width: int) -> NDArray[np.uint8]:
        """Return the camera's picture, shape [height, width, 3], RGB."""
        return self._cameras().render(self._env.data, camera, height=height, width=width)

    def depth(self, camera: str, *, height: int, width: int) -> NDArray[np.float32]:
        """Return the distance along the camera's axis in metres, shape [height, width]."""
        return self._cameras().depth(self._env.data, camera, height=height, width=width)

    def pinhole(
        self, camera: str, *, height: int, width: int
    ) -> tuple[Intrinsics, NDArray[np.float64]]:
        """Return the camera's intrinsics and its pose in the world now, see `Env.pinhole`."""
        if camera not in self.spec.cameras:
            known = ", ".join(self.spec.cameras)
            raise InvalidInputError.expected("camera", f"one of {known}", camera)
        return pinhole(self._env.model, self._env.data, camera, height=height, width=width)

    def save(self) -> Snapshot:
        """Return the whole state of the simulation, see `Env.save`."""
        if self._seen is None:
            raise InvalidInputError.expected("save", "an episode", "none")
        env = self._env
        return take_snapshot(
            env, env.model, env.data, episode=self._episode, observation=self._seen
        )

    def restore(self, snapshot: Snapshot) -> Observation:
        """Go back to where `save` was called, see `Env.restore`."""
        env = self._env
        restore_snapshot(snapshot, env, env.model, env.data, episode=self._episode)
        self._seen = snapshot.observation
        return snapshot.observation

    def intervene(self, change: "Callable[[mujoco.MjModel, mujoco.MjData], None]") -> Observation:
        """Change the simulation by hand, and return what is sensed after a tick of rest."""
        self.meddle(change)
        rest = np.zeros(self.spec.embodiment.action_dim, np.float32)
        return self._observe(self._advance(rest)[0])

    def meddle(self, change: "Callable[[mujoco.MjModel, mujoco.MjData], None]") -> None:
        """Change the simulation by hand; it shows in what is sensed after the next tick."""
        import mujoco

        change(self._env.model, self._env.data)
        mujoco.mj_forward(self._env.model, self._env.data)

    def close(self) -> None:
        """Free the renderers."""
        if self._renderers is not None:
            self._renderers.close()

    def _cameras(self) -> Renderers:
        if self._renderers is None:  # some packages compile their model at the first reset
            self._renderers = Renderers(self._env.model, self.spec.cameras)
        return self._renderers

    def _observe(self, state: NDArray[np.float64]) -> Observation:
        numbers = state.astype(np.float32)
        arrays = {
            "observation.state": self._proprioception(numbers),
            "observation.environment_state": numbers,
        }
        self._seen = Observation(arrays, instruction=self.spec.instruction)
        return self._seen
