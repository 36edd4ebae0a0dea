"""Intervals, against values that the literature gives and against laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from sim.stats import mcnemar, paired_difference, success_rate

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def test_a_rate_has_wilsons_interval():
    """Newcombe 1998, Two-sided confidence intervals, table I: 81 of 263."""
    rate = success_rate([True] * 81 + [False] * 182)

    assert (rate.value, rate.low, rate.high, rate.n) == (
        pytest.approx(0.3080, abs=5e-5),
        pytest.approx(0.2553, abs=5e-5),
        pytest.approx(0.3662, abs=5e-5),
        263,
    )


def test_the_rate_of_no_episodes_says_nothing():
    """A run that has not begun has a report too."""
    rate = success_rate([])

    assert (rate.low, rate.high, rate.n) == (0.0, 1.0, 0)


def test_a_paired_difference_has_newcombes_interval():
    """Fagerland and others 2014, airway data: 1, 1, 7, 12 pairs give -0.507 to -0.026."""
    pairs = [(True, True), (True, False), *[(False, True)] * 7, *[(False, False)] * 12]

    gap = paired_difference(*zip(*pairs, strict=True))

    assert (gap.value, gap.low, gap.high) == (
        pytest.approx(-0.286, abs=5e-4),
        pytest.approx(-0.507, abs=5e-4),
        pytest.approx(-0.026, abs=5e-4),
    )
    assert (gap.n, gap.won, gap.lost) == (21, 1, 7)


def test_mcnemars_test_is_exact():
    """Of 8 pairs that differ 1 or fewer, or 7 or more, on one side: 2 * 9 / 256."""
    gap = paired_difference([True] + [False] * 7, [False] + [True] * 7)

    assert gap.p_value == pytest.approx(18 / 256)


def test_a_paired_difference_of_no_pairs_says_nothing():
    """Nothing is divided by zero."""
    gap = paired_difference([], [])

    assert (gap.low, gap.high, gap.p_value) == (-1.0, 1.0, 1.0)


def test_unpaired_outcomes_are_refused():
    """A seed that one arm lacks is a fault of the caller."""
    with pytest.raises(ValueError, match="shorter"):
        paired_difference([True, False], [True])


@settings(max_examples=40)
@given(PAIRS)
def test_a_difference_lies_in_its_interval(pairs):
    """And the interval in -1 to 1."""
    gap = paired_difference(*zip(*pairs, strict=True))

    assert -1.0 - 1e-9 <= gap.low <= gap.value + 1e-9
    assert gap.value - 1e-9 <= gap.high <= 1.0 + 1e-9


@settings(max_examples=40)
@given(PAIRS)
def test_swapping_the_arms_mirrors_the_interval(pairs):
    """No arm is favoured."""
    first, second = zip(*pairs, strict=True)

    there, back = paired_difference(first, second), paired_difference(second, first)

    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
    assert back.p_value == pytest.approx(there.p_value)


@settings(max_examples=40)
@given(PAIRS, st.randoms())
def test_the_order_of_the_seeds_does_not_matter(pairs, random):
    """Workers finish in any order."""
    mixed = random.sample(pairs, len(pairs))

    assert paired_difference(*zip(*mixed, strict=True)) == paired_difference(
        *zip(*pairs, strict=True)
    )


@settings(max_examples=40)
@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_p_value_is_the_binomial_tests(won, lost):
    """The vectorised p-value is scipy's, which sums what is at most as likely."""
    expected = binomtest(won, won + lost).pvalue if won + lost else 1.0

    assert mcnemar(won, lost) == pytest.approx(expected)


def test_mcnemars_test_takes_arrays():
    """Many cells at once, of any shape."""
    p_values = mcnemar([[5, 0], [0, 3]], [[0, 5], [0, 3]])

    assert p_values == pytest.approx(np.array([[2 / 32, 2 / 32], [1.0, 1.0]]))
