"""Checks of the evaluator, on cells without and with a difference."""

import re

import numpy as np
import pytest

from sim.stats import (
    SequentialPlan,
    check_null,
    check_sequential_null,
    discordance,
    replay,
    run_sequentially,
)
from steer.errors import InvalidInputError

PLAN = SequentialPlan()


def draw_cells(rng, gains, *, alone=0.3, num_seeds=100):
    """Return cells with these gains, each of its own seeds."""
    cells = []
    for gain in gains:
        won, lost = discordance(alone, gain, correlation=0.3)
        both = alone - lost
        chances = [both, won, lost, 1.0 - both - won - lost]
        kinds = rng.choice(4, p=chances, size=num_seeds)
        cells.append((kinds <= 1, (kinds == 0) | (kinds == 2)))
    return cells


@pytest.mark.parametrize("gain", [0.0, 0.5])
def test_swapped_arms_are_seldom_told_apart(gain, rng):
    """Whatever difference the cells had: at most 5% of families, the counting error granted."""
    cells = draw_cells(rng, [gain] * 10)

    found = check_null(cells, rng=rng)

    assert found.any_cell.n == 200
    assert found.each_cell.n == 2_000
    assert found.any_cell.value <= 0.05 + 2 * 0.015
    assert found.each_cell.value <= 0.05 + 2 * 0.005


def test_swapped_arms_are_not_always_told_apart_but_sometimes(rng):
    """The check can fail: at a level of a half it finds what it should not in many cells."""
    found = check_null(draw_cells(rng, [0.0] * 10), rng=rng, alpha=0.5)

    assert found.each_cell.value > 0.3


def test_the_same_generator_gives_the_same_check(rng):
    """A published check can be had again."""
    cells = draw_cells(rng, [0.0, 0.2])

    one, other = (check_null(cells, rng=np.random.default_rng(2)) for _ in range(2))

    assert one == other


@pytest.mark.slow
def test_swapped_arms_seldom_stop_the_sequential_test(rng):
    """At most 5% of cells are called better or worse, the counting error granted."""
    found = check_sequential_null(draw_cells(rng, [0.0, 0.1, 0.3, 0.5]), plan=PLAN, rng=rng)

    assert found.each_cell.value <= 0.05 + 2 * 0.008
    assert found.each_cell.n == 800
    assert found.any_cell.value <= 1.0 - 0.95**4 + 2 * 0.03


def test_a_replay_takes_the_pairs_in_their_order(rng):
    """Seed by seed, as sequential mode would have taken them, each cell with the pairs it has."""
    cells = draw_cells(rng, [0.0, 0.5]) + draw_cells(rng, [0.4], num_seeds=50)

    found = replay(cells, plan=PLAN, rng=rng, num_orders=20)

    gaps = [np.asarray(first, int) - np.asarray(second, int) for first, second in cells]
    full, short = PLAN, SequentialPlan(max_pairs=50)
    expected = [
        run_sequentially([gap], plan) for gap, plan in zip(gaps, [full, full, short], strict=True)
    ]
    assert found.verdicts == tuple(str(verdicts[0]) for verdicts, _ in expected)
    assert found.pairs == tuple(int(used[0]) for _, used in expected)
    assert found.saved == pytest.approx(1.0 - sum(found.pairs) / 250)


def test_a_replay_of_other_orders_shows_what_was_luck(rng):
    """The mean over orders lies in its range, and a clear gain is clear in nearly all of them."""
    found = replay(draw_cells(rng, [0.5, 0.5]), plan=PLAN, rng=rng, num_orders=50)

    assert found.saved_of_orders.low <= found.saved_of_orders.value <= found.saved_of_orders.high
    assert found.saved_of_orders.value > 0.6
    assert found.agreed > 0.95


def test_an_order_does_not_matter_where_all_pairs_are_alike(rng):
    """Every order is the same order."""
    found = replay([([True] * 100, [False] * 100)], plan=PLAN, rng=rng, num_orders=5)

    assert (found.verdicts, found.pairs, found.agreed) == (("better",), (9,), 1.0)
    assert found.saved == found.saved_of_orders.low == found.saved_of_orders.high
    assert found.saved == pytest.approx(0.91)


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([], "cells and resamplings: expected at least one of each, got 0 and 200"),
        ([([], [])], "cells[0]: expected two of shape [S], S >= 1, got shapes (0,) and (0,)"),
        ([([1, 0], [1])], "cells[0]: expected two of shape [S], S >= 1, got shapes (2,) and (1,)"),
        ([([0.5], [1.0])], "cells[0]: expected successes, got other outcomes"),
    ],
)
def test_what_is_no_cell_is_refused(cells, text, rng):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        check_null(cells, rng=rng)
