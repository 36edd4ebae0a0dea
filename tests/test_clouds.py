"""Point clouds from depth images: where each pixel lands, and what is left out."""

import numpy as np
import pytest

from steer.clouds import (
    FAR_M,
    MISSING_M,
    Intrinsics,
    PointCloudConfig,
    cloud_of_depth,
    finite_points,
)
from steer.errors import InvalidInputError
from steer.types import Observation

# Focal length of 2 pixels, looking along z, with the axis between the pixels of the middle.
CAMERA = Intrinsics(fx=2.0, fy=2.0, cx=0.5, cy=0.5)
NOWHERE = np.eye(4)


@pytest.fixture(scope="module", autouse=True)
def _open3d():
    """Have open3d loaded, which takes seconds, before the first test."""
    pytest.importorskip("open3d")


def _config(**options):
    box = {"low_m": (-9.0, -9.0, -9.0), "high_m": (9.0, 9.0, 9.0), "num_points": 6}
    return PointCloudConfig(**{**box, **options})


def _sorted(points):
    """Return the points that there are, in an order of their own."""
    known = points[np.isfinite(points).all(1)]
    return known[np.lexsort(known.T)]


def test_pixels_land_where_a_pinhole_camera_sees_them():
    """x = (column - cx) z / fx, y = (row - cy) z / fy; what is missing is NaN at the end."""
    depth = np.array([[2.0, 4.0], [1.0, 8.0]], np.float32)

    points = cloud_of_depth(depth, CAMERA, NOWHERE, _config())

    assert points.dtype == np.float32
    assert np.isnan(points[4:]).all()
    expected = [[-0.25, 0.25, 1.0], [-0.5, -0.5, 2.0], [1.0, -1.0, 4.0], [2.0, 2.0, 8.0]]
    np.testing.assert_allclose(_sorted(points[:4]), expected, atol=1e-6)


def test_the_pose_moves_points_from_the_camera_into_the_world():
    """A camera at (1, 2, 3) that looks down sees what is below it."""
    pose = np.array([[1.0, 0, 0, 1], [0, -1, 0, 2], [0, 0, -1, 3], [0, 0, 0, 1]])
    depth = np.array([[2.0, 0.0], [0.0, 0.0]])

    points = cloud_of_depth(depth, CAMERA, pose, _config())

    np.testing.assert_allclose(_sorted(points), [[0.5, 2.5, 1.0]], atol=1e-6)


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_depth_is_no_point(hole):
    """Zero, negative, not a number, infinite, or beyond all floats."""
    depth = np.array([[2.0, hole], [hole, hole]])

    points = cloud_of_depth(depth, CAMERA, NOWHERE, _config())

    np.testing.assert_allclose(_sorted(points), [[-0.5, -0.5, 2.0]])


@pytest.mark.parametrize("has_normals", [False, True])
@pytest.mark.parametrize("depth", [np.zeros((4, 4)), np.full((4, 4), 100.0)])
def test_an_empty_box_is_all_nan(depth, has_normals, capfd):
    """That is no error, and open3d says nothing of it."""
    points = cloud_of_depth(depth, CAMERA, NOWHERE, _config(has_normals=has_normals))

    assert points.shape == (6, 6 if has_normals else 3)
    assert np.isnan(points).all()
    assert capfd.readouterr().out == ""


def test_an_empty_cloud_travels():
    """NaN is refused on every wire; what stands for it is not, and lies beyond every crop."""
    points = cloud_of_depth(np.zeros((4, 4)), CAMERA, NOWHERE, _config())

    sent = finite_points(points)

    Observation({"observation.points.front": sent})
    assert (sent == MISSING_M).all()
    assert (sent.dtype, sent.shape) == (np.float32, (6, 3))
    assert MISSING_M > FAR_M
    with pytest.raises(InvalidInputError, match="expected finite values, got nan"):
        Observation({"observation.points.front": points})


def test_points_that_are_there_travel_as_they_are():
    """A single number that is not finite is enough to miss a point."""
    points = np.array([[0.1, 0.2, 0.3], [np.nan, 0.2, 0.3], [0.1, np.inf, 0.3]], np.float32)

    sent = finite_points(points)

    assert sent.tolist() == [points[0].tolist(), [MISSING_M] * 3, [MISSING_M] * 3]
    assert np.isnan(points[1, 0])


def test_only_the_box_is_kept():
    """With what lies on its sides."""
    depth = np.array([[2.0, 4.0], [1.0, 8.0]])

    points = cloud_of_depth(depth, CAMERA, NOWHERE, _config(high_m=(9.0, 9.0, 4.0)))

    assert _sorted(points)[:, 2].tolist() == [1.0, 2.0, 4.0]


def test_points_of_one_voxel_become_their_mean():
    """The first three lie within a cube of 2 m, the last one does not."""
    depth = np.array([[1.0, 1.0], [1.0, 8.0]])

    points = cloud_of_depth(depth, CAMERA, NOWHERE, _config(voxel_m=2.0))

    mean = [(-0.25 + 0.25 - 0.25) / 3, (-0.25 - 0.25 + 0.25) / 3, 1.0]
    np.testing.assert_allclose(_sorted(points), [mean, [2.0, 2.0, 8.0]], atol=1e-6)


def test_more_points_are_drawn_without_replacement_and_always_the_same(rng):
    """By the seed; another seed draws others."""
    depth = 1.0 + rng.random((16, 16))
    config = _config(num_points=64, voxel_m=0.001)

    points = cloud_of_depth(depth, CAMERA, NOWHERE, config)

    assert len(np.unique(points, axis=0)) == 64
    assert np.array_equal(points, cloud_of_depth(depth.copy(), CAMERA, NOWHERE, config))
    other = cloud_of_depth(depth, CAMERA, NOWHERE, _config(num_points=64, voxel_m=0.001, seed=1))
    assert not np.array_equal(_sorted(points), _sorted(other))
    every = cloud_of_depth(depth, CAMERA, NOWHERE, _config(num_points=256, voxel_m=0.001))
    assert {tuple(point) for point in points} < {tuple(point) for point in every}


def test_normals_of_a_plane_stand_on_it_and_face_the_camera():
    """A floor 1 m below a camera that looks down at an angle."""
    tilt = np.radians(30.0)
    pose = np.eye(4)
    pose[:3, :3] = [
        [1, 0, 0],
        [0, -np.sin(tilt), np.cos(tilt)],
        [0, -np.cos(tilt), -np.sin(tilt)],
    ]
    pose[:3, 3] = (0.2, 0.3, 1.0)
    camera = Intrinsics(fx=40.0, fy=40.0, cx=15.5, cy=11.5)
    row, column = np.mgrid[:24, :32]
    ray = np.stack([(column - 15.5) / 40, (row - 11.5) / 40, np.ones_like(row)], axis=-1)
    down = (ray @ pose[:3, :3].T)[..., 2]
    depth = np.where(down < -0.2, -1.0 / down, 0.0)

    points = cloud_of_depth(
        depth, camera, pose, _config(has_normals=True, num_points=300, voxel_m=0.1)
    )

    known = points[np.isfinite(points[:, 0])]
    assert len(known) > 50
    np.testing.assert_allclose(known[:, 2], 0.0, atol=1e-5)
    np.testing.assert_allclose(known[:, 3:] - [0, 0, 1], 0.0, atol=1e-3)


def test_depth_is_not_written():
    """It may be the memory of a renderer."""
    depth = np.array([[np.nan, -1.0], [0.0, 2.0]], np.float32)
    depth.setflags(write=False)

    cloud_of_depth(depth, CAMERA, NOWHERE, _config())

    assert np.array_equal(depth, [[np.nan, -1.0], [0.0, 2.0]], equal_nan=True)


@pytest.mark.parametrize(
    "depth", [np.ones((2, 2), np.uint16), np.ones((2, 2, 1)), np.ones(4), np.ones((0, 2))]
)
def test_what_is_no_depth_image_is_refused(depth):
    """Millimetres in integers, a channel axis, a vector, nothing."""
    with pytest.raises(InvalidInputError) as caught:
        cloud_of_depth(depth, CAMERA, NOWHERE, _config())

    assert str(caught.value) == (
        "depth: expected floats of shape [H, W], in metres, "
        f"got {depth.dtype} of shape {list(depth.shape)}"
    )


@pytest.mark.parametrize(
    "pose",
    [np.eye(3), np.eye(4) * 2, np.diag([1.0, 1, -1, 1]), np.full((4, 4), np.nan), np.ones((4, 4))],
)
def test_a_pose_that_is_not_rigid_is_refused(pose):
    """Another shape, a scale, a mirror, NaN."""
    with pytest.raises(InvalidInputError, match="world_from_camera: expected"):
        cloud_of_depth(np.ones((2, 2)), CAMERA, pose, _config())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"low_m": (9.0, 0.0, 0.0)}, "crop: expected low_m < high_m along each axis"),
        ({"high_m": (1.0, 1.0, np.nan)}, "crop: expected low_m < high_m"),
        ({"high_m": (1.0, 1.0, 1e6)}, "crop: .* within 1000 m"),
        ({"voxel_m": 0.0}, "voxel_m: expected 0.0001 to 1000 m, got 0.0"),
        ({"num_points": 0}, "num_points: expected an integer >= 1, got 0"),
        ({"seed": -1}, "seed: expected an integer >= 0, got -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text):
    """By name."""
    with pytest.raises(InvalidInputError, match=text):
        _config(**options)


@pytest.mark.parametrize("options", [{"fx": 0.0}, {"fy": -1.0}, {"cx": np.nan}])
def test_cameras_that_cannot_be_are_refused(options):
    """Without focal length, or not finite."""
    with pytest.raises(InvalidInputError, match="intrinsics: expected finite, fx and fy > 0"):
        Intrinsics(**{"fx": 1.0, "fy": 1.0, "cx": 0.0, "cy": 0.0, **options})
