"""DQC with a value after every action of the run chunk."""

import pytest
import torch

from steer.critics.card import DatasetSummary, NetworkConfig
from steer.train.algorithms.base import Learner
from steer.train.algorithms.dqc import DqcConfig
from steer.train.fit import make_trainer
from steer.train.targets import build_chunks

TOKENS = NetworkConfig(encoder_hidden=16, context_dim=8, kind="transformer", width=16)


@pytest.fixture
def made(corridor, small_config):
    """A learner of chunks of two actions from chunks of three, and a batch."""
    options = DqcConfig(long_horizon=3, optimism=0.9)
    config = small_config(algorithm="dqc", dqc=options, network=TOKENS)
    chunks = build_chunks(corridor, horizon=3, discount=0.8, worst=-5.0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        learner, trainer = make_trainer(config, corridor, chunks, DatasetSummary())
    return learner, trainer._batches.of(0)


def test_each_prefix_is_weighed_by_its_own_value(made, monkeypatch):
    """What the long critic says is good news for one prefix and bad news for another."""
    (learner, batch), regress, given = made, Learner.regress, {}

    def noted(self, *arguments, **named):
        given.update(named if "weight_KBP" in named else {})
        return regress(self, *arguments, **named)

    monkeypatch.setattr(Learner, "regress", noted)
    learner.loss(batch)

    chunk_B1HA = batch.chunks_BHA.unsqueeze(1)
    with torch.no_grad():
        long_KB1 = learner.long.score(learner.long.embed(batch.observations), chunk_B1HA)
        context_BD = learner.target.embed(batch.observations)
        prefix_KBP = learner.target.score_prefixes(context_BD, chunk_B1HA).squeeze(2)
    is_above = long_KB1 > prefix_KBP
    assert given["weight_KBP"].shape == (2, 16, 2)
    assert torch.equal(given["weight_KBP"], torch.where(is_above, 1.8, 2 * (1 - 0.9)))
    assert (is_above[..., 0] != is_above[..., 1]).any()


def test_weights_count_prefix_by_prefix(made):
    """A prefix without weight is not learnt, whatever the other one weighs."""
    learner, batch = made
    target_KB, weight_KBP = batch.monte_carlo_B.expand(2, -1), torch.zeros(2, 16, 2)
    weight_KBP[..., 1] = 2.0

    last = learner.regress(batch, target_KB, weight_KBP=weight_KBP)

    logits = learner.critic.logits(
        learner.critic.embed(batch.observations), batch.chunks_BHA.unsqueeze(1)
    )[:, :, 0, 1]
    head = learner.critic.head
    expected = head.loss(logits, head.target(target_KB)).mean(1).sum()
    torch.testing.assert_close(last, expected)
