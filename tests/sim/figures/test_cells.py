"""What rows say of each cell: rates, paired differences, what counts, and Holm's families."""

import pytest

from sim.figures.cells import cells_of_rows, limits_of
from sim.stats import holm, mcnemar, paired_difference

SEEDS = range(200_000, 200_010)


@pytest.fixture
def rows(make_row):
    """Return ten seeds: alone wins 2, steered 8 (one of alone's two is lost), random 2."""
    return [
        row
        for seed in SEEDS
        for row in (
            make_row("alone", seed, is_success=seed < 200_002, indices=(0, 0)),
            make_row("random", seed, is_success=seed > 200_007, indices=(1, 0)),
            make_row("steered", seed, is_success=1 <= seed % 10 <= 8, indices=(0, 2, 5)),
            make_row("filtered", seed, is_success=seed < 200_005, indices=(0,)),
            make_row("filtered-steered", seed, is_success=seed < 200_006, indices=(4,)),
        )
    ]


def test_each_arm_has_its_rate(rows):
    """Over its own episodes."""
    (cell,) = cells_of_rows(rows)

    assert {arm: rate.value for (arm, _), rate in cell.rates.items()} == {
        "alone": 0.2,
        "random": 0.2,
        "steered": 0.8,
        "filtered": 0.5,
        "filtered-steered": 0.6,
    }


def test_gains_are_paired_by_seed(rows):
    """Each arm against the policy that it steers."""
    (cell,) = cells_of_rows(rows)

    assert {(d.arm, d.base): round(d.gap.value, 3) for d in cell.differences} == {
        ("random", "alone"): 0.0,
        ("steered", "alone"): 0.6,
        ("filtered", "alone"): 0.3,
        ("filtered-steered", "filtered"): 0.1,
        ("steered", "filtered"): 0.3,
    }
    assert cell.gain is cell.differences[0]
    assert (cell.gain.gap.won, cell.gain.gap.lost) == (7, 1)


def test_seeds_that_one_arm_lacks_are_no_pairs(rows):
    """As in a run that was interrupted."""
    some = [row for row in rows if row.arm != "alone" or row.seed != 200_000]

    assert cells_of_rows(some)[0].gain.gap.n == 9


def test_the_gain_of_a_cell_is_the_statistics_own(suite_rows, suite):
    """Nothing is computed a second time in another way."""
    cell = next(cell for cell in suite.cells if cell.name == "act/cube-single")
    arms = {
        arm: [row.is_success for row in suite_rows if row.arm == arm and key(row) == cell.name]
        for arm in ("steered", "alone")
    }

    assert cell.gain.gap == paired_difference(arms["steered"], arms["alone"])


def test_p_values_are_corrected_over_the_cells_with_the_same_two_arms(suite):
    """Steered minus alone over all cells; a control over the cells where it ran."""
    gaps = [cell.gain.gap for cell in suite.cells]
    family = holm([float(mcnemar(gap.won, gap.lost)) for gap in gaps])
    worst = [d for cell in suite.cells for d in cell.differences if d.arm == "worst"]

    assert [cell.gain.adjusted for cell in suite.cells] == pytest.approx(family)
    assert [d.adjusted for d in worst] == pytest.approx(holm([d.gap.p_value for d in worst]))
    assert len(worst) == 2


def test_cells_are_sorted_by_package_and_policy(suite):
    """As the forest plot shows them."""
    keys = [(cell.package, cell.policy, cell.task) for cell in suite.cells]

    assert keys == sorted(keys)
    assert {cell.package for cell in suite.cells} == {"metaworld", "ogbench", "gymnasium-robotics"}


@pytest.mark.parametrize(
    ("successes", "is_counting"), [(0, False), (1, True), (18, True), (19, False)]
)
def test_a_cell_counts_where_there_is_something_to_win_and_to_lose(
    make_row, successes, is_counting
):
    """Alone between .05 and .90, both included."""
    rows = [make_row("alone", seed, is_success=seed < successes) for seed in range(20)]

    assert cells_of_rows(rows)[0].is_counting is is_counting


def test_a_task_of_the_users_own_has_no_package_of_ours(make_row):
    """And nothing is imported to look for one."""
    assert cells_of_rows([make_row("alone", task="mine.py:robot")])[0].package == "other"


def test_gains_at_the_packages_limit_stand_beside_ours(suite):
    """They never go into the other figures."""
    (found,) = suite.limits
    cell = next(cell for cell in suite.cells if cell.name == "act/scene")

    assert (found.policy, found.task) == ("act", "scene")
    assert found.ours == cell.gain.gap
    assert found.package != found.ours
    assert limits_of(()) == ()


def key(row):
    """Return the name of a row's cell where it ran under our limit with the main N."""
    is_main = row.limit == "task" and row.num_candidates in (1, 16)
    return f"{row.policy}/{row.task}" if is_main else ""
