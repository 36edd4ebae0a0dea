"""What an audit asks of critics that see more than vectors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steer.critics.card import CriticCard, NetworkConfig
from steer.critics.critic import Critic
from steer.embodiment import ObservationField
from steer.errors import DatasetError, PolicyError
from steer.train.audit_config import AuditConfig
from steer.train.audit_data import (
    Questions,
    candidate_values,
    check_senses,
    draw_at,
    executed_values,
    neighbour_chunks,
    score_candidates,
)
from steer.train.audit_judge import judge
from steer.train.targets import build_chunks

STATE = ObservationField(name="observation.state", dtype="float32", shape=(2,))
IMAGE = ObservationField(name="observation.images.top", dtype="uint8", shape=(32, 32, 3))
POINTS = ObservationField(name="observation.points", dtype="float32", shape=(16, 3))
NETWORK = NetworkConfig(encoder_hidden=8, context_dim=6, member_hidden=(8,), width=8, heads=2)
CASES = {
    "vectors": ((STATE,), {}),
    "transformer": ((STATE,), {"kind": "transformer", "depth": 1}),
    "instruction": ((STATE,), {"language_dim": 12}),
    "images": ((STATE, IMAGE), {}),
    "images alone": ((IMAGE,), {"language_dim": 12}),
    "points": ((POINTS,), {"kind": "transformer", "depth": 1}),
}


@pytest.fixture
def episodes(make_episodes, rng):
    """Eight episodes with vectors, images and points, of which a third is missing."""
    found = make_episodes([6, 5, 7, 6, 8, 5, 6, 7], [True, False] * 4)
    total = len(found.actions)
    points = rng.normal(size=(total, 16, 3)).astype(np.float32)
    points[:, 10:] = np.nan
    more = {
        IMAGE.name: rng.integers(0, 255, (total, 32, 32, 3), dtype=np.uint8),
        POINTS.name: points,
    }
    return replace(found, observations={**found.observations, **more})


@pytest.fixture
def ask(episodes):
    """Put a critic of random weights before the episodes."""

    def ask(fields, changes, *, horizon=2):
        torch.manual_seed(0)
        body = replace(episodes.embodiment, observations=fields)
        network = replace(NETWORK, **changes)
        card = CriticCard(
            algorithm="iql", embodiment=body, horizon=horizon, num_members=2, network=network
        )
        critic = Critic(card).eval()
        chunks = build_chunks(episodes, horizon=horizon, discount=0.9)
        return Questions(critic, episodes, chunks)

    return ask


@pytest.mark.parametrize("case", CASES)
def test_values_do_not_depend_on_how_many_are_asked_at_once(ask, case):
    """Each is what the critic says of its state and chunk alone, with the instruction."""
    questions = ask(*CASES[case])
    rows, chunks = questions.chunks.row, questions.chunks
    executed = questions.episodes.actions[chunks.action_rows]
    pair = np.stack([executed, -executed], axis=1)

    values = executed_values(questions)
    scores = score_candidates(candidate_values(questions, rows, pair), beta=1.0)
    alone = score_candidates(candidate_values(questions, rows[3:4], pair[3:4]), beta=1.0)

    assert values.shape == rows.shape
    assert np.isfinite(values).all()
    np.testing.assert_array_equal(scores[:, 0], 0)
    np.testing.assert_allclose(scores[3], alone[0], atol=1e-4)  # of float32 sums in other order


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_critic_can_be_judged(ask, case):
    """All numbers are finite, and the neighbours are of other episodes."""
    questions = ask(*CASES[case])
    config = AuditConfig(critic=Path("critic"), dataset=("d",), num_states=4, num_candidates=3)

    found = judge(questions, config, draw=None, is_held_out=True).audit
    near = neighbour_chunks(questions, np.array([0, 5]), 2)

    assert np.isfinite([found.explained.value, found.value_order.value, found.override_rate]).all()
    assert found.num_episodes == 8
    assert near[:, 0].tolist() == [0, 5]
    assert len(np.unique(near[0])) == 3


@pytest.mark.parametrize("num_members", [1, 4])
def test_members_that_merely_disagree_know_no_more_than_chance(ask, make_episodes, num_members):
    """Half of all comparisons and one first place of N, though each is sure of something else."""
    questions = replace(
        ask(*CASES["vectors"]), episodes=make_episodes([12] * 80, [True, False] * 40)
    )
    questions = replace(questions, chunks=build_chunks(questions.episodes, horizon=2, discount=0.9))
    generator = torch.Generator().manual_seed(0)
    questions.critic.score = lambda context_SD, chunks_SNHA: (
        5 * torch.randn((num_members, *chunks_SNHA.shape[:2]), generator=generator)
    )
    config = AuditConfig(critic=Path("critic"), dataset=("d",), num_states=440)

    found = judge(questions, config, draw=None, is_held_out=True).audit

    assert found.expert_over_noise.value == pytest.approx(0.5, abs=0.1)
    assert found.expert_over_perturbed.value == pytest.approx(0.5, abs=0.1)
    assert found.executed_rank.value == pytest.approx(0.5, abs=0.05)
    assert found.executed_top1.value == pytest.approx(1 / 16, abs=0.05)
    assert "expert_over_noise" in found.failed


def test_a_critic_that_does_not_read_the_actions_knows_no_more_than_chance(ask, episodes):
    """Its ties count half, and it shares the first place with all; it never overrides."""
    questions = ask(*CASES["vectors"])
    questions.critic.score = lambda context_SD, chunks_SNHA: context_SD.sum(dim=1)[
        None, :, None
    ].expand(2, *chunks_SNHA.shape[:2])
    config = AuditConfig(critic=Path("critic"), dataset=("d",), num_states=8, num_candidates=4)

    found = judge(questions, config, draw=None, is_held_out=True).audit

    assert (found.expert_over_noise.value, found.executed_rank.value) == (0.5, 0.5)
    assert (found.executed_top1.value, found.override_rate) == (0.25, 0.0)


def test_what_robots_get_is_judged_by_the_pessimistic_score(ask):
    """Members that disagree override less often than one of them would, whatever they know."""
    questions = ask(*CASES["vectors"])
    generator = torch.Generator().manual_seed(0)
    questions.critic.score = lambda context_SD, chunks_SNHA: torch.randn(
        (16, *chunks_SNHA.shape[:2]), generator=generator
    )
    config = AuditConfig(critic=Path("critic"), dataset=("d",), num_states=16, num_candidates=4)

    found = judge(questions, config, draw=None, is_held_out=True).audit

    assert found.override_rate < 0.2
    assert found.executed_top1.value < 0.6


@pytest.mark.parametrize("shape", [(1, 3, 1), (2, 1, 1), (2, 3, 4), (2, 3)])
def test_a_policy_that_gives_less_than_was_asked_for_is_refused(episodes, shape):
    """A slow one gives fewer candidates; shorter or narrower chunks cannot be scored either."""
    with pytest.raises(PolicyError) as caught:
        draw_at(
            lambda history, count, seed: np.zeros(shape, np.float32),
            episodes,
            7,
            num_candidates=2,
            horizon=2,
            seed=0,
        )

    assert str(caught.value) == (
        "policy: expected 2 candidates in time, of 2 or more actions of 1 numbers, got shape "
        f"{list(shape)}"
    )


def test_values_are_held_to_the_returns_of_the_card_s_own_reward(ask, episodes):
    """A critic whose reward is per chunk is right where its values are those returns."""
    questions = ask(*CASES["vectors"])
    slow = build_chunks(episodes, horizon=2, discount=0.99, worst=-8.0)
    fast = build_chunks(episodes, horizon=2, discount=0.99)

    np.testing.assert_allclose(fast.monte_carlo, 12.5 * slow.monte_carlo, rtol=1e-5)
    found = judge(
        replace(questions, chunks=slow),
        AuditConfig(critic=Path("critic"), dataset=("d",), num_states=4),
        draw=None,
        is_held_out=True,
    ).audit
    assert -8.0 <= min(found.calibration.realised) <= max(found.calibration.realised) <= 0.0


@pytest.mark.parametrize(
    ("changes", "fields", "text"),
    [
        (
            {},
            (STATE, replace(STATE, name="observation.eef")),
            "'observation.eef', float32 of shape",
        ),
        (
            {},
            (replace(STATE, shape=(5,)),),
            r"of shape \[5\], which the critic sees, got shape \[2",
        ),
        ({}, (replace(POINTS, shape=(16, 6)),), r"shape \[16, 6\].* got shape \[16, 3\]"),
        ({"language_dim": 4}, (STATE,), "an instruction, which the critic reads, got none"),
    ],
)
def test_data_that_lack_what_a_critic_sees_are_refused(ask, episodes, changes, fields, text):
    """With what is missing; clouds may have more points, or fewer."""
    card = ask((STATE,), changes).critic.card
    card = replace(card, embodiment=replace(card.embodiment, observations=fields))
    check_senses(ask((replace(POINTS, shape=(99, 3)),), {}).critic.card, episodes)

    with pytest.raises(DatasetError, match=text):
        check_senses(card, replace(episodes, instruction=" "))


def test_actions_of_another_robot_are_refused(ask, episodes):
    """Before a network is asked."""
    card = ask((STATE,), {}).critic.card
    wide = replace(episodes, actions=np.zeros((len(episodes.actions), 3), np.float32))

    with pytest.raises(DatasetError, match=r"actions of 1 dimensions.* got 3"):
        check_senses(card, wide)
