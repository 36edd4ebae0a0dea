"""Means over cells: what they estimate, what their intervals cover, what is refused."""

import math
import re

import numpy as np
import pytest

from sim.stats import Cell, Estimate, mean_difference, mean_gain, mean_share
from steer.errors import InvalidInputError


def cell(task, policy, gaps, *, start=0):
    """Return a cell with these differences, from seed `start` on."""
    first = {start + i: gap for i, gap in enumerate(gaps)}
    return Cell(policy=policy, task=task, first=first, second=dict.fromkeys(first, 0.0))


def draw_cells(rng, *, num_tasks=6, num_policies=2, num_seeds=20, task_spread=0.0, shared=0.0):
    """Return cells with mean gain 0.1; `shared` of the seeds' noise is common to a task's cells."""
    cells = []
    for task in range(num_tasks):
        gain = 0.1 + task_spread * rng.normal()
        common = rng.normal(size=num_seeds)
        for policy in range(num_policies):
            own = rng.normal(size=num_seeds)
            noise = math.sqrt(shared) * common + math.sqrt(1.0 - shared) * own
            cells.append(cell(f"task-{task}", f"policy-{policy}", gain + 0.5 * noise))
    return cells


def test_every_task_weighs_the_same(rng):
    """Three policies on one task do not outvote one policy on another."""
    cells = [cell("push", name, [1.0, 1.0]) for name in "abc"] + [cell("cube", "a", [0.0, 0.0])]

    gain = mean_gain(cells, rng=rng)

    assert gain.fixed == Estimate(0.5, 0.5, 0.5, 8)
    assert (gain.random.value, gain.random.n) == (0.5, 2)


def test_the_order_of_the_cells_does_not_matter(rng):
    """The same generator gives the same figures."""
    cells = draw_cells(rng, num_tasks=3)
    mixed = [cells[i] for i in rng.permutation(len(cells))]

    there, back = (mean_gain(found, rng=np.random.default_rng(4)) for found in (cells, mixed))

    assert there == back


def test_one_cell_has_the_interval_of_its_seeds(rng):
    """Nearly that of `mean_difference`, which corrects for skew; nothing is said of other tasks."""
    gaps = rng.normal(size=50)

    gain = mean_gain([cell("push", "a", gaps)], rng=rng)

    plain = mean_difference(gaps, np.zeros(50), rng=rng)
    assert gain.fixed.low == pytest.approx(plain.low, abs=0.05)
    assert gain.fixed.high == pytest.approx(plain.high, abs=0.05)
    assert (gain.random.low, gain.random.high, gain.random.n) == (-math.inf, math.inf, 1)


def test_cells_that_copy_each_other_tell_no_more_than_one(rng):
    """Ten policies with the same outcomes on the same seeds are no ten times as many seeds."""
    gaps = rng.normal(size=30)

    one = mean_gain([cell("push", "a", gaps)], rng=np.random.default_rng(5))
    ten = mean_gain([cell("push", f"{i}", gaps) for i in range(10)], rng=np.random.default_rng(5))

    assert (ten.fixed.low, ten.fixed.high) == (
        pytest.approx(one.fixed.low),
        pytest.approx(one.fixed.high),
    )


def test_tasks_that_differ_widen_the_random_interval_alone(rng):
    """The same noise, with and without a spread between tasks."""
    alike = mean_gain(draw_cells(np.random.default_rng(1)), rng=rng)
    apart = mean_gain(draw_cells(np.random.default_rng(1), task_spread=0.3), rng=rng)

    widths = [
        (gain.fixed.high - gain.fixed.low, gain.random.high - gain.random.low)
        for gain in (alike, apart)
    ]
    assert widths[0][0] == pytest.approx(widths[1][0], rel=0.2)
    assert widths[1][1] > 2 * widths[0][1]
    assert all(random > fixed for fixed, random in widths)


def test_a_share_is_a_ratio_of_means(rng):
    """Half the oracle's gain, although one cell has no gain to be had."""
    whole = [cell("push", "a", [1.0] * 9 + [0.0]), cell("cube", "a", [0.0] * 10)]
    part = [cell("push", "a", [1.0] * 4 + [0.5] + [0.0] * 5), cell("cube", "a", [0.0] * 10)]

    share = mean_share(part, whole, rng=rng)

    assert share.value == pytest.approx(0.5)
    assert 0.0 < share.low < 0.5 < share.high < 1.0
    assert share.n == 20


def test_the_share_of_itself_is_one(rng):
    """In every resample, for both are resampled together."""
    cells = [cell("push", "a", rng.random(10))]

    share = mean_share(cells, cells, rng=rng)

    assert (share.value, share.low, share.high) == pytest.approx((1.0, 1.0, 1.0))


def test_there_is_no_share_of_what_may_be_nothing(rng):
    """The oracle gained on one seed of ten: on other seeds it may gain nowhere."""
    whole = [cell("push", "a", [1.0] + [0.0] * 9)]

    assert mean_share(whole, whole, rng=rng) is None


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda rng: mean_gain([], rng=rng), "cells: expected at least one, got none"),
        (
            lambda rng: mean_gain([cell("push", "a", [1.0])] * 2, rng=rng),
            "cells: expected each once, got a/push twice",
        ),
        (
            lambda rng: mean_gain(
                [cell("push", "a", [1.0]), cell("push", "b", [1.0], start=7)], rng=rng
            ),
            "cell b/push: expected the seeds of the other cells of push, got others",
        ),
        (
            lambda rng: mean_share([cell("push", "a", [1.0])], [cell("cube", "a", [1.0])], rng=rng),
            "part, whole: expected the same cells and seeds, got 1 and 1 cells that differ",
        ),
        (
            lambda rng: Cell(policy="a", task="push", first={1: 1.0}, second={}),
            "cell a/push: expected the same seeds of both arms, 1 or more, got 1 and 0 seeds",
        ),
        (
            lambda rng: cell("push", "a", [math.nan]),
            "cell a/push: expected finite outcomes, got others",
        ),
    ],
)
def test_cells_that_cannot_be_joined_are_refused(call, text, rng):
    """The text says what was wrong."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        call(rng)


@pytest.mark.slow
def test_the_fixed_interval_covers_the_gain_of_these_cells(rng):
    """At least 90% of 80 runs on other seeds, with noise that the cells of a task share."""
    found = [mean_gain(draw_cells(rng, shared=0.8), rng=rng).fixed for _ in range(80)]

    assert np.mean([gain.low <= 0.1 <= gain.high for gain in found]) >= 0.90


@pytest.mark.slow
def test_the_random_interval_covers_the_gain_of_all_tasks(rng):
    """At least 90% of 80 runs on other tasks, where the fixed one covers less than 70%."""
    found = [mean_gain(draw_cells(rng, task_spread=0.15), rng=rng) for _ in range(80)]

    assert np.mean([gain.random.low <= 0.1 <= gain.random.high for gain in found]) >= 0.90
    assert np.mean([gain.fixed.low <= 0.1 <= gain.fixed.high for gain in found]) < 0.7
