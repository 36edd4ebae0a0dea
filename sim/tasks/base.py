"""What a task is, and what a simulated robot offers. Knows no package and no wire."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.tasks.snapshot import Snapshot
from steer.clouds import Intrinsics
from steer.embodiment import Embodiment
from steer.types import Observation

__all__ = ["Env", "Snapshot", "Step", "TaskSpec"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """A task of the suite. Horizons and mixtures are fixed before any critic is trained.

    Attributes:
        name: The task's name everywhere: command lines, artefacts, results.
        package: The simulation package that it comes from;
        dataset: Directory of the recorded episodes; tasks that observe alike share one.
        instruction: The task in words; it identifies the task inside a dataset.
        paraphrase: The same in other words, for policies that read.
        embodiment: The robot body, without cameras (they are sent on request).
        max_steps: Control ticks until an episode ends without success.
        package_max_steps: The same as the package has it; more than `max_steps` where ours is cut
            short to save time.
        commit_horizon: How many actions of a chunk are run before the next request.
        cameras: Names that `Env.render` accepts, best first.
        mixture: Episodes of the training data, as (noise sigma of the expert, how many).
        seed_block: The task's own block of seeds, see `sim.seeds`.
    """

    name: str
    package: str
    dataset: str
    instruction: str
    paraphrase: str
    embodiment: Embodiment
    max_steps: int
    package_max_steps: int
    commit_horizon: int
    cameras: tuple[str, ...]
    mixture: tuple[tuple[float, int], ...]
    seed_block: int


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What came after an action.

    Attributes:
        observation: What the robot senses now.
        reward: -1 for a tick without success, 0 where the package's success flag is set.
        is_success: The package's success flag; the first time that it is set ends the episode.
    """

    observation: Observation
    reward: float
    is_success: bool


class Env(Protocol):
    """A robot and its task in simulation. One seed is one initial state, bit for bit."""

    spec: TaskSpec

    def reset(self, seed: int) -> Observation:
        """Begin the episode that belongs to `seed`, whatever came before."""
        ...

    def step(self, action: NDArray[np.float32]) -> Step:
        """Run one control tick.

        Args:
            action: Shape [A]; clipped into the embodiment's range.
        """
        ...

    def render(self, camera: str, *, height: int, width: int) -> NDArray[np.uint8]:
        """Return the camera's picture, shape [height, width, 3], RGB.

        Raises:
            InvalidInputError: The task has no such camera.
            NoRendererError: This machine cannot render.
        """
        ...

    def depth(self, camera: str, *, height: int, width: int) -> NDArray[np.float32]:
        """Return the distance along the camera's axis in metres, shape [height, width].

        Raises:
            InvalidInputError: The task has no such camera.
            NoRendererError: This machine cannot render.
        """
        ...

    def pinhole(
        self, camera: str, *, height: int, width: int
    ) -> tuple[Intrinsics, NDArray[np.float64]]:
        """Return the camera as it stands now: intrinsics, and its pose in the world.

        The pose is of shape [4, 4], in metres, with x to the right, y down and z ahead.

        Raises:
            InvalidInputError: The task has no such camera.
        """
        ...

    def save(self) -> Snapshot:
        """Return the whole state of the simulation, to `restore` within the same episode."""
        ...

    def restore(self, snapshot: Snapshot) -> Observation:
        """Go back to where `save` was called; what follows is the same to the last bit.

        Returns:
            What the robot sensed then.

        Raises:
            InvalidInputError: The snapshot is of another episode.
        """
        ...

    def close(self) -> None:
        """Free the renderers; the robot itself needs no closing."""
        ...
