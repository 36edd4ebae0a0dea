"""What a critic is told in training: its own instruction, and now and then another's."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.critics.encoders.language import hash_text
from steer.critics.encoding import INSTRUCTION
from steer.errors import DatasetError
from steer.train.algorithms.base import Learner
from steer.train.batches import Batches
from steer.train.targets import build_chunks
from steer.train.tasks import Tasks

TEXTS = ("walk on", "run on")
NETWORK = NetworkConfig(encoder_hidden=8, context_dim=6, member_hidden=(8,), language_dim=12)


class Choosy(Learner):
    """Asks for logged candidates and what came of them."""

    num_candidates = 3
    needs_returns = True


@pytest.fixture
def episodes(make_episodes):
    """Six episodes of two tasks."""
    found = make_episodes([6, 5, 7, 6, 8, 5], [True, True, False] * 2)
    of = np.array([0, 0, 0, 1, 1, 1])
    return replace(found, tasks=Tasks(names=("walk", "run"), instructions=TEXTS, of=of))


@pytest.fixture
def batches(episodes, small_config):
    """Return batches of these or other episodes, and the rows that each step sees."""

    def make(share=None, *, data=episodes, kind=Learner, network=NETWORK, **options):
        config = small_config(
            batch_size=32,
            network=network,
            task=("walk", "run"),
            other_instructions=share,
            **options,
        )
        chunks = build_chunks(
            data, horizon=2, discount=config.tick_discount, worst=config.head_config.v_min
        )
        card = CriticCard(
            algorithm="iql", embodiment=data.embodiment, horizon=2, network=config.network
        )
        learner = kind(Critic(card), target_rate=0.5)
        return Batches(chunks, data, config, learner)

    return make


def told_by(batch):
    """Return which of the two instructions each row is shown with."""
    vectors = torch.from_numpy(np.stack([hash_text(text, 12) for text in TEXTS]))
    return (batch.observations[INSTRUCTION] @ vectors.T).argmax(1)


def own_of(batch, episodes):
    """Return which instruction each row was recorded under, by its state."""
    owner = np.repeat(episodes.tasks.of, episodes.end - episodes.start)
    states = torch.from_numpy(episodes.observations["observation.state"])
    rows = torch.cdist(batch.observations["observation.state"], states).argmin(1)
    return torch.from_numpy(owner)[rows]


def test_every_row_knows_its_own_instruction(batches, episodes):
    """In the observation and in the one after the chunk."""
    batch = batches(0.0).of(3)

    assert torch.equal(told_by(batch), own_of(batch, episodes))
    assert set(told_by(batch).tolist()) == {0, 1}
    assert torch.equal(batch.observations[INSTRUCTION], batch.next_observations[INSTRUCTION])


def test_a_share_of_each_batch_is_told_otherwise_and_has_failed_for_ever(batches, episodes):
    """Exactly that share; nothing else of the batch is another."""
    plain, mixed = batches(0.0).of(3), batches(0.25).of(3)

    other = told_by(mixed) != own_of(mixed, episodes)
    assert other.tolist() == [True] * 8 + [False] * 24
    worst = torch.full((8,), -5.0)  # -1 a tick for ever, at a discount of 0.8
    for name in ("reward_B", "monte_carlo_B"):
        torch.testing.assert_close(getattr(mixed, name)[:8], worst)
        assert torch.equal(getattr(mixed, name)[8:], getattr(plain, name)[8:])
    assert mixed.bootstrap_B[:8].tolist() == [0.0] * 8
    assert torch.equal(mixed.chunks_BHA, plain.chunks_BHA)
    state = "observation.state"
    assert torch.equal(mixed.observations[state], plain.observations[state])


def test_of_two_tasks_the_share_has_a_default_and_of_one_it_is_none(batches, episodes):
    """Two instructions of one task are no other task's."""
    alone = replace(episodes, tasks=replace(episodes.tasks, names=("walk", "walk")))

    mixed, same = batches().of(0), batches(data=alone).of(0)

    assert (told_by(mixed) != own_of(mixed, episodes)).any()
    assert torch.equal(told_by(same), own_of(same, episodes))


def test_which_row_is_told_what_follows_from_seed_and_step(batches):
    """A run that goes on sees what it would have seen."""
    first, again = batches(0.5).of(7), batches(0.5).of(7)

    assert torch.equal(first.observations[INSTRUCTION], again.observations[INSTRUCTION])


def test_what_came_of_other_candidates_has_failed_too(batches):
    """Where it is known; so nothing is learnt from their order."""
    mixed = batches(0.5, kind=Choosy).of(0)

    assert torch.equal(mixed.candidate_return_BN[:16], torch.full((16, 3), -5.0))
    assert (mixed.candidate_return_BN[16:] > -5.0).any()


def test_one_task_is_told_too(batches, make_episodes):
    """A critic that reads an instruction gets it, whoever else it learns from."""
    one = make_episodes([6, 5], [True, False])

    batch = batches(data=one).of(0)

    expected = torch.from_numpy(hash_text("walk to the right", 12)).expand(32, -1)
    assert torch.equal(batch.observations[INSTRUCTION], expected)
    with pytest.raises(DatasetError, match="an instruction, which the critic reads, got none"):
        batches(data=replace(one, instruction=""))


def test_a_critic_that_reads_nothing_is_told_nothing(batches, make_episodes, small_config):
    """Its batches are those that they always were."""
    one, deaf = make_episodes([6, 5], [True, False]), replace(NETWORK, language_dim=0)
    config = small_config(network=deaf, batch_size=32)
    chunks = build_chunks(one, horizon=2, discount=0.8)
    card = CriticCard(algorithm="iql", embodiment=one.embodiment, horizon=2, network=deaf)

    batch = Batches(chunks, one, config, Learner(Critic(card), target_rate=0.5)).of(0)

    assert INSTRUCTION not in batch.observations
