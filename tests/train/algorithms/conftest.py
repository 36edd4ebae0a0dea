"""A corridor learnt to the end, and what dynamic programming says of it."""

import numpy as np
import pytest
import torch

from steer.critics.artefact import load_critic
from steer.critics.card import NetworkConfig
from steer.train.config import TrainConfig
from steer.train.run import train

GAMMA = 0.8


@pytest.fixture
def learn(corridor, write_dataset, tmp_path):
    """Return a function that trains on the corridor and reads values of chunks.

    It returns values float32 [K, cells, N] of chunks [N, H], in every cell.
    """

    def run(chunks, **options):
        plain = {
            "steps": 700,
            "batch_size": 128,
            "num_members": 2,
            "discount": GAMMA,
            "learning_rate": 3e-3,
            "target_rate": 0.05,
            "holdout": 0.0,
            "log_every": 700,
            "save_every": 700,
            "network": NetworkConfig(encoder_hidden=32, context_dim=16, member_hidden=(32, 32)),
        }
        config = TrainConfig(
            dataset=(str(write_dataset(corridor)),),
            output=tmp_path / "critic",
            horizon=len(chunks[0]),
            **{"reward_per": "tick", **plain, **options},
        )
        threads = torch.get_num_threads()
        train(config)
        torch.set_num_threads(threads)
        critic = load_critic(config.output)
        cells = corridor.observations["observation.state"].shape[1]
        context = critic.embed({"observation.state": torch.eye(cells)})
        candidates = torch.tensor(chunks, dtype=torch.float32)[None, :, :, None]
        return critic.score(context, candidates.expand(cells, -1, -1, -1)).numpy()

    return run


@pytest.fixture
def exact(corridor):
    """Values of one action, right and left, under the walker that recorded: float [cells, 2]."""
    state = corridor.observations["observation.state"].argmax(1)
    cells = corridor.observations["observation.state"].shape[1]
    right = np.array([(corridor.actions[state == cell] > 0).mean() for cell in range(cells)])
    value = np.zeros(cells + 1)
    for _ in range(200):
        onward = np.where(np.arange(cells) == cells - 1, 0.0, -1 + GAMMA * value[1:])
        back = -1 + GAMMA * value[np.maximum(np.arange(cells) - 1, 0)]
        value[:-1] = right * onward + (1 - right) * back
    return np.stack([onward, back], axis=1)
