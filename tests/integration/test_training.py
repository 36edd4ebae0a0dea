"""Data, `steer train`, `steer audit` and `steer serve` after one another, as their users run them.

The critic is a plain Q-function: its chunk is one action.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.suite import policy_path
from sim.tasks import TASKS
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.critics.artefact import load_critic
from steer.types import Candidates, Observation, Selection

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("training"),
]

NUM_STEPS = 300


def start(*words):
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def interrupt(process, is_due):
    """Press Ctrl-C as soon as it is due; return the exit code and what was said."""
    clock = MonotonicClock()
    deadline_s = clock.now_s() + 200
    while not is_due():
        assert process.poll() is None, process.communicate()[0]
        assert clock.now_s() < deadline_s
        clock.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=100)[0]
    return process.returncode, said


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Twenty episodes of push, about half of which fail."""
    root = tmp_path_factory.mktemp("training") / "data"
    words = ("--task", "push", "--root", root, "--episodes", 20, "--noise", "0.3:1", "0.6:1")
    process = start("sim.collect", *words)
    said = process.communicate(timeout=200)[0]
    assert process.returncode == 0, said
    return root


@pytest.fixture(scope="module")
def training(dataset):
    """A run that Ctrl-C stopped after its first state and `--resume` finished; what it said."""
    output = dataset.with_name("critic")
    words = ("--dataset", dataset, "--output", output, "--horizon", 1, "--steps", NUM_STEPS)
    command = ("steer.cli", "train", *words, "--save-every", 20, "--holdout", 0.5, "--resume")
    state = dataset.with_name("critic-training") / "state.safetensors"
    code, said = interrupt(start(*command), state.exists)
    was_there = output.exists()
    process = start(*command)
    rest = process.communicate(timeout=300)[0]
    assert process.returncode == 0, rest
    return output, code, said, was_there


def test_training_that_is_stopped_says_so_and_goes_on(training):
    """Exit code 130, no traceback, no critic; the same command then finishes it."""
    output, code, said, was_there = training

    assert (code, was_there) == (130, False)
    assert said.splitlines()[-1] == "steer: stopped"
    assert "Traceback" not in said
    assert load_critic(output).card.horizon == 1
    assert not list(output.parent.rglob("*.partial"))


def test_an_audit_asks_the_policy_for_the_candidates(training, dataset):
    """Stopped it leaves nothing half-written; whole, its numbers are in file, picture and card."""
    output, home = training[0], dataset.with_name("audit")
    words = ("--critic", output, "--dataset", dataset, "--output", home, "--num-states", 8)
    policy = f"lerobot:{policy_path('diffusion-push')}"
    command = ("steer.cli", "audit", *words, "--policy", policy)

    stopped = start(*command)
    children = Path(f"/proc/{stopped.pid}/task/{stopped.pid}/children")
    code, said = interrupt(stopped, children.read_text)  # the policy's worker is one
    before = list(home.rglob("*"))
    process = start(*command)
    rest = process.communicate(timeout=300)[0]

    assert (code, before) == (130, [])
    assert "Traceback" not in said
    assert process.returncode in (0, 1), rest  # So few episodes decide nothing.
    found = json.loads((home / "audit.json").read_text())
    assert found["candidates"] == f"drawn from {policy}"
    assert (home / "audit.png").stat().st_size > 1000
    assert load_critic(output).card.audit == found
    assert rest.splitlines()[-1] == f"picture: {home / 'audit.png'}"


def test_a_critic_of_one_action_ranks_what_a_robot_brings(training, steer_serve, rng):
    """The longer chunks that it is asked about are judged by their first action alone."""
    chunks = rng.uniform(-1, 1, (8, 4, 4)).astype(np.float32)
    tails = chunks.copy()
    tails[:, 1:] = 0
    state, scene = np.zeros(4, np.float32), np.zeros(39, np.float32)
    observation = Observation({"observation.state": state, "observation.environment_state": scene})

    with steer_serve("--critic", str(training[0]), "--listen", "127.0.0.1:0") as server:
        with SteerClient(server.address()) as client:
            client.open_session(TASKS["push"].embodiment, selection=Selection(gated=False))
            found = [
                client.rank(observation, Candidates(item), budget_s=10) for item in (chunks, tails)
            ]
        server.end(signal.SIGTERM)

    assert found[0].commit_horizon == 1
    assert found[0].values.std() > 0
    np.testing.assert_array_equal(found[0].values, found[1].values)
