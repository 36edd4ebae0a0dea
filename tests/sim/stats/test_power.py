"""Power of the exact McNemar test, against enumeration and simulation."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stats import (
    detectable_difference,
    discordance,
    mcnemar,
    mcnemar_power,
    pairs_needed,
    power_sentence,
)
from steer.errors import InvalidInputError

RATES = st.floats(0.0, 1.0)


@given(RATES, RATES, st.floats(-1.0, 1.0))
def test_the_chances_give_back_the_difference(alone, other, correlation):
    """Won less lost is the difference; both are chances that the rates allow."""
    won, lost = discordance(alone, other - alone, correlation=correlation)

    assert won - lost == pytest.approx(other - alone)
    assert 0.0 <= lost <= min(alone, 1.0 - other) + 1e-9
    assert 0.0 <= won <= min(other, 1.0 - alone) + 1e-9


def test_independent_arms_win_and_lose_by_the_product():
    """With correlation 0 a pair is won where one succeeds and, by chance, the other fails."""
    assert discordance(0.3, 0.2) == (pytest.approx(0.5 * 0.7), pytest.approx(0.3 * 0.5))


def test_correlated_arms_have_that_correlation():
    """Of 0/1 variables, by its definition."""
    won, lost = discordance(0.4, 0.1, correlation=0.3)

    both = 0.5 - won
    found = (both - 0.4 * 0.5) / np.sqrt(0.4 * 0.6 * 0.5 * 0.5)

    assert found == pytest.approx(0.3)
    assert lost == pytest.approx(0.4 - both)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.01])
def test_power_is_that_of_enumerating_all_outcomes(alpha):
    """Every sequence of won, lost and same of 7 pairs, each with its chance and its p-value."""
    chances = {1: 0.6, -1: 0.1, 0: 0.3}

    expected = sum(
        np.prod([chances[pair] for pair in pairs])
        for pairs in product(chances, repeat=7)
        if mcnemar(pairs.count(1), pairs.count(-1)) <= alpha
    )

    assert mcnemar_power(7, won=0.6, lost=0.1, alpha=alpha) == pytest.approx(expected)


@given(st.integers(0, 200), st.floats(0.0, 0.5), st.sampled_from([0.05, 0.01, 0.5]))
def test_the_test_keeps_its_level(n, won, alpha):
    """With nothing to find, no more than alpha is found."""
    assert mcnemar_power(n, won=won, lost=won, alpha=alpha) <= alpha + 1e-9


@given(st.integers(0, 100), st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_the_arms_may_be_swapped(n, won, lost):
    """The test has two sides."""
    there, back = mcnemar_power(n, won=won, lost=lost), mcnemar_power(n, won=lost, lost=won)

    assert there == pytest.approx(back)


@pytest.mark.parametrize(("alone", "difference", "correlation"), [(0.3, 0.3, 0.0), (0.1, 0.2, 0.3)])
def test_as_many_pairs_as_needed_are_enough_and_one_fewer_is_not(alone, difference, correlation):
    """And as many pairs detect that difference, as the other function says."""
    won, lost = discordance(alone, difference, correlation=correlation)

    n = pairs_needed(difference, alone=alone, correlation=correlation)

    assert mcnemar_power(n, won=won, lost=lost) >= 0.8 > mcnemar_power(n - 1, won=won, lost=lost)
    assert detectable_difference(n, alone=alone, correlation=correlation) == difference


def test_a_loss_needs_as_many_pairs_as_the_gain_that_undoes_it():
    """From .6 to .3 and from .3 to .6 the same pairs differ."""
    assert pairs_needed(-0.3, alone=0.6) == pairs_needed(0.3, alone=0.3)


def test_what_no_number_of_seeds_tells_has_none():
    """A hundredth from a half takes some 39,000 pairs; a task has 4,000 seeds."""
    assert pairs_needed(0.01, alone=0.5) is None
    assert detectable_difference(5, alone=0.5) is None


@pytest.mark.parametrize(
    ("n", "alone", "wanted", "correlation", "sentence"),
    [
        (
            20,
            0.3,
            0.15,
            0.5,
            "n = 20 pairs detect a difference of +0.37 or more with 80% power, from .30 alone, "
            "correlation 0.5; for +0.15 take n >= 93",
        ),
        (
            5,
            0.5,
            0.01,
            0.0,
            "n = 5 pairs detect no difference with 80% power, from .50 alone, "
            "correlation 0.0; for +0.01 take more than 4000 pairs",
        ),
    ],
)
def test_the_sentence_says_what_a_run_can_tell(n, alone, wanted, correlation, sentence):
    """Before the run, in the user's words."""
    assert power_sentence(n, alone=alone, wanted=wanted, correlation=correlation) == sentence


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: discordance(1.2, 0.0), "alone: expected a rate in [0, 1], got 1.2"),
        (
            lambda: discordance(0.3, 0.8),
            "difference: expected -0.30 to 0.70, from 0.30 alone, got 0.8",
        ),
        (
            lambda: discordance(0.3, 0.1, correlation=2.0),
            "correlation: expected a number in [-1, 1], got 2.0",
        ),
        (lambda: mcnemar_power(-1, won=0.1, lost=0.1), "n: expected 0 or more pairs, got -1"),
        (
            lambda: mcnemar_power(9, won=0.9, lost=0.2),
            "won, lost: expected chances of sum <= 1, got 0.9, 0.2",
        ),
        (
            lambda: mcnemar_power(9, won=0.1, lost=0.2, alpha=0.0),
            "alpha: expected a number in (0, 1), got 0.0",
        ),
        (lambda: pairs_needed(0.0, alone=0.5), "difference: expected other than 0, got 0.0"),
    ],
)
def test_impossible_runs_are_refused(call, text):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        call()


@pytest.mark.slow
def test_power_is_what_a_simulation_finds(rng):
    """Of 20,000 runs of 60 pairs, within four standard errors."""
    draws = rng.multinomial(60, [0.35, 0.15, 0.5], size=20_000)

    found = (mcnemar(draws[:, 0], draws[:, 1]) <= 0.05).mean()

    assert mcnemar_power(60, won=0.35, lost=0.15) == pytest.approx(found, abs=4 * 0.0035)
