"""Means over cells: which cells and seeds go in, and what a control is compared with."""

from dataclasses import replace

import numpy as np
import pytest

from sim.evaluation.cells import Cell
from sim.evaluation.gains import paired_cells
from sim.figures.cells import cells_of_rows
from sim.figures.means import (
    controls_of,
    main_count,
    mean_over,
    only,
    policy_means,
    together,
)
from sim.stats import Cell as PairedCell
from sim.stats import mean_gain


def paired(policy, task, seeds):
    """Return a cell with a gain on its even seeds."""
    first = {seed: float(seed % 2 == 0) for seed in seeds}
    return PairedCell(policy=policy, task=task, first=first, second=dict.fromkeys(seeds, 0.0))


def test_the_main_n_is_the_one_of_most_cells(suite_rows):
    """A sweep has others, in fewer cells."""
    assert main_count(suite_rows) == 16


def test_the_main_n_of_a_run_without_steering_is_the_largest(make_row):
    """So that its controls are found."""
    assert main_count([make_row("alone"), make_row("random", count=8)]) == 8


def test_the_mean_is_the_statistics_own(suite_rows, suite):
    """Over the cells that count, which leaves out the one that is hopeless alone."""
    cells = [c for c in paired_cells(suite_rows, ("steered", 16)) if c.key != ("push", "dit")]

    assert suite.mean == mean_gain(cells, rng=np.random.default_rng(0))
    assert len(suite.counting) == 11
    assert suite.mean_of_all.fixed.value < suite.mean.fixed.value


def test_the_mean_of_each_policy_is_of_its_own_cells():
    """A mean over all hides a kind of policy that nothing helps."""
    helped, idle = paired("dit", "push", range(4)), paired("act", "scene", range(4))
    idle = replace(idle, first=idle.second)

    found = policy_means([helped, idle, paired("dit", "scene", range(4))], {Cell("dit", "push")})

    assert [(item.policy, item.num_counting, item.num_cells) for item in found] == [
        ("act", 0, 1),
        ("dit", 1, 2),
    ]
    assert found[0].counting is None
    assert (found[0].every.fixed.value, found[1].counting.fixed.value) == (0.0, 0.5)


def test_cells_of_a_task_are_cut_to_the_seeds_that_they_share():
    """A run that is not complete has more of one cell than of another."""
    cells = [paired("act", "push", range(6)), paired("dit", "push", range(2, 9))]

    found = together(cells)[0]

    assert [sorted(cell.first) for cell in found] == [[2, 3, 4, 5], [2, 3, 4, 5]]


def test_a_task_whose_cells_share_no_seed_is_left_out_of_means():
    """As in a single shard of a run."""
    cells = [paired("act", "push", range(3)), paired("dit", "push", range(5, 9))]

    assert mean_over(cells) is None
    assert mean_over([*cells, paired("act", "scene", range(4))]).fixed.n == 4


def test_lists_are_cut_to_the_cells_that_all_have():
    """Two means are compared on the same cells only."""
    here, there = paired("act", "push", range(4)), paired("act", "scene", range(4))

    assert together([here, there], [there]) == [[there], [there]]


def test_only_the_wanted_cells_are_kept():
    """By policy and task."""
    cells = [paired("act", "push", range(2)), paired("dit", "push", range(2))]

    assert only(cells, {Cell("dit", "push")}) == cells[1:]


def test_every_control_is_shown_beside_steering_on_its_own_cells(suite):
    """Each mean is of the two cells where the controls ran."""
    control = suite.control("worst")

    assert [item.arm for item in suite.controls] == [
        "random",
        "medoid",
        "argmax",
        "worst",
        "null",
        "filtered",
        "filtered-steered",
    ]
    assert {item.num_cells for item in suite.controls} == {2}
    assert control.ahead.fixed.value == pytest.approx(
        control.steered.fixed.value - control.gain.fixed.value
    )


def test_the_filtered_policy_steered_is_compared_with_itself_alone(suite, suite_rows):
    """What steering adds to filtering the data."""
    cells = paired_cells(suite_rows, ("filtered-steered", 16), ("filtered", 1))

    control = suite.control("filtered-steered")

    assert control.base == "filtered"
    assert control.gain == mean_over(cells)


def test_a_control_without_steering_stands_alone(make_row):
    """As in a run of the arms alone and random."""
    rows = [
        make_row(arm, s, is_success=s % 2 == 0) for arm in ("alone", "random") for s in range(8)
    ]
    (control,) = controls_of(rows, {Cell(c.policy, c.task) for c in cells_of_rows(rows)})

    assert (control.arm, control.gain.fixed.value, control.steered) == ("random", 0.0, None)
