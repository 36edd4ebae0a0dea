"""Which OpenGL MuJoCo shall draw with: it chooses when it is imported, so nothing here imports it.

Each is tried in a process of its own: one that is not there breaks the import of MuJoCo itself.
"""

import os
import subprocess
import sys
from collections.abc import Sequence

from steer.errors import ConfigError

__all__ = ["candidates", "choose"]

_TRIAL_S = 60.0
_TRIAL = """
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco/>")
with mujoco.Renderer(model, 8, 8) as renderer:
    renderer.update_scene(mujoco.MjData(model))
    renderer.render()
"""


def candidates() -> Sequence[str]:
    """Return values of MUJOCO_GL to try, best first: the user's own choice alone, if any."""
    chosen = os.environ.get("MUJOCO_GL")
    if chosen:
        return (chosen,)
    return ("cgl",) if sys.platform == "darwin" else ("egl", "osmesa")


def choose() -> str:
    """Return the first of `candidates` that works on this machine.

    Raises:
        ConfigError: None does; the text has the last line of each one's complaint.
    """
    complaints = []
    for name in candidates():
        complaint = _complaint(name)
        if complaint is None:
            return name
        complaints.append(f"{name} ({complaint})")
    raise ConfigError(
        "MUJOCO_GL: expected an OpenGL that can draw without a display (on Debian: apt-get install "
        f"libegl1 libgl1-mesa-dri), got {', '.join(complaints)}"
    )


def _complaint(name: str) -> str | None:
    """Return the last line that a trial says, or None where it draws."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _TRIAL],
            env={**os.environ, "MUJOCO_GL": name},
            capture_output=True,
            text=True,
            timeout=_TRIAL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no picture within {_TRIAL_S:g} s"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
