"""What an import brings with it: a lint sees text, this sees what is loaded."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys, time
start_s = time.monotonic()
import {module}
duration_s = time.monotonic() - start_s
print(json.dumps([duration_s, sorted({{name.split(".")[0] for name in sys.modules}})]))
"""


def fresh_import(module):
    """Import `module` in a new process; return the seconds that it took, and what was loaded."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT.format(module=module)],
        capture_output=True,
        text=True,
        check=True,
    )
    duration_s, loaded = json.loads(done.stdout.splitlines()[-1])
    return duration_s, set(loaded)


@pytest.mark.slow
@pytest.mark.parametrize("module", ["steer.client", "steer.decision_log"])
def test_the_robot_side_loads_nothing_heavy(module, record_property):
    """A robot imports client and log in a moment, without torch, a simulator or lerobot."""
    duration_s, loaded = fresh_import(module)

    record_property("import_s", duration_s)
    assert loaded.isdisjoint({"torch", "mujoco", "lerobot", "open3d", "pandas", "PIL"})
    # Under 1 s on an idle machine (results/demo.json has the figure); tests share theirs.
    assert duration_s < 5.0


@pytest.mark.slow
@pytest.mark.parametrize("module", ["sim.tasks", "sim.evaluate", "sim.experts"])
def test_the_simulation_loads_no_deep_learning_library(module):
    """The simulated robots are as light as real ones: they reach the policy over the wire alone."""
    _, loaded = fresh_import(module)

    assert loaded.isdisjoint({"torch", "lerobot"})


def test_the_package_itself_loads_nothing():
    """`import steer` has no effect but a name and a version."""
    _, loaded = fresh_import("steer")

    assert loaded.isdisjoint({"numpy", "grpc", "google", "torch"})
