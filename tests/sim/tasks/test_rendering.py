"""Pictures, and what is said where none can be made. OpenGL is chosen when a process starts."""

import json
import os
import subprocess
import sys

import pytest

from sim.tasks import TASKS, make
from steer.errors import InvalidInputError

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cameras")]

_RENDER = """
import sys
from sim.tasks import NoRendererError, make
env = make("push")
env.reset(1)
try:
    picture = env.render("corner3", height=48, width=64)
except NoRendererError as error:
    sys.stdout.write(f"refused: {error}")
else:
    again = env.render("corner3", height=48, width=64)
    same, lit = (picture == again).all(), 20 < picture.mean() < 235
    sys.stdout.write(f"{picture.dtype} {picture.shape} {same} {lit}")
env.close()
"""

_ALL_CAMERAS = """
import json, sys
import numpy as np
from sim.tasks import TASKS, NoRendererError, make
def look(env, camera):
    picture = env.render(camera, height=25, width=33)
    depth = env.depth(camera, height=25, width=33)
    return {
        "picture": [picture.dtype.name, picture.shape],
        "depth": [depth.dtype.name, depth.shape],
        "is_lit": bool(picture.mean() > 10),
        "is_distance": bool(np.isfinite(depth).all() and depth.min() > 0),
        "middle_m": round(float(depth[12, 16]), 2),
    }
def look_around(name):
    env = make(name)
    env.reset(1)
    seen = {camera: look(env, camera) for camera in env.spec.cameras}
    env.close()
    return seen
try:
    sys.stdout.write(json.dumps({name: look_around(name) for name in TASKS}))
except NoRendererError as error:
    sys.stdout.write(f"refused: {error}")
"""


def _run(gl, program=_RENDER):
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MUJOCO_GL")}
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
        env={**environment, "MUJOCO_GL": gl},
    ).stdout


def test_a_picture_has_the_size_asked_for():
    """It shows something, and the same twice; skipped where there is no software OpenGL."""
    answer = _run("egl")
    if answer.startswith("refused"):
        pytest.skip(answer)

    assert answer == "uint8 (48, 64, 3) True True"


@pytest.fixture(scope="module")
def seen():
    """Return what every camera of every task shows."""
    answer = _run("egl", _ALL_CAMERAS)
    if answer.startswith("refused"):
        pytest.skip(answer)
    return json.loads(answer)


@pytest.mark.parametrize("name", TASKS)
def test_every_camera_shows_the_scene_and_how_far_it_is(seen, name):
    """Pictures are lit, and every distance is a finite number of metres above zero."""
    for camera in TASKS[name].cameras:
        found = seen[name][camera]
        assert found["picture"] == ["uint8", [25, 33, 3]]
        assert found["depth"] == ["float32", [25, 33]]
        assert found["is_lit"]
        assert found["is_distance"]


def test_distances_are_metres_along_the_axis_of_the_camera(seen):
    """This one hangs a metre and a half above the table, says the package's scene."""
    assert seen["push"]["topview"]["middle_m"] == 1.5


def test_a_machine_that_cannot_render_is_told_what_to_do():
    """Without a display and without a choice of OpenGL."""
    assert _run("").startswith(
        "refused: render: expected a working OpenGL (start the process with MUJOCO_GL=egl"
    )


def test_an_unknown_camera_is_refused_before_opengl_is_needed():
    """The text lists the cameras that there are."""
    env = make("cube-single")
    env.reset(1)

    with pytest.raises(
        InvalidInputError, match=r"^camera: expected one of front_pixels, front, got side$"
    ):
        env.render("side", height=8, width=8)
