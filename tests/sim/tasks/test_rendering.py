"""Pictures, and what is said where none can be made. OpenGL is chosen when a process starts."""

import os
import subprocess
import sys

import pytest

from sim.tasks import make
from steer.errors import InvalidInputError

pytestmark = pytest.mark.slow

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


def _run(gl):
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "MUJOCO_GL")}
    command = [sys.executable, "-c", _RENDER]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
        env={**environment, "MUJOCO_GL": gl},
    ).stdout


def test_a_picture_has_the_size_asked_for():
    """It shows something, and the same twice; skipped where there is no software OpenGL."""
    answer = _run("egl")
    if answer.startswith("refused"):
        pytest.skip(answer)

    assert answer == "uint8 (48, 64, 3) True True"


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
