"""A critic that may not be steep."""

import numpy as np
import pytest
import torch

from steer.critics.card import DatasetSummary
from steer.errors import ConfigError
from steer.train.fit import make_trainer
from steer.train.regularisers import steepness
from steer.train.targets import build_chunks


@pytest.fixture
def make(corridor, small_config):
    """Return a maker of learners and trainers in the corridor."""

    def made(**options):
        torch.manual_seed(0)
        some = {"steps": 40, "batch_size": 32, "learning_rate": 0.05}
        config = small_config(**{**some, "algorithm": "sarsa", **options})
        chunks = build_chunks(corridor, horizon=2, discount=0.8, worst=-5.0)
        return make_trainer(config, corridor, chunks, DatasetSummary())

    return made


def steepness_of(learner, trainer, seed=0):
    """Return how steep the learner's critic is."""
    with torch.no_grad():
        return steepness(learner.critic, trainer._batches.of(0), seed=seed).item()


def test_a_penalty_makes_values_less_steep(make):
    """And they still learn."""
    free, held = make(), make(lipschitz=1000.0)
    for _, trainer in (free, held):
        for step in range(40):
            last = trainer.step(step)

    assert steepness_of(*held) < 0.5 * steepness_of(*free)
    assert np.isfinite(last["critic"].item())


def test_a_critic_that_does_not_look_at_actions_is_flat(make):
    """Its first layer's weights of the chunk are zero."""
    learner, trainer = make()
    with torch.no_grad():
        learner.critic.members.chunk.weight_KIO.zero_()

    assert steepness_of(learner, trainer) == 0.0


def test_it_depends_on_the_step_alone(make):
    """A run that goes on is the same bit for bit."""
    learner, trainer = make()
    torch.manual_seed(5)
    first = steepness_of(learner, trainer, seed=3)
    torch.manual_seed(6)

    assert steepness_of(learner, trainer, seed=3) == first
    assert steepness_of(learner, trainer, seed=4) != first


def test_without_a_weight_nothing_is_computed(make, monkeypatch):
    """The default costs nothing."""
    monkeypatch.setattr("steer.train.trainer.steepness", None)
    _, trainer = make()

    assert "steepness" not in trainer.step(0)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(small_config, weight):
    """With what would be one."""
    with pytest.raises(ConfigError, match="--lipschitz: expected a finite number >= 0"):
        small_config(lipschitz=weight)
