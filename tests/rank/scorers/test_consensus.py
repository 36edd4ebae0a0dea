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
    rule = Rule(selector="medoid", gated=False, margin=0.0, beta=1.0, temperature=1.0, tau=0.5)
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
