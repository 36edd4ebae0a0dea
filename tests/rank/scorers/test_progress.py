"""Progress: value that rises the more of a chunk is run."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.rank.scorers.progress import progress

CHUNKS = np.zeros((3, 5, 4))


def test_a_chunk_that_gains_beats_one_that_only_begins_well(situated):
    """The first looks best after one action; the last is where the robot wants to end."""
    value_KNP = [[[-10, -12, -14, -16, -18], [-14, -14, -14, -14, -14], [-18, -16, -14, -12, -10]]]

    scores = progress(situated(CHUNKS, value_KNP=value_KNP))

    np.testing.assert_allclose(scores, [-2.0, 0.0, 2.0], atol=1e-6)


def test_one_noisy_prefix_does_not_decide(situated):
    """A last value that jumps up weighs less than a rise all along."""
    value_KNP = [[[0, 0, 0, 0, 3], [0, 1, 2, 3, 3], [0, 0, 0, 0, 0]]]

    scores = progress(situated(CHUNKS, value_KNP=value_KNP))

    assert scores.argsort().tolist() == [2, 0, 1]


def test_the_members_are_averaged(situated):
    """One sees a rise of 3 an action, the other a fall of 1."""
    rise = np.arange(5)
    value_KNP = np.stack([np.tile(3 * rise, (3, 1)), np.tile(-rise, (3, 1))])

    np.testing.assert_allclose(progress(situated(CHUNKS, value_KNP=value_KNP)), 1.0)


@given(st.floats(-100, 100))
def test_what_the_situation_is_worth_does_not_matter(situated, worth):
    """The rise is the same in a good state and in a bad one."""
    value_KNP = np.random.default_rng(0).normal(size=(2, 3, 5))

    found = progress(situated(CHUNKS, value_KNP=value_KNP + worth))

    np.testing.assert_allclose(found, progress(situated(CHUNKS, value_KNP=value_KNP)), atol=1e-4)


def test_a_critic_of_one_prefix_shows_no_progress(situated):
    """A flat critic values the whole chunk alone."""
    assert progress(situated(CHUNKS)) is None
    assert progress(situated(CHUNKS, value_KNP=np.zeros((2, 3, 1)))) is None


@pytest.mark.parametrize("prefix", [0, 2, 4])
def test_a_value_that_is_not_a_number_is_not_swallowed(situated, prefix):
    """Wherever it stands, its candidate has no score."""
    value_KNP = np.zeros((2, 3, 5))
    value_KNP[1, 1, prefix] = np.nan

    scores = progress(situated(CHUNKS, value_KNP=value_KNP))

    assert np.isnan(scores).tolist() == [False, True, False]
