"""`steer serve` as a process: its log, its signals, its exit codes."""

import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from steer.client import SteerClient
from steer.critics.artefact import save_critic
from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Candidates, Observation, Reason, Selection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

ROBOT = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=(ActionDim(name="x", scale=1.0, low=-5, high=5),),
    observations=(ObservationField(name="observation.state", dtype="float32", shape=(2,)),),
    mode="delta",
    frame="world",
    rotation="none",
    gripper="none",
)
OBSERVATION = Observation({"observation.state": np.zeros(2, np.float32)})
CANDIDATES = Candidates(np.linspace(-4, 4, 32, dtype=np.float32).reshape(8, 4, 1))


@pytest.fixture(scope="module")
def critic(tmp_path_factory):
    """A tiny critic on disk."""
    torch.manual_seed(0)
    network = NetworkConfig(encoder_hidden=8, context_dim=4, member_hidden=(8,))
    card = CriticCard(algorithm="iql", embodiment=ROBOT, horizon=3, network=network)
    directory = tmp_path_factory.mktemp("critics") / "reach"
    save_critic(Critic(card), directory)
    return directory


class Process:
    """A server in a process of its own, and what it has logged."""

    def __init__(self, *options):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "steer.cli", "serve", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.loaded, self._serving = threading.Event(), threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            if "loaded critic" in line:
                self.loaded.set()
            if "serving address=" in line:
                self._serving.set()
        self.loaded.set()
        self._serving.set()

    def address(self):
        """Wait for the address in the log."""
        assert self._serving.wait(60)
        return re.search(r"serving address=(\S+)", self.lines[-1]).group(1)

    def end(self, *signals):
        """Send signals and return the exit code."""
        for number in signals:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self._reader.join(5)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)
        self.process.stderr.close()


def test_a_server_says_where_it_is_serves_and_stops_on_ctrl_c_with_130(critic):
    """Port 0 is resolved in the log; a second server on the port is one line and exit code 2."""
    with Process("--critic", str(critic), "--listen", "127.0.0.1:0") as server:
        address = server.address()
        with SteerClient(address) as client:
            client.open_session(ROBOT, selection=Selection(gated=False))
            decision = client.rank(OBSERVATION, CANDIDATES, budget_s=10)
        with Process("--critic", str(critic), "--listen", address) as second:
            second_code = second.end()
        code = server.end(signal.SIGINT)

    assert (code, second_code) == (130, 2)
    assert decision.reason is Reason.UNGATED
    assert "stopping drain_s=5" in "".join(server.lines)
    refusal = f"steer: error: --listen: expected a free address of this machine, got '{address}'"
    assert refusal in "".join(second.lines)
    assert "Traceback" not in "".join(server.lines + second.lines)


def test_a_server_stopped_while_it_starts_leaves_no_traceback(critic):
    """Ctrl-C during the loading is 130 too."""
    with Process("--critic", str(critic), "--listen", "127.0.0.1:0") as server:
        while not any("loaded critic" in line for line in server.lines):
            assert server.process.poll() is None
        found = server.end(signal.SIGINT)

    assert found == 130
    assert "Traceback" not in "".join(server.lines)


def test_a_critic_that_is_not_there_is_one_line_and_exit_code_2(tmp_path):
    """With the path."""
    with Process("--critic", str(tmp_path / "no"), "--listen", "127.0.0.1:0") as server:
        code = server.end()

    assert code == 2
    assert re.search(r"steer: error: .*no/card\.json: cannot be read", "".join(server.lines))
    assert "Traceback" not in "".join(server.lines)


def test_many_robots_at_once_are_all_answered_alike(critic):
    """Eight clients, each with requests of its own; every reply is that of a quiet server."""

    def ask(address, seed):
        with SteerClient(address) as client:
            client.open_session(ROBOT, selection=Selection(selector="softmax", gated=False))
            return [
                client.rank(OBSERVATION, CANDIDATES, budget_s=20, noise_seed=seed + n).index
                for n in range(20)
            ]

    with Process("--critic", str(critic), "--listen", "127.0.0.1:0") as server:
        address = server.address()
        alone = [ask(address, seed) for seed in range(8)]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda seed: ask(address, seed), range(8)))
        code = server.end(signal.SIGTERM)

    assert together == alone
    assert code == 0  # SIGTERM is an orderly end


def test_a_client_of_a_server_that_went_runs_candidate_0_and_steers_again_after_a_restart(critic):
    """Nothing in a session is lost that the client cannot rebuild."""
    options = ("--critic", str(critic), "--listen")
    with Process(*options, "127.0.0.1:0") as server:
        address = server.address()
        client = SteerClient(address)
        client.open_session(ROBOT, selection=Selection(gated=False))
        server.end(signal.SIGKILL)
    with client:
        gone = client.rank(OBSERVATION, CANDIDATES, budget_s=2)
        with Process(*options, address) as server:
            server.address()
            back = [client.rank(OBSERVATION, CANDIDATES, budget_s=5) for _ in range(10)][-1]

    assert (gone.index, gone.reason) == (0, Reason.UNREACHABLE)
    assert back.reason is Reason.UNGATED
