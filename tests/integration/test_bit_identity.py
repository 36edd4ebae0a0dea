"""Candidate 0 over the whole way is LeRobot's own chunk, bit for bit."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.numpy import load_file

from steer.client import SteerClient
from steer.critics.artefact import save_critic
from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Observation, Reason, Selection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500), pytest.mark.xdist_group("lerobot")]

SOURCES = Path(__file__).parents[1] / "serve" / "sources"
SEED = 7  # of the reference
ROBOT = Embodiment(
    name="arm",
    control_hz=10.0,
    actions=tuple(ActionDim(name=f"x{n}") for n in range(4)),
    observations=(
        ObservationField(name="observation.state", dtype="float32", shape=(4,)),
        ObservationField(name="observation.environment_state", dtype="float32", shape=(6,)),
    ),
)
MAKE = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import make_checkpoints
make_checkpoints.POLICIES = {"diffusion": make_checkpoints.POLICIES["diffusion"]}
make_checkpoints.main()
"""


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A checkpoint; and observations and chunk of LeRobot itself, in a process without us."""
    root = tmp_path_factory.mktemp("checkpoints")
    subprocess.run(
        [sys.executable, "-c", MAKE, str(SOURCES), str(root)], check=True, capture_output=True
    )
    arrays = load_file(root / "diffusion.reference.safetensors")
    chunk = arrays.pop("chunk")[0]
    count = len(arrays["observation.state"])
    history = [Observation({k: v[n] for k, v in arrays.items()}) for n in range(count)]
    return root / "diffusion", history, chunk


@pytest.fixture(scope="module")
def critic(tmp_path_factory):
    """A critic of the same robot that scores the first three actions."""
    torch.manual_seed(0)
    network = NetworkConfig(encoder_hidden=8, context_dim=4, member_hidden=(8,))
    card = CriticCard(algorithm="iql", embodiment=ROBOT, horizon=3, network=network)
    directory = tmp_path_factory.mktemp("critics") / "reach"
    save_critic(Critic(card), directory)
    return directory


def test_a_chunk_that_steering_does_not_override_is_lerobot_s_own(steer_serve, critic, reference):
    """N = 1, and N = 16 with nothing that beats the margin, are the reference bit for bit."""
    checkpoint, history, chunk = reference
    options = ("--critic", str(critic), "--policy", f"noise=lerobot:{checkpoint}")
    with (
        steer_serve(*options, "--listen", "127.0.0.1:0") as server,
        SteerClient(server.address()) as client,
    ):
        client.open_session(ROBOT, selection=Selection(margin=1e6))
        alone = client.steer(history, num_candidates=1, noise_seed=SEED, budget_s=30)
        gated = client.steer(
            history, num_candidates=16, noise_seed=SEED, budget_s=30, return_candidates=True
        )
        ranked = client.rank(history[-1], gated.candidates, budget_s=30)
        client.open_session(ROBOT, selection=Selection(gated=False))
        steered = client.steer(history, num_candidates=16, noise_seed=SEED, budget_s=30)

    assert (alone.reason, gated.reason, ranked.reason) == (
        Reason.SINGLE,
        Reason.MARGIN,
        Reason.MARGIN,
    )
    for decision in (alone, gated, ranked):
        assert decision.chunk.tobytes() == chunk.tobytes()
    assert steered.index == gated.scores.argmax()
    assert steered.chunk.tobytes() == gated.candidates.actions[steered.index].tobytes()
