"""The confidence sequence: laws, and how often it holds the truth all along."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.stats import Estimate, confidence_sequence, log_wealth, paired_difference
from steer.errors import InvalidInputError

COUNTS = st.tuples(*[st.integers(0, 60)] * 3)


@settings(max_examples=40)
@given(COUNTS)
def test_the_interval_holds_what_was_seen(counts):
    """And lies in -1 to 1."""
    gain = confidence_sequence(*counts)

    assert -1.0 <= gain.low <= gain.value + 1e-6
    assert gain.value - 1e-6 <= gain.high <= 1.0


@settings(max_examples=40)
@given(COUNTS)
def test_swapping_the_arms_mirrors_the_interval(counts):
    """No arm is favoured."""
    won, lost, same = counts

    there, back = confidence_sequence(won, lost, same), confidence_sequence(lost, won, same)

    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))


@given(COUNTS, st.floats(-0.95, 0.95))
def test_a_bet_is_fair_where_the_gain_is_what_it_was_against(counts, gain):
    """The next pair multiplies the wealth by 1 on average, when its mean is that gain."""
    won, lost, same = counts
    chances = {1: (1.0 + gain) / 2.0, -1: (1.0 - gain) / 2.0}

    wealth = math.exp(log_wealth(won, lost, same, gain=gain))
    after = chances[1] * math.exp(log_wealth(won + 1, lost, same, gain=gain))
    after += chances[-1] * math.exp(log_wealth(won, lost + 1, same, gain=gain))

    assert after == pytest.approx(wealth)


def test_the_interval_costs_some_width():
    """Against one that may be looked at once: 1.6 times."""
    first, second = [True] * 30 + [False] * 70, [False] * 30 + [True] * 10 + [False] * 60

    anytime, once = confidence_sequence(30, 10, 60), paired_difference(first, second)

    assert anytime.value == pytest.approx(once.value)
    assert (anytime.high - anytime.low) / (once.high - once.low) == pytest.approx(1.6, abs=0.05)


def test_no_pairs_say_nothing():
    """A comparison that has not begun has an interval too."""
    assert confidence_sequence(0, 0, 0) == Estimate(0.0, -1.0, 1.0, 0)


@pytest.mark.parametrize(
    ("counts", "alpha", "text"),
    [
        ((1, -1, 0), 0.05, "pairs: expected counts >= 0, got 1, -1, 0"),
        ((1, 1, 0), 1.0, "alpha: expected a number in (0, 1), got 1.0"),
    ],
)
def test_impossible_counts_are_refused(counts, alpha, text):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        confidence_sequence(*counts, alpha=alpha)


@pytest.mark.slow
@pytest.mark.parametrize("chances", [(0.25, 0.05), (0.5, 0.5), (0.02, 0.02), (0.1, 0.6)])
def test_the_truth_is_inside_after_every_pair(chances, rng):
    """Of 1,000 runs at most 5% are ever outside in 100 pairs: wealth against the true gain."""
    draws = rng.multinomial(1, [*chances, max(1.0 - sum(chances), 0.0)], size=(1_000, 100))
    won, lost, same = np.moveaxis(draws.cumsum(axis=1), -1, 0)
    gain = chances[0] - chances[1]

    below = log_wealth(won, lost, same, gain=gain) > math.log(40.0)
    above = log_wealth(lost, won, same, gain=-gain) > math.log(40.0)

    assert (below | above).any(axis=1).mean() <= 0.05
