"""`sim` is a pure client of the wire: a robot needs neither torch nor lerobot."""

import subprocess
import sys

import pytest

_PROGRAM = """
import importlib, pathlib, sys
import sim
root = pathlib.Path(sim.__file__).parent
for path in sorted(root.rglob("*.py")):
    name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
    if not name.startswith(("sim.policies", "sim.bank")) and path.name != "__init__.py":
        importlib.import_module(name)
from sim.experts import make_expert
from sim.tasks import TASKS, make
for spec in {spec.package: spec for spec in TASKS.values()}.values():
    env, expert = make(spec.name), make_expert(spec)
    observation = env.reset(1)
    expert.begin(env, 1)
    expert.act(observation)
heavy = {"torch", "lerobot", "steer.critics", "steer.rank", "steer.train", "steer.serve"}
sys.stdout.write(" ".join(sorted(heavy & set(sys.modules))))
"""


@pytest.mark.slow
def test_simulated_robots_load_no_deep_learning_library():
    """In a fresh process, with all modules but `sim.policies` and `sim.bank`, and all packages."""
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )

    assert (result.returncode, result.stdout) == (0, ""), result.stderr
