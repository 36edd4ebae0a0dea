"""Whose processor time an evaluation spends."""

import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.evaluator_load import Load, role_of

_SPIN = "import time; s = time.process_time()\nwhile time.process_time() - s < 0.4: pass\ninput()"


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["python", "-m", "sim.evaluation.worker"], "robots in simulation"),
        (["python", "-m", "sim.evaluate", "--cells", "x"], "receiver of rows"),
        (["python", "-m", "steer.serve.sources.lerobot_worker"], "policies"),
        (["python", "-m", "steer.cli", "serve"], "server and critics"),
        ([], "server and critics"),
    ],
)
def test_a_process_is_known_by_its_module(command, role):
    """Whatever its options are."""
    assert role_of(command) == role


def test_a_child_that_ended_still_counts():
    """What it spent until it was last seen."""
    with subprocess.Popen([sys.executable, "-c", _SPIN], stdin=subprocess.PIPE) as child:
        load = Load(psutil.Process(os.getpid()))
        load.sample()
        load.begin()
        before_s = load.spent_s()["server and critics"]
        while load.spent_s()["server and critics"] < before_s + 0.2:
            load.sample()
        child.communicate(b"\n")
    spent_s = load.spent_s()["server and critics"]
    load.sample()

    assert load.spent_s()["server and critics"] >= spent_s
    assert load.shares()["server and critics"] > 0
