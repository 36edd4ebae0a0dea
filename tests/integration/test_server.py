"""`steer serve` as a process: its log, its signals, its exit codes."""

import re
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.critics.artefact import save_critic
from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Candidates, Observation, Reason, Selection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

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


def test_a_server_says_where_it_is_serves_and_stops_on_ctrl_c_with_130(critic, steer_serve):
    """Port 0 is resolved in the log; a second server on the port is one line and exit code 2."""
    with steer_serve("--critic", str(critic), "--listen", "127.0.0.1:0") as server:
        address = server.address()
        with SteerClient(address) as client:
            client.open_session(ROBOT, selection=Selection(gated=False))
            decision = client.rank(OBSERVATION, CANDIDATES, budget_s=10)
        with steer_serve("--critic", str(critic), "--listen", address) as second:
            second_code = second.end()
        code = server.end(signal.SIGINT)

    assert (code, second_code) == (130, 2)
    assert decision.reason is Reason.UNGATED
    assert "stopping drain_s=5" in "".join(server.lines)
    refusal = f"steer: error: --listen: expected a free address of this machine, got '{address}'"
    assert refusal in "".join(second.lines)
    assert "Traceback" not in "".join(server.lines + second.lines)


def test_a_server_stopped_while_it_starts_leaves_no_traceback(critic, steer_serve):
    """Ctrl-C during the loading is 130 too."""
    with steer_serve("--critic", str(critic), "--listen", "127.0.0.1:0") as server:
        while not any("loaded critic" in line for line in server.lines):
            assert server.process.poll() is None
        found = server.end(signal.SIGINT)

    assert found == 130
    assert "Traceback" not in "".join(server.lines)


def test_a_critic_that_is_not_there_is_one_line_and_exit_code_2(tmp_path, steer_serve):
    """With the path."""
    with steer_serve("--critic", str(tmp_path / "no"), "--listen", "127.0.0.1:0") as server:
        code = server.end()

    assert code == 2
    assert re.search(r"steer: error: .*no/card\.json: cannot be read", "".join(server.lines))
    assert "Traceback" not in "".join(server.lines)


def test_many_robots_at_once_are_all_answered_alike(critic, steer_serve):
    """Eight clients, each with requests of its own; every reply is that of a quiet server."""

    def ask(address, seed):
        with SteerClient(address) as client:
            client.open_session(ROBOT, selection=Selection(selector="softmax", gated=False))
            return [
                client.rank(OBSERVATION, CANDIDATES, budget_s=20, noise_seed=seed + n).index
                for n in range(20)
            ]

    with steer_serve("--critic", str(critic), "--listen", "127.0.0.1:0") as server:
        address = server.address()
        alone = [ask(address, seed) for seed in range(8)]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda seed: ask(address, seed), range(8)))
        code = server.end(signal.SIGTERM)

    assert together == alone
    assert code == 0  # SIGTERM is an orderly end


def test_a_client_of_a_server_that_went_runs_candidate_0_and_steers_again_after_a_restart(
    critic, steer_serve
):
    """Nothing in a session is lost that the client cannot rebuild."""
    options = ("--critic", str(critic), "--listen")
    with steer_serve(*options, "127.0.0.1:0") as server:
        address = server.address()
        client = SteerClient(address)
        client.open_session(ROBOT, selection=Selection(gated=False))
        server.end(signal.SIGKILL)
    with client:
        gone = client.rank(OBSERVATION, CANDIDATES, budget_s=2)
        with steer_serve(*options, address) as server:
            server.address()
            for _ in range(50):  # the channel tries again every half second at the latest
                back = client.rank(OBSERVATION, CANDIDATES, budget_s=5)
                if back.reason is not Reason.UNREACHABLE:
                    break
                MonotonicClock().sleep(0.1)

    assert (gone.index, gone.reason) == (0, Reason.UNREACHABLE)
    assert back.reason is Reason.UNGATED


def test_a_server_that_is_stopped_is_late_and_after_it_goes_on_its_late_answers_are_not_run(
    critic, steer_serve
):
    """SIGSTOP: the kernel takes the bytes, nobody answers; then every reply is to its own call."""
    clock = MonotonicClock()
    options = ("--critic", str(critic), "--listen", "127.0.0.1:0")
    with steer_serve(*options) as server, SteerClient(server.address()) as client:
        client.open_session(ROBOT, selection=Selection(gated=False))
        client.rank(OBSERVATION, CANDIDATES, budget_s=20)
        server.process.send_signal(signal.SIGSTOP)
        start_s = clock.now_s()
        hung = [client.rank(OBSERVATION, CANDIDATES, budget_s=0.1) for _ in range(5)]
        duration_s = clock.now_s() - start_s
        server.process.send_signal(signal.SIGCONT)
        back = client.rank(OBSERVATION, CANDIDATES, budget_s=20)

    assert {(item.index, item.reason) for item in hung} == {(0, Reason.LATE)}
    assert duration_s < 5
    assert (back.reason, back.sequence) == (Reason.UNGATED, 7)
