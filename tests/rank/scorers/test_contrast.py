"""Contrast: what the policy does because of what it sees."""

import numpy as np

from steer.rank.scorers.base import combine
from steer.rank.scorers.contrast import contrast

CHUNKS = np.zeros((3, 2, 4))


def test_the_chunk_that_needs_the_scene_beats_the_habit(situated):
    """The habit is the likeliest, and as likely unseen; the second owes all to the scene."""
    scores = contrast(
        situated(
            CHUNKS, log_likelihood_N=[-1.0, -2.0, -9.0], masked_log_likelihood_N=[-1.0, -8.0, -9.5]
        )
    )

    assert scores.tolist() == [0.0, 6.0, 0.5]


def test_a_black_box_has_no_likelihoods_and_that_is_no_fault(situated):
    """None, with neither or with one of the two."""
    for known in ({}, {"log_likelihood_N": np.zeros(3)}, {"masked_log_likelihood_N": np.zeros(3)}):
        combined = combine(
            situated(CHUNKS, **known), {"contrast": 1.0}, scorers={"contrast": contrast}
        )

        assert (combined.skipped, combined.num_faults) == (("contrast",), 0)


def test_a_chunk_that_cannot_be_drawn_is_a_fault(situated):
    """A policy that gives its own chunk a likelihood of 0 is not to be trusted with the rest."""
    situation = situated(
        CHUNKS, log_likelihood_N=[0.0, -np.inf, 0.0], masked_log_likelihood_N=[0.0, -np.inf, 0.0]
    )

    combined = combine(situation, {"contrast": 1.0}, scorers={"contrast": contrast})

    assert combined.faults["contrast"].endswith("got nan for candidate 1")
