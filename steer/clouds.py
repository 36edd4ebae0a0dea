"""Point clouds from depth images: cropped, thinned out, and always of the same size.

Robot and training make them with the same function and the same configuration: a critic knows no
other clouds than those it was trained on. Needs no deep-learning library, and open3d only to make
a cloud.

Shape legend: H x W pixels, X points on the way, P points in the end, C = 3 or 6 numbers of a point.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError, InvalidInputError

__all__ = [
    "FAR_M",
    "MISSING_M",
    "Intrinsics",
    "PointCloudConfig",
    "cloud_of_depth",
    "finite_points",
]

_NORMAL_VOXELS, _NORMAL_NEIGHBOURS = 3.0, 30
"""What a normal is estimated from: the radius in voxels, and how many points at most."""

FAR_M = 1000.0
"""Further from the origin of its frame, along an axis, lies no point of a cloud, in metres."""
MISSING_M = 1e6
"""Each number of what stands for a missing point where no float may be NaN: on the wire."""
_MIN_VOXEL_M = 1e-4
"""Finer is nothing that a depth camera sees; open3d cannot count such voxels."""

_RIGID = 1e-3
"""How far a rotation times its transpose may be from the identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intrinsics:
    """A pinhole camera. The centre of the first pixel is at (0, 0), so cx is often W / 2 - 0.5.

    Attributes:
        fx: Focal length along a row, in pixels.
        fy: Focal length along a column, in pixels.
        cx: Column of the optical axis, in pixels.
        cy: Row of the optical axis, in pixels.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    def __post_init__(self) -> None:
        is_finite = all(map(math.isfinite, (self.fx, self.fy, self.cx, self.cy)))
        if not is_finite or self.fx <= 0 or self.fy <= 0:
            raise InvalidInputError.expected("intrinsics", "finite, fx and fy > 0", str(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class PointCloudConfig:
    """What is kept of a scene.

    Attributes:
        low_m: Corner of the crop box, x, y, z in the frame of the cloud, in metres.
        high_m: The opposite corner; what lies on the sides of the box is kept.
        voxel_m: Side of the cubes whose points become one, in metres, >= 0.0001.
        num_points: P.
        has_normals: Whether each point has the unit normal of the surface around it.
        seed: Of the choice where there are more than P points.
    """

    low_m: tuple[float, float, float]
    high_m: tuple[float, float, float]
    voxel_m: float = 0.01
    num_points: int = 512
    has_normals: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        sides = zip(self.low_m, self.high_m, strict=True)
        if not all(-FAR_M <= low < high <= FAR_M for low, high in sides):
            contract = f"low_m < high_m along each axis, within {FAR_M:g} m"
            raise InvalidInputError.expected("crop", contract, f"{self.low_m}, {self.high_m}")
        if not _MIN_VOXEL_M <= self.voxel_m <= FAR_M:
            contract = f"{_MIN_VOXEL_M:g} to {FAR_M:g} m"
            raise InvalidInputError.expected("voxel_m", contract, self.voxel_m)
        if type(self.num_points) is not int or self.num_points < 1:
            raise InvalidInputError.expected("num_points", "an integer >= 1", self.num_points)
        if type(self.seed) is not int or self.seed < 0:
            raise InvalidInputError.expected("seed", "an integer >= 0", self.seed)


def cloud_of_depth(
    depth_HW: NDArray[Any],
    intrinsics: Intrinsics,
    world_from_camera_44: NDArray[Any],
    config: PointCloudConfig,
) -> NDArray[np.float32]:
    """Return the points that a depth camera sees inside the crop box, as many as asked for.

    The same arguments give the same points, in the same order. Where there are more than P after
    thinning out, P are drawn without replacement.

    Args:
        depth_HW: Floats, in metres along the optical axis. Zero, negative, NaN and Inf are no
            points. Not written.
        intrinsics: Of the camera.
        world_from_camera_44: Pose of the camera in the frame of the cloud, in metres. The camera
            looks along z, with x to the right and y down (OpenCV's; of MuJoCo's and OpenGL's
            cameras, y and z are the other way round).
        config: What to keep.

    Returns:
        float32 of shape [P, 3], in metres, or [P, 6] with unit normals, which face the camera. NaN
        where there are fewer than P points; all NaN where the box is empty; see `finite_points`.
        The normal of a point with fewer than two neighbours within three voxels means nothing.

    Raises:
        ConfigError: open3d is not installed.
        InvalidInputError: Depth or pose has another type or shape, or the pose is not rigid.

    References:
        Zhou et al., Open3D, 2018, does the geometry. Chen et al., DeformPAM, 2025, and Qi et al.,
        PointNet, 2017, read clouds of fixed size. Differs: NaN for missing points, not copies.
    """
    depth_HW = _checked_depth(depth_HW)
    pose_44 = _checked_pose(world_from_camera_44)
    cloud = _open3d_cloud(depth_HW, intrinsics, pose_44, config)
    points_XC = np.asarray(cloud.points)
    if config.has_normals:
        points_XC = np.concatenate([points_XC, np.asarray(cloud.normals)], axis=1)
    if len(points_XC) > config.num_points:
        generator = np.random.default_rng(config.seed)
        points_XC = points_XC[generator.permutation(len(points_XC))[: config.num_points]]
    out_PC = np.full((config.num_points, 6 if config.has_normals else 3), np.nan, np.float32)
    out_PC[: len(points_XC)] = points_XC
    return out_PC


def finite_points(points_PC: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return points as they travel and are stored: each missing one `MISSING_M` away on each axis.

    To a critic, NaN and that are the same: no point.

    Args:
        points_PC: As `cloud_of_depth` gives them, shape [P, 3] or [P, 6]. Not written.
    """
    is_point_P1 = np.isfinite(points_PC).all(axis=1, keepdims=True)
    return np.where(is_point_P1, points_PC, np.float32(MISSING_M)).astype(np.float32)


def _open3d_cloud(
    depth_HW: NDArray[np.float32],
    intrinsics: Intrinsics,
    pose_44: NDArray[np.float64],
    config: PointCloudConfig,
) -> Any:  # noqa: ANN401  # open3d's classes have no hints
    """Return the cropped and thinned cloud, in an order that depends on its points alone."""
    open3d = _open3d()
    height, width = depth_HW.shape
    cloud = open3d.geometry.PointCloud.create_from_depth_image(
        open3d.geometry.Image(depth_HW),
        open3d.camera.PinholeCameraIntrinsic(
            width, height, intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy
        ),
        np.linalg.inv(pose_44),
        depth_scale=1.0,
        depth_trunc=math.inf,
    )
    box = open3d.geometry.AxisAlignedBoundingBox(np.array(config.low_m), np.array(config.high_m))
    thin = cloud.crop(box).voxel_down_sample(config.voxel_m)
    points_X3 = np.asarray(thin.points)
    ordered_X3 = points_X3[np.lexsort(points_X3.T)]  # voxels come in the order of a hash table
    thin.points = open3d.utility.Vector3dVector(ordered_X3)
    if config.has_normals and len(ordered_X3):
        radius_m = _NORMAL_VOXELS * config.voxel_m
        thin.estimate_normals(open3d.geometry.KDTreeSearchParamHybrid(radius_m, _NORMAL_NEIGHBOURS))
        thin.orient_normals_towards_camera_location(pose_44[:3, 3])
    return thin


def _open3d() -> Any:  # noqa: ANN401  # made in compiled code
    try:
        import open3d  # an extra, and slow to load
    except ModuleNotFoundError as error:
        raise ConfigError(
            "point clouds: expected open3d, got none; type: pip install 'vla-steer[pointcloud]'"
        ) from error
    return open3d


def _checked_depth(depth_HW: NDArray[Any]) -> NDArray[np.float32]:
    """Return depths as open3d wants them: zero where there is no point."""
    if depth_HW.ndim != 2 or depth_HW.size == 0 or not np.issubdtype(depth_HW.dtype, np.floating):
        raise InvalidInputError.expected(
            "depth",
            "floats of shape [H, W], in metres",
            f"{depth_HW.dtype} of shape {list(depth_HW.shape)}",
        )
    # NaN fails both comparisons.
    is_point_HW = (depth_HW > 0) & (depth_HW < np.finfo(np.float32).max)
    return np.where(is_point_HW, depth_HW, 0).astype(np.float32)


def _checked_pose(pose_44: NDArray[Any]) -> NDArray[np.float64]:
    if pose_44.shape != (4, 4) or not np.issubdtype(pose_44.dtype, np.floating):
        got = f"{pose_44.dtype} of shape {list(pose_44.shape)}"
        raise InvalidInputError.expected("world_from_camera", "floats of shape [4, 4]", got)
    rotation_33 = pose_44[:3, :3]
    is_rigid = (
        bool(np.isfinite(pose_44).all())
        and np.array_equal(pose_44[3], (0, 0, 0, 1))
        and np.allclose(rotation_33 @ rotation_33.T, np.eye(3), rtol=0, atol=_RIGID)
        and np.linalg.det(rotation_33) > 0
    )
    if not is_rigid:
        got = str(pose_44.tolist())
        raise InvalidInputError.expected("world_from_camera", "a rotation and a translation", got)
    return pose_44.astype(np.float64)
