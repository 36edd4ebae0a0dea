"""A map of cost over space: how close is what stands in the way.

Shapes: `M` points, `X`, `Y`, `Z` voxels along each axis; `...` any axes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError

__all__ = ["VoxelMap", "voxel_map"]

MAX_VOXELS = 2**24
MAX_NUMBER = 2**40
"""Of a voxel along an axis: places further out are not counted exactly."""


@dataclass(frozen=True, slots=True, eq=False)
class VoxelMap:
    """Cost of each place in a box.

    Attributes:
        cost_XYZ: float32, from 0 (far from everything) to 1 (in a voxel that holds a point).
        first_3: int64, number of the first voxel along each axis; voxel n begins at n * voxel_m.
        voxel_m: Edge of a voxel, in metres.
    """

    cost_XYZ: NDArray[np.float32]
    first_3: NDArray[np.int64]
    voxel_m: float

    def at(self, position_m: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the cost at positions of shape [..., 3], shape [...].

        Args:
            position_m: In metres, inside of the box that the map was made for.
        """
        index = _voxel(position_m, self.voxel_m) - self.first_3
        found: NDArray[np.float32] = self.cost_XYZ[index[..., 0], index[..., 1], index[..., 2]]
        return found


def voxel_map(
    points_M3: NDArray[np.float32],
    *,
    low_3: NDArray[np.float64],
    high_3: NDArray[np.float64],
    voxel_m: float,
    safety_m: float,
) -> VoxelMap:
    """Return the cost around points: (1 - distance / safety_m)^2 below the safety distance, else 0.

    Distances are between the centres of voxels, so they are wrong by up to a voxel's diagonal.
    Voxels lie on one grid in space, whatever the box is.

    Args:
        points_M3: In metres. Points that are not finite, or too far away to matter, are dropped.
        low_3: Lower corner of the box in which costs are asked for, in metres.
        high_3: Upper corner.
        voxel_m: > 0.
        safety_m: >= voxel_m.

    Raises:
        InvalidInputError: The box has more than 2^24 voxels, or is out of this world.

    References:
        Huang et al., VoxPoser, 2023, avoidance maps; Ratliff et al., CHOMP, 2009, for the quadratic
        cost below a distance. Differs: from points alone, with no language model; points say where
        a surface is and not which side is inside, so the cost ends at 1.
    """
    reach = math.ceil(safety_m / voxel_m)
    _check_box(low_3 / voxel_m, high_3 / voxel_m, margin=2 * reach, voxel_m=voxel_m)
    # Points count up to `reach` outside of the box, and their cost is written `reach` further.
    first_3 = _voxel(low_3, voxel_m) - 2 * reach
    shape_3 = _voxel(high_3, voxel_m) + 2 * reach + 1 - first_3
    inner = first_3 + reach, first_3 + shape_3 - reach
    is_near_M = ((points_M3 >= inner[0] * voxel_m) & (points_M3 < inner[1] * voxel_m)).all(axis=1)
    is_taken = np.zeros(shape_3, np.bool_)
    taken_M3 = _voxel(points_M3[is_near_M].astype(np.float64), voxel_m) - first_3
    taken_M3 = np.clip(taken_M3, reach, shape_3 - reach - 1)  # a point on the last border
    is_taken[tuple(taken_M3.T)] = True
    taken_M3 = np.argwhere(is_taken)
    cost_XYZ = np.zeros(shape_3, np.float32)
    for offset_3, cost in _ball(reach, voxel_m, safety_m):
        where = tuple((taken_M3 + offset_3).T)  # no voxel twice, for none is taken twice
        cost_XYZ[where] = np.maximum(cost_XYZ[where], cost)
    return VoxelMap(cost_XYZ, first_3, voxel_m)


def _check_box(
    low_3: NDArray[np.float64], high_3: NDArray[np.float64], *, margin: int, voxel_m: float
) -> None:
    """Raise where the box, in voxels, is too large; before anything is made of its size."""
    sides = [side + 2 * margin + 1 for side in (high_3 - low_3).tolist()]
    if math.prod(sides) > MAX_VOXELS or np.abs([low_3, high_3]).max() > MAX_NUMBER:
        raise InvalidInputError.expected(
            "voxel map",
            f"a box of at most {MAX_VOXELS} voxels of {voxel_m:g} m",
            " x ".join(f"{side * voxel_m:.3g} m" for side in sides),
        )


def _ball(
    reach: int, voxel_m: float, safety_m: float
) -> list[tuple[NDArray[np.int64], np.float32]]:
    """Return the voxels around one that holds a point, each with its cost."""
    side = np.arange(-reach, reach + 1)
    offset_M3 = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    distance_M = np.linalg.norm(offset_M3, axis=1) * voxel_m
    cost_M = (np.maximum(1 - distance_M / safety_m, 0.0) ** 2).astype(np.float32)
    return [(offset_M3[index], cost_M[index]) for index in np.flatnonzero(cost_M)]


def _voxel(position_m: NDArray[np.float64], voxel_m: float) -> NDArray[np.int64]:
    """Return the number of the voxel of each position along each axis."""
    return np.floor(position_m / voxel_m).astype(np.int64)
