"""Regret and rank correlation of scores, against values by hand and against laws."""

import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stats import ScoredDecision, rank_correlation, selection_regret
from steer.errors import InvalidInputError

GRADES = st.lists(st.integers(0, 3), min_size=5, max_size=5)


def decide(scores, outcomes, *, episode=0, chosen=None):
    """Return one decision."""
    return ScoredDecision(episode=episode, scores=scores, outcomes=outcomes, chosen=chosen)


def kendall_by_counting(scores, outcomes):
    """Return tau-b from all pairs of candidates."""
    signs = [
        (np.sign(scores[i] - scores[j]), np.sign(outcomes[i] - outcomes[j]))
        for i, j in combinations(range(len(scores)), 2)
    ]
    agree = sum(a * b for a, b in signs)
    return agree / np.sqrt(sum(a * a for a, _ in signs) * sum(b * b for _, b in signs))


def test_regret_is_what_the_best_had_more(rng):
    """The best score has 2 of 3, candidate 0 has 1, a blind choice 1.5; in each of two episodes."""
    decisions = [decide([0.0, 5.0, 4.0, 1.0], [1.0, 2.0, 3.0, 0.0], episode=i) for i in range(2)]

    regret = selection_regret(decisions, rng=rng)

    assert (regret.chosen.value, regret.own.value, regret.random.value) == (1.0, 2.0, 1.5)
    assert (regret.chosen.low, regret.chosen.high, regret.chosen.n) == (1.0, 1.0, 2)


def test_the_candidate_that_ran_is_the_one_that_counts(rng):
    """A gate that abstained keeps candidate 0, whatever the scores."""
    decisions = [decide([0.0, 5.0], [True, False], chosen=0)]

    assert selection_regret(decisions, rng=rng).chosen.value == 0.0


def test_of_equal_scores_the_first_is_taken(rng):
    """Candidate 0, the policy's own, where the critic sees no difference."""
    regret = selection_regret([decide([0.0, 0.0], [False, True])], rng=rng)

    assert regret.chosen == regret.own


def test_decisions_of_one_episode_are_no_independent_ones(rng):
    """Fifty decisions in two episodes have a wider interval than in fifty."""
    outcomes = [[0.0, float(i % 50 < 25)] for i in range(50)]
    together = [decide([1.0, 0.0], o, episode=i // 25) for i, o in enumerate(outcomes)]
    apart = [decide([1.0, 0.0], o, episode=i) for i, o in enumerate(outcomes)]

    wide, narrow = (selection_regret(found, rng=rng).chosen for found in (together, apart))

    assert wide.value == narrow.value == 0.5
    assert (wide.low, wide.high) == (0.0, 1.0)
    assert narrow.high - narrow.low < 0.4


@given(GRADES, GRADES)
def test_regret_is_never_negative(scores, outcomes):
    """Nothing is better than the best."""
    regret = selection_regret([decide(scores, outcomes)], rng=np.random.default_rng(0))

    assert min(regret.chosen.value, regret.own.value, regret.random.value) >= 0.0


@given(GRADES, GRADES)
def test_kendalls_tau_is_that_of_counting_pairs(scores, outcomes):
    """By brute force, with ties; 0 where all scores are the same, none where all outcomes are."""
    found = rank_correlation(
        [decide(scores, outcomes)], kind="kendall", rng=np.random.default_rng(0)
    )

    if np.ptp(outcomes) == 0:
        assert found is None
    else:
        expected = kendall_by_counting(scores, outcomes) if np.ptp(scores) else 0.0
        assert found.mean.value == pytest.approx(expected)


@given(st.permutations(range(6)))
def test_spearmans_rho_is_that_of_rank_differences(order):
    """Without ties, 1 - 6 sum d^2 / (n^3 - n)."""
    found = rank_correlation([decide(range(6), order)], rng=np.random.default_rng(0))

    squares = sum((i - place) ** 2 for i, place in enumerate(order))
    assert found.mean.value == pytest.approx(1.0 - 6.0 * squares / (6**3 - 6))


def test_decisions_without_an_order_are_left_out_and_counted(rng):
    """All candidates failed: no critic could rank them."""
    decisions = [
        decide([1.0, 2.0, 3.0], [0, 0, 1], episode="a"),
        decide([1.0, 2.0, 3.0], [1, 0, 0], episode="b"),
        decide([1.0, 2.0, 3.0], [0, 0, 0], episode="b"),
    ]

    found = rank_correlation(decisions, rng=rng)

    assert found.mean.value == pytest.approx(0.0)
    assert (found.mean.n, found.num_excluded) == (2, 1)
    assert found.variance == pytest.approx(2 * 0.75)


@pytest.mark.parametrize("kind", ["spearman", "kendall"])
def test_only_the_order_of_the_scores_matters(kind, rng):
    """The best order has 1, its reverse -1, in whatever unit the scores are."""
    outcomes = rng.normal(size=8)

    values = [
        rank_correlation([decide(scores, outcomes)], kind=kind, rng=rng).mean.value
        for scores in (outcomes, np.exp(outcomes), -outcomes)
    ]

    assert values == pytest.approx([1.0, 1.0, -1.0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda rng: selection_regret([], rng=rng),
            "decisions: expected at least one, got none",
        ),
        (
            lambda rng: decide([1.0], [1.0]),
            "scores, outcomes: expected both [N] with N >= 2, got shapes (1,) and (1,)",
        ),
        (
            lambda rng: decide([1.0, np.nan], [1.0, 0.0]),
            "scores, outcomes: expected finite values, got others",
        ),
        (
            lambda rng: decide([1.0, 2.0], [1.0, 0.0], chosen=2),
            "chosen: expected a candidate, 0 to 1, got 2",
        ),
    ],
)
def test_what_is_no_decision_is_refused(call, text, rng):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        call(rng)
