"""A small robot and a small critic for it."""

import pytest
import torch

from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ActionDim, Embodiment, ObservationField


@pytest.fixture
def card():
    """Three members that score two actions of two dimensions; only the first has a range."""
    body = Embodiment(
        name="arm",
        control_hz=20.0,
        actions=(ActionDim(name="dx", low=-1.0, high=1.0), ActionDim(name="free")),
        observations=(
            ObservationField(name="observation.state", dtype="float32", shape=(3,)),
            ObservationField(name="observation.environment_state", dtype="float32", shape=(2,)),
        ),
    )
    network = NetworkConfig(encoder_hidden=8, context_dim=6, member_hidden=(8, 8))
    return CriticCard(algorithm="iql", embodiment=body, horizon=2, num_members=3, network=network)


@pytest.fixture
def critic(card):
    """A critic with random weights, the same in each test."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Critic(card).eval().requires_grad_(requires_grad=False)


@pytest.fixture
def observations():
    """Four observations of the robot."""
    generator = torch.Generator().manual_seed(1)
    return {
        "observation.state": torch.randn(4, 3, generator=generator),
        "observation.environment_state": torch.randn(4, 2, generator=generator),
    }


@pytest.fixture
def chunks():
    """Five candidates of three actions for each observation."""
    return torch.randn(4, 5, 3, 2, generator=torch.Generator().manual_seed(2)) / 3
