"""The benchmark of instructions: its second task, its states, and what it counts."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import language, language_scene
from sim.seeds import episode_seeds
from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.critics.encoders.language import hash_text

pytestmark = pytest.mark.slow

TEXTS = ("bring it", "reach it")


def test_the_expert_reaches_the_goal_and_leaves_the_cube_alone():
    """In ten of ten scenes; in the same scene as the suite's own task."""
    env, expert = language_scene.make(), language_scene.Expert()
    outcomes = []
    for seed in episode_seeds("train", 10, block=env.spec.seed_block):
        observation = env.reset(seed)
        lay = observation.arrays["observation.environment_state"][3:6]
        for _ in range(env.spec.max_steps):
            step = env.step(expert.act(observation))
            observation = step.observation
            if step.is_success:
                break
        seen = observation.arrays["observation.environment_state"]
        outcomes.append(
            step.is_success
            and np.linalg.norm(seen[:3] - seen[25:]) < language_scene.NEAR_M
            and np.linalg.norm(seen[3:6] - lay) < language_scene.NEAR_M
        )

    assert outcomes == [True] * 10


def test_states_are_the_same_again_and_their_chunks_differ():
    """Physics is put back after each chunk."""
    seeds = list(episode_seeds("user", 2, block=23))

    first, again = language.states(seeds), language.states(seeds)

    assert len(first) > 2
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.chunks, other.chunks)
        assert np.sqrt(np.square(one.chunks[0] - one.chunks[1]).mean()) > 0.2
        assert one.chunks.shape == (2, language.HORIZON, 4)


class Obedient(Critic):
    """Prefers the first chunk under the first text, and the second under the second."""

    def embed(self, observations):
        return observations["instruction"]

    def score(self, context, chunks, *, length=None):
        first = torch.from_numpy(hash_text(TEXTS[0], 8))
        is_first = (context @ first > 0.99).float()
        return torch.stack([is_first, 1 - is_first], dim=1)[None]


def test_a_critic_that_obeys_has_one_and_one_that_is_deaf_a_half():
    """Of both figures; a deaf one never turns its choice round."""
    env = language_scene.make()
    card = CriticCard(
        algorithm="sarsa",
        embodiment=env.spec.embodiment,
        horizon=8,
        num_members=1,
        network=NetworkConfig(language_dim=8, context_dim=8, member_hidden=(8,)),
    )
    found = language.states(list(episode_seeds("user", 2, block=23)))
    deaf = Critic(replace(card)).eval()
    with torch.no_grad():
        deaf.encoder.language.weight.zero_()

    obeys = language.measure(Obedient(card).eval(), found, TEXTS)
    ignores = language.measure(deaf, found, TEXTS)

    assert (obeys.top1.value, obeys.swapped.value) == (1.0, 1.0)
    assert (ignores.top1.value, ignores.swapped.value) == (0.5, 0.0)
    assert obeys.top1.n == 2 * len(found)
