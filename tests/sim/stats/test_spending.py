"""The boundary, against the enumeration of all runs of a few pairs."""

from itertools import product

import numpy as np
import pytest

from sim.stats.spending import AlphaSpending

MAX_PAIRS = 7
MASKS = list(product((0, 1), repeat=MAX_PAIRS))
SIGNS = np.array(list(product((-1, 1), repeat=MAX_PAIRS)))


def run(mask, alpha):
    """Return, of every way to win and lose the pairs that differ, the pair of crossing and p."""
    pairs = SIGNS * np.array(mask)
    spending = AlphaSpending(len(pairs), MAX_PAIRS, alpha)
    stops = np.full(len(pairs), MAX_PAIRS + 1)
    p_values = np.ones(len(pairs))
    for number in range(MAX_PAIRS):
        has_crossed, found = spending.step(pairs[:, number])
        news = has_crossed & (stops > MAX_PAIRS)
        stops[news] = number + 1
        p_values[news] = found[news]
        if number == MAX_PAIRS - 1:
            p_values[stops > MAX_PAIRS] = found[stops > MAX_PAIRS]
    return stops, p_values


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_no_more_is_spent_than_is_due(alpha):
    """By pair n of N at most alpha n / N of all ways have crossed, whichever pairs differ."""
    due = alpha * np.arange(1, MAX_PAIRS + 1) / MAX_PAIRS

    stops = np.array([run(mask, alpha)[0] for mask in MASKS])
    spent = (stops[..., None] <= np.arange(1, MAX_PAIRS + 1)).mean(axis=1)

    assert (spent <= due + 1e-12).all()
    assert spent.max() > 0.5 * alpha


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_a_p_value_is_as_rare_as_it_says(alpha):
    """Of all ways at most a share p has a p-value of p or less, at any p that occurs."""
    excess = [
        (p_values <= p + 1e-12).mean() - p
        for mask in MASKS
        for p_values in [run(mask, alpha)[1]]
        for p in np.unique(p_values)
    ]

    assert max(excess) <= 1e-12


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_what_crosses_is_significant_and_nothing_else_is(alpha):
    """The boundary and the p-value say the same."""
    for mask in MASKS:
        stops, p_values = run(mask, alpha)

        assert ((p_values <= alpha) == (stops <= MAX_PAIRS)).all()


def test_equal_pairs_can_bring_the_boundary_to_a_count():
    """Six won of six have p = 1/32: too early for pair 6 of 20, early enough for pair 13."""
    spending = AlphaSpending(1, 20, 0.05)

    found = [bool(spending.step(np.array([int(number < 6)]))[0][0]) for number in range(20)]

    assert found.index(True) == 12
