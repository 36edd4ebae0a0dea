"""Voxel cost: how close a candidate brings the end effector to what stands in its way.

Shapes: `N` candidates, `H` horizon, `A` action, `M` points, `S` places on one tick's way.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import ConfigError, InvalidInputError
from steer.ranges import as_run
from steer.rank.scorers.base import Situation
from steer.rank.scorers.voxels import VoxelMap, voxel_map

__all__ = ["DeltaPath", "VoxelCost"]

MAX_REACH = 16
"""The largest safety distance, in voxels; the work grows with its cube."""
MAX_PLACES = 64
"""Places that are looked at on one tick's way; only a way of over 64 voxels is seen more coarsely
than a voxel at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelCost:
    """Score by minus the cost of the way, summed over the actions: from -H to 0.

    The cost of an action is the largest on the straight line from the place before it: 1 where the
    way goes through a voxel that holds a point, 0 where it keeps the safety distance. It is of the
    commanded path of one place on the robot, and so a preference and no protection against
    collisions: the arm, and what it carries, are wider than that.

    Attributes:
        voxel_m: Edge of a voxel, in metres, > 0.
        safety_m: Distance at which the cost begins, in metres, 1 to 16 voxels.

    Raises:
        ConfigError: One is out of range.

    References:
        Huang et al., VoxPoser, 2023. Differs: its map is what a planner follows; here it ranks the
        policy's chunks.
    """

    voxel_m: float = 0.02
    safety_m: float = 0.06

    def __post_init__(self) -> None:
        if not (math.isfinite(self.voxel_m) and self.voxel_m > 0):
            raise ConfigError(
                f"voxel_cost.voxel_m: expected a finite number > 0 m, got {self.voxel_m}"
            )
        if not self.voxel_m <= self.safety_m <= MAX_REACH * self.voxel_m:
            raise ConfigError(
                f"voxel_cost.safety_m: expected {self.voxel_m:g} to {MAX_REACH * self.voxel_m:g} m,"
                f" got {self.safety_m}"
            )

    def __call__(self, situation: Situation) -> NDArray[np.float32] | None:
        """Return the score of each candidate, shape [N]; None without points or a path.

        NaN for a candidate whose path is not finite.

        Raises:
            InvalidInputError: A path has the wrong shape, or all together need too large a map.
        """
        if situation.points_M3 is None or situation.path is None:
            return None
        path_NH3 = np.stack([_path(situation, chunk_HA) for chunk_HA in situation.chunks_NHA])
        is_sound_N = np.isfinite(path_NH3).all(axis=(1, 2))
        score_N = np.full(len(situation), np.nan, np.float32)
        if not is_sound_N.any():
            return score_N
        sound_NH3 = path_NH3[is_sound_N]
        field = voxel_map(
            situation.points_M3,
            low_3=sound_NH3.min(axis=(0, 1)),
            high_3=sound_NH3.max(axis=(0, 1)),
            voxel_m=self.voxel_m,
            safety_m=self.safety_m,
        )
        score_N[is_sound_N] = [-_cost(path_H3, field) for path_H3 in sound_NH3]
        return score_N


@dataclass(frozen=True, slots=True, eq=False)
class DeltaPath:
    """The path of a robot whose commands move the end effector by so much.

    Where the commands would bring it if it followed them exactly.

    Attributes:
        start_3: Of the end effector, in metres; float32 of shape [3].
        embodiment: With the actions `dx`, `dy`, `dz` in metres, and how much 1.0 commands. Clips.

    Raises:
        InvalidInputError: The start is not a position, or the embodiment does not move so.
    """

    start_3: NDArray[np.float32]
    embodiment: Embodiment

    def __post_init__(self) -> None:
        if self.start_3.shape != (3,) or not np.isfinite(self.start_3).all():
            raise InvalidInputError.expected("path.start", "3 finite numbers", self.start_3)
        if len(self._columns()) != 3 or self.embodiment.mode == "absolute":
            raise InvalidInputError.expected(
                "embodiment.actions",
                "relative commands dx, dy, dz in m with a scale",
                f"{self.embodiment.mode or 'unknown'} commands "
                + ", ".join(repr(dim.name) for dim in self.embodiment.actions),
            )

    def __call__(self, chunk_HA: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return where the end effector is after each action, shape [H, 3], in metres."""
        columns = self._columns()
        scale_3 = np.array([self.embodiment.actions[column].scale for column in columns])
        steps_H3 = as_run(chunk_HA, self.embodiment)[:, columns] * scale_3
        path_H3: NDArray[np.float32] = (self.start_3 + steps_H3.cumsum(axis=0)).astype(np.float32)
        return path_H3

    def _columns(self) -> list[int]:
        """Return which actions move along x, y and z."""
        index_by_name = {
            dim.name: index
            for index, dim in enumerate(self.embodiment.actions)
            if dim.unit == "m" and dim.scale > 0
        }
        return [index_by_name[name] for name in ("dx", "dy", "dz") if name in index_by_name]


def _path(situation: Situation, chunk_HA: NDArray[np.float32]) -> NDArray[np.float64]:
    assert situation.path is not None
    path_H3 = np.asarray(situation.path(chunk_HA), np.float64)
    if path_H3.shape != (len(chunk_HA), 3):
        raise InvalidInputError.expected(
            "situation.path", f"positions of shape [{len(chunk_HA)}, 3]", list(path_H3.shape)
        )
    return path_H3


def _cost(path_H3: NDArray[np.float64], field: VoxelMap) -> float:
    """Return the cost of one path; the first action's is that of the place where it ends."""
    step_H3 = np.diff(path_H3, axis=0, prepend=path_H3[:1])
    longest_m = float(np.abs(step_H3).max())
    num_places = min(max(math.ceil(longest_m / field.voxel_m), 1), MAX_PLACES)
    back_S1 = np.linspace(0.0, 1.0, num_places, endpoint=False)[:, None]
    way_HS3 = path_H3[:, None] - step_H3[:, None] * back_S1
    return float(field.at(way_HS3).max(axis=1).sum())
