"""Tournament: pairs of candidates, and one vote a member."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.rank.scorers.tournament import Tournament

VALUES = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(2, 7)),
    elements=st.integers(-20, 0).map(float),
)


def play(situated, value_KN, noise=0.0):
    value_KN = np.asarray(value_KN, np.float32)
    chunks = np.zeros((value_KN.shape[1], 2, 4))
    return Tournament(noise=noise)(situated(chunks, value_KN=value_KN))


def test_one_wild_member_does_not_win_the_tournament(situated):
    """Two prefer 1 by a little, one prefers 0 by a thousand: the mean errs, the vote does not."""
    value_KN = np.array([[-5.0, -4.0], [-5.0, -4.5], [0.0, -1000.0]])

    scores = play(situated, value_KN)

    assert value_KN.mean(axis=0).argmax() == 0
    assert scores.tolist() == [0.0, 1.0]


def test_the_score_is_the_share_of_matches_won(situated):
    """The best beats all, the worst nobody, the others stand between."""
    scores = play(situated, [[-1, -2, -3, -4, -5]])

    np.testing.assert_allclose(scores, [1, 0.75, 0.5, 0.25, 0])


def test_differences_within_the_noise_are_ties(situated):
    """A member abstains where it cannot tell."""
    scores = play(situated, [[0.0, -0.5, -3.0]], noise=0.5)

    np.testing.assert_allclose(scores, [0.75, 0.75, 0.0])


def test_a_split_vote_is_a_tie(situated):
    """Half a win for both."""
    assert play(situated, [[0, -1], [-1, 0]]).tolist() == [0.5, 0.5]


@given(VALUES, st.floats(0, 10))
def test_the_wins_are_half_of_the_matches(situated, value_KN, noise):
    """Every match gives one point, however it is shared."""
    scores = play(situated, value_KN, noise)

    assert scores.mean() == pytest.approx(0.5, abs=1e-6)
    assert scores.min() >= 0
    assert scores.max() <= 1


@given(VALUES, st.integers(1, 8), st.integers(-50, 50))
def test_a_member_s_scale_and_zero_do_not_count(situated, value_KN, scale, shift):
    """Only the order that a member sees matters."""
    stretched = value_KN.copy()
    stretched[0] = value_KN[0] * scale + shift

    np.testing.assert_array_equal(play(situated, stretched), play(situated, value_KN))


def test_a_candidate_alone_neither_wins_nor_loses(situated):
    """There is nobody to play against."""
    assert play(situated, [[-3.0]]).tolist() == [0.5]


def test_without_values_there_is_no_tournament(situated):
    """The critic has not scored."""
    assert Tournament()(situated(np.zeros((2, 2, 4)))) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_not_taken_for_a_tie(situated, bad):
    """Its candidate has no score, so that a broken critic is seen."""
    scores = play(situated, [[0.0, bad, -1.0], [0.0, -1.0, -2.0]])

    assert np.isnan(scores).tolist() == [False, True, False]
