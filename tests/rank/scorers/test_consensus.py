"""How near a candidate is to what the policy draws otherwise."""

import numpy as np
import pytest

from steer.rank.scorers.base import Situation
from steer.rank.scorers.consensus import consensus
from steer.rank.select import Rule, decide


def situation(arm, chunks):
    """Return a situation of these chunks and nothing else."""
    return Situation(chunks_NHA=np.asarray(chunks, np.float32), embodiment=arm)


def test_the_odd_one_out_is_last(arm):
    """Three agree, one does not."""
    chunks = np.zeros((4, 8, arm.action_dim), np.float32)
    chunks[1] += 0.01
    chunks[2] += 0.5

    scores = consensus(situation(arm, chunks))

    assert scores.argmin() == 2
    assert (scores <= 0).all()


def test_its_best_is_the_medoid(arm):
    """The selector of that name chooses the same."""
    rule = Rule(
        selector="medoid",
        gated=False,
        margin=0.0,
        beta=1.0,
        temperature=1.0,
        tau=0.5,
        commit_horizon=2,
    )
    for seed in range(20):
        chunks = np.random.default_rng(seed).uniform(-1, 1, (7, 8, arm.action_dim))
        chunks = chunks.astype(np.float32)
        none = np.zeros(7, np.float32)
        choice = decide(none, none == 0, chunks, rule=rule, embodiment=arm, seed=0)

        assert consensus(situation(arm, chunks)).argmax() == choice.index


def test_a_single_candidate_agrees_with_nobody(arm):
    """And is left out."""
    assert consensus(situation(arm, np.zeros((1, 8, arm.action_dim)))) is None


def test_equal_candidates_are_equally_agreed_on(arm):
    """Whatever they are."""
    scores = consensus(situation(arm, np.ones((3, 8, arm.action_dim))))

    assert scores.tolist() == pytest.approx([0.0, 0.0, 0.0])


def test_what_was_made_of_a_draw_has_no_vote(arm):
    """Two draws at 0 and 1; perturbations around the second do not make it the agreed one."""
    chunks = np.zeros((6, 8, arm.action_dim), np.float32)
    chunks[1] = 0.1
    chunks[2] = 0.9
    chunks[3:] = [[[0.88]], [[0.9]], [[0.92]]]
    is_drawn = np.array([True, True, True, False, False, False])

    scores = consensus(Situation(chunks_NHA=chunks, embodiment=arm, is_drawn_N=is_drawn))

    alone = consensus(situation(arm, chunks[:3]))
    assert scores[:3].tolist() == pytest.approx(alone.tolist())
    assert scores.argmax() == 1
    assert scores[4] == pytest.approx(2 / 3 * scores[2], rel=0.01)


def test_perturbations_of_a_single_draw_agree_with_nobody(arm):
    """A policy that cannot draw twice is never held to the middle of what was made of it."""
    chunks = np.random.default_rng(0).normal(size=(5, 8, arm.action_dim)).astype(np.float32)
    is_drawn = np.array([True, False, False, False, False])

    assert consensus(Situation(chunks_NHA=chunks, embodiment=arm, is_drawn_N=is_drawn)) is None
