"""Pictures and clouds that robots send: of known cameras, in metres, where the scene is."""

from dataclasses import replace

import numpy as np
import pytest

from sim.frames import pictures_of, points_of
from sim.tasks import TASKS, NoRendererError
from sim.tasks.views import CLOUDS, View, cloud_tree, view_of, views_of
from steer.clouds import MISSING_M
from steer.embodiment import ObservationField
from steer.errors import ConfigError, InvalidInputError

FETCH = TASKS["fetch-push"]
CAMERA = FETCH.cameras[0]


def look(env, item):
    """Return what a robot sends, or skip where nothing can be rendered."""
    try:
        return view_of(item, env.spec).take(env)
    except NoRendererError as error:
        pytest.skip(str(error))


@pytest.mark.slow
@pytest.mark.xdist_group("cameras")
def test_the_points_of_an_object_lie_where_it_is(robot):
    """Within its size, in the frame of the world; the table below it is cut off."""
    pytest.importorskip("open3d")
    env = robot("fetch-push")
    state = env.reset(100_001).arrays["observation.environment_state"]

    cloud = look(env, points_of(CAMERA))

    cube = state[3:6]
    assert (cloud.shape, cloud.dtype) == ((512, 3), np.float32)
    near = np.linalg.norm(cloud - cube, axis=1) < 0.045  # its half diagonal, 2.5 cm a side
    assert near.sum() > 10
    assert np.abs(cloud[near].mean(0) - cube).max() < 0.03
    known = cloud[(cloud != MISSING_M).all(1)]
    assert (known >= np.float32(CLOUDS[FETCH.package].low_m)).all()
    assert (known <= np.float32(CLOUDS[FETCH.package].high_m)).all()


@pytest.mark.slow
@pytest.mark.xdist_group("cameras")
def test_a_view_is_a_function_of_the_state(robot):
    """Depth is rendered with the renderer of pictures, and neither changes the other."""
    pytest.importorskip("open3d")
    env = robot("fetch-push")
    env.reset(100_001)

    first = [look(env, item) for item in (pictures_of(CAMERA, 128), points_of(CAMERA))]
    second = [look(env, item) for item in (points_of(CAMERA), pictures_of(CAMERA, 128))]

    np.testing.assert_array_equal(first[0], second[1])
    np.testing.assert_array_equal(first[1], second[0])
    assert (first[0].shape, first[0].dtype) == ((128, 128, 3), np.uint8)


@pytest.mark.slow
def test_a_camera_that_is_not_there_has_no_pose(robot):
    """The text lists those that are."""
    env = robot("fetch-push")

    with pytest.raises(InvalidInputError, match=f"camera: expected one of {CAMERA}, .*got front"):
        env.pinhole("front", height=8, width=8)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (pictures_of("front", 8), f"expected cameras of {CAMERA}, gripper_camera_rgb, got 'front'"),
        (replace(points_of(CAMERA), shape=(512, 6)), r"expected float32 of shape \[P, 3\], got"),
        (replace(points_of(CAMERA), dtype="uint8"), r"float32 of shape \[P, 3\], got uint8 of"),
        (replace(pictures_of(CAMERA, 8), shape=(8, 8)), r"expected uint8 of shape \[h, w, 3\], "),
    ],
)
def test_what_no_camera_gives_is_refused(item, text):
    """Another camera, clouds with normals, other types."""
    with pytest.raises(ConfigError, match=text):
        view_of(item, FETCH)


def test_a_task_whose_crop_nobody_knows_has_no_clouds():
    """What is floor and what is object must be said once."""
    with pytest.raises(ConfigError) as caught:
        view_of(points_of(CAMERA), replace(FETCH, package="gymnasium"))

    assert str(caught.value) == (
        "points: expected a task of gymnasium-robotics, metaworld, ogbench, whose crop is known, "
        "got one of gymnasium"
    )


def test_policy_and_critic_share_a_camera_of_one_size():
    """It is rendered once; two sizes under one name cannot be sent."""
    vector = ObservationField(name="observation.state", dtype="float32", shape=(3,))
    item = pictures_of(CAMERA, 8)

    assert views_of([vector, item, item], FETCH) == (View(item, CAMERA),)
    with pytest.raises(ConfigError, match=r"one size for policy and critic, got \[8, 8, 3\] and"):
        views_of([item, pictures_of(CAMERA, 9)], FETCH)


def test_how_clouds_are_made_can_be_written_down():
    """As JSON: lists, numbers, and the size of the depth image."""
    tree = cloud_tree(FETCH)

    assert tree["low_m"] == list(CLOUDS[FETCH.package].low_m)
    assert (tree["num_points"], tree["depth_pixels"]) == (512, 128)
    assert set(CLOUDS) == {spec.package for spec in TASKS.values()}
