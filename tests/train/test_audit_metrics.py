"""Each number of an audit, on arrays whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.train.audit_metrics import (
    Figure,
    auc,
    bootstrap,
    calibrate,
    explained,
    mean_over_episodes,
    normalised_rank,
    regret_curve,
    share_of_episodes,
    top_share,
    value_order,
)


@pytest.mark.parametrize(
    ("values", "order"), [([1.0, 2.0, 5.0], 1.0), ([3.0, 2.0, 0.0], -1.0), ([1.0, 1.0], 0.0)]
)
def test_value_order_is_the_correlation_of_ranks_with_time(values, order):
    """A value that always rises has 1, one that always falls -1, a constant 0."""
    assert value_order(np.array(values)) == pytest.approx(order)


def test_auc_of_separated_values_is_one_and_of_equal_ones_a_half():
    """It is the chance that a success stands above a failure, ties counting half."""
    high, low = np.array([2.0, 3.0]), np.array([0.0, 1.0])

    found = [auc(high, low), auc(low, high), auc(high, high), auc(high, np.zeros(0))]

    assert found == [1.0, 0.0, 0.5, 0.5]


def test_perfect_predictions_are_calibrated():
    """Predictions that come true have slope 1, correlation 1 and no error."""
    returns = np.linspace(-50, 0, 101)

    found = calibrate(returns, returns)

    assert found.slope == pytest.approx(1.0)
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.error == pytest.approx(0.0)


def test_constant_predictions_teach_nothing():
    """A critic that always says the same has correlation and slope 0."""
    found = calibrate(np.full(20, -3.0), np.linspace(-50, 0, 20))

    assert (found.rank_correlation, found.slope) == (0.0, 0.0)


def test_rank_is_one_for_the_best_and_counts_ties_half():
    """Candidate 0 of each state: best, worst, and tied with one of two others."""
    scores = np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1.0, 1.0, 0.0]])

    assert normalised_rank(scores, index=0).tolist() == [1.0, 0.0, 0.75]


def test_the_regret_of_a_perfect_critic_is_zero():
    """Choosing by the returns themselves costs nothing; choosing blindly costs the mean gap."""
    returns = np.array([[0.0, -2.0], [-4.0, 0.0]])

    assert regret_curve(returns, returns, [1, 2]) == [(1, 0.0, 0.0), (2, 0.0, 1.5)]


def test_no_episode_has_no_mean():
    """Without episodes there is no number, and n says so."""
    for found in (mean_over_episodes([], bounds=(0.0, 1.0), seed=0), share_of_episodes([])):
        assert found.n == 0
        assert np.isnan(found.value)


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=30))
def test_the_interval_holds_the_mean(values):
    """Its ends lie on both sides of the mean, and within the values where these differ."""
    found = mean_over_episodes(values, bounds=(-50.0, 0.0), seed=1)

    is_wide = len(values) < 10 and len(set(values)) == 1
    low, high = (-50, 0) if is_wide else (min(values), max(values))
    assert low - 1e-9 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= high + 1e-9


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_a_few_equal_values_leave_all_that_the_mean_could_be(n):
    """Two episodes of 1.0 do not prove that every episode has it."""
    found = mean_over_episodes([1.0] * n, bounds=(-1.0, 1.0), seed=0)

    assert found == Figure(1.0, -1.0, 1.0, n)


def test_many_equal_values_are_what_they_are():
    """A hundred zeros have the mean 0."""
    assert mean_over_episodes([0.0] * 100, bounds=(0.0, 1.0), seed=0) == Figure(0.0, 0.0, 0.0, 100)


@pytest.mark.parametrize(
    ("num_true", "n", "low", "high"),
    [(2, 2, 0.342, 1.0), (0, 3, 0.0, 0.562), (5, 10, 0.237, 0.763), (95, 100, 0.888, 0.978)],
)
def test_a_share_has_wilson_s_interval(num_true, n, low, high):
    """Two of two are no certainty."""
    found = share_of_episodes(np.arange(n) < num_true)

    assert (found.value, found.n) == (num_true / n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_the_first_place_is_shared_by_those_that_are_as_good():
    """1 alone, a third of three, none where another is better."""
    scores = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])

    assert top_share(scores, index=0).tolist() == [1.0, pytest.approx(1 / 3), 0.0]


def test_predictions_as_they_are_must_explain_the_returns():
    """Perfect ones explain all, the mean none, and right ones at a wrong height less than none."""
    returns = np.linspace(-50, 0, 101)

    found = [
        explained(predicted, returns)
        for predicted in (returns, np.full(101, -25.0), returns - 50, np.zeros(101))
    ]

    assert found[:2] == pytest.approx([1.0, 0.0])
    assert max(found[2:]) < -1


def test_equal_returns_leave_nothing_to_explain():
    """Where all returns are equal the share is 0, whatever was predicted."""
    assert explained(np.array([-1.0, -2.0]), np.array([-3.0, -3.0])) == 0.0


def test_a_bootstrap_draws_episodes_as_often_as_there_are(rng):
    """The value is that of all episodes once; the interval is that of episodes drawn again."""
    values = rng.normal(size=400)

    found = bootstrap(lambda picks: float(values[picks].mean()), 400, seed=0)

    assert (found.value, found.n) == (pytest.approx(values.mean()), 400)
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.2)
