"""A critic that may not be steep, and one whose features may not be alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from steer.critics.card import DatasetSummary
from steer.errors import ConfigError
from steer.train.algorithms.sarsa import SarsaConfig
from steer.train.fit import make_trainer
from steer.train.regularisers import likeness, steepness
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


LINEAR = {"head": "scalar", "sarsa": SarsaConfig(target="td")}


def make_alike(learner):
    """Give a learner a last layer so small that its features would have to differ more."""
    with torch.no_grad():
        for critic in (learner.critic, learner.target):
            critic.members.last.weight_KIO.mul_(0.05)


def likeness_of(learner, trainer):
    """Return by how much the learner's features are too much alike."""
    with torch.no_grad():
        return likeness(learner.critic, learner.target, trainer._batches.of(0)).item()


def test_features_that_solve_bellman_s_equation_are_never_too_much_alike(make):
    """The bound is a consequence of it: with the reward that a member's values solve, it holds."""
    learner, trainer = make(**LINEAR)
    batch = trainer._batches.of(0)
    critic = learner.critic
    with torch.no_grad():
        seen, after = critic.embed(batch.observations), critic.embed(batch.next_observations)
        value_KB = critic.score(seen, batch.chunks_BHA[:, None]).squeeze(2)
        next_KB = critic.score(after, batch.next_chunks_BHA[:, None]).squeeze(2)

    for member, reward_B in enumerate(value_KB - batch.bootstrap_B * next_KB):
        assert _excess(learner, replace(batch, reward_B=reward_B), member).max() <= 1e-5


def _excess(learner, batch, member):
    """Return cosine less bound of one member, by the definition, where a next value counts."""
    critic, last = learner.critic, learner.critic.members.last
    low, high = critic.card.head.v_min, critic.card.head.v_max
    with torch.no_grad():

        def features(seen, chunks):
            flat = critic.flatten(chunks[:, None])
            return critic.members.features(critic.embed(seen), flat)[member, :, 0].double()

        phi = features(batch.observations, batch.chunks_BHA)
        after = features(batch.next_observations, batch.next_chunks_BHA)
        weight = last.weight_KIO[member, :, 0].double()
        fading = batch.bootstrap_B.double()
        # What w (phi - fading after) must be, outputs being affine in the value.
        shift = (low + high) / 2 + last.bias_K1O[member].item() * (high - low) / 2
        reward = (batch.reward_B.double() + (fading - 1) * shift) / ((high - low) / 2)
        bound = phi.square().sum(1) + (fading**2) * after.square().sum(1)
        bound = bound - reward**2 / weight.square().sum()
        sizes = phi.norm(dim=1) * after.norm(dim=1)
        gap = torch.cosine_similarity(phi, after, dim=1) - bound / (2 * fading * sizes)
    return gap[batch.bootstrap_B > 0]


def test_likeness_is_the_mean_excess_over_the_bound(make):
    """Of the chunks with a next value, summed over members; the copies are equal at first."""
    learner, trainer = make(**LINEAR)
    make_alike(learner)
    batch = trainer._batches.of(0)
    members = range(learner.critic.card.num_members)

    wanted = sum(torch.relu(_excess(learner, batch, member)).mean() for member in members)

    assert likeness_of(learner, trainer) == pytest.approx(wanted.item(), rel=1e-4)
    assert wanted > 0


def test_against_the_gradient_features_become_less_alike(make):
    """The bound stays where it is: nothing pulls at rewards or at the last layer."""
    learner, trainer = make(**LINEAR)
    make_alike(learner)
    before = likeness_of(learner, trainer)
    optimiser = torch.optim.SGD(learner.critic.parameters(), lr=0.1)
    for _ in range(5):
        optimiser.zero_grad()
        likeness(learner.critic, learner.target, trainer._batches.of(0)).backward()
        optimiser.step()

    assert likeness_of(learner, trainer) < 0.9 * before
    assert learner.critic.members.last.weight_KIO.grad is None


def test_the_penalty_is_a_part_of_the_loss_where_it_has_a_weight(make):
    """And nothing is computed where it has none."""
    shown = [make(**LINEAR, beer=weight)[1].step(0) for weight in (0.0, 0.001)]

    assert ["likeness" in item for item in shown] == [False, True]


@pytest.mark.parametrize(
    "options",
    [
        {"algorithm": "sarsa", "head": "hl_gauss", "sarsa": SarsaConfig(target="td")},
        {"algorithm": "sarsa", "head": "scalar"},
        {"algorithm": "iql", "head": "scalar"},
    ],
)
def test_what_has_no_bound_on_its_features_is_refused(small_config, options):
    """Values that are not linear in them, or of which nobody looks at the next."""
    with pytest.raises(ConfigError, match="--beer: expected --head scalar"):
        small_config(beer=0.001, **options)
