"""Telling failing from succeeding episodes: areas by hand, laws, and what length alone does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.stats import Group, discrimination
from steer.errors import InvalidInputError

COURSE = st.lists(st.none() | st.integers(0, 4).map(float), min_size=1, max_size=5)
COURSES = st.lists(COURSE, min_size=1, max_size=4)


def course(values):
    """Return readings eight ticks apart."""
    return [(8 * number, value) for number, value in enumerate(values)]


def areas(failing, succeeding, seed=0):
    group = Group([course(item) for item in failing], [course(item) for item in succeeding])
    return discrimination([group], rng=np.random.default_rng(seed))


def test_a_clock_tells_nothing_of_an_episode_that_still_runs():
    """In hindsight it knows all, for failing episodes last to the end."""
    found = areas([range(7)] * 4, [range(number) for number in (1, 2, 3, 4)])

    assert found.so_far.value == found.so_far.low == found.so_far.high == 0.5
    assert found.early.value == 0.5
    assert found.whole.value == 1.0
    assert found.so_far.n == 8


def test_noise_tells_nothing_of_an_episode_that_still_runs():
    """In hindsight it seems to: a longer course of anything reaches higher."""
    rng = np.random.default_rng(3)
    found = areas(rng.normal(size=(150, 7)), rng.normal(size=(150, 2)))

    assert found.so_far.low < 0.5 < found.so_far.high
    assert found.whole.low > 0.7


def test_areas_by_hand():
    """Pairs at the end of the shorter one: above, the same, below, and above late."""
    assert areas([[2.0]], [[1.0]]).so_far.value == 1.0
    assert areas([[1.0]], [[1.0]]).so_far.value == 0.5
    assert areas([[0.0]], [[1.0]]).so_far.value == 0.0
    late = areas([[0.0, 9.0]], [[1.0]])
    assert (late.so_far.value, late.whole.value) == (0.0, 1.0)
    assert areas([[3.0, 0.0]], [[1.0, 2.0]]).so_far.value == 1.0  # the largest so far
    assert areas([[0.0], [3.0]], [[1.0], [2.0], [4.0]]).so_far.value == pytest.approx(2 / 6)


def test_early_is_at_one_tick_that_three_quarters_of_the_successes_reach():
    """Those that have ended are left out, and what comes later is not looked at."""
    failing = [[0.0, 2.0, 9.0], [0.0, 0.0, 9.0]]
    succeeding = [[7.0], [0.0, 1.0], [0.0, 1.0, 5.0], [0.0, 3.0, 0.0]]
    found = areas(failing, succeeding).early

    assert (found.value, found.n) == (pytest.approx(2 / 6), 5)


def test_early_has_no_figure_where_all_failures_have_ended():
    """They may fail before others succeed."""
    found = areas([[1.0]], [[1.0, 2.0]]).early

    assert np.isnan(found.value)
    assert found.n == 0


def test_what_was_not_read_is_below_everything():
    """And no more than that."""
    assert areas([[None, None]], [[None, -5.0]]).so_far.value == 0.0
    assert areas([[None]], [[None]]).so_far.value == 0.5


@given(failing=COURSES, succeeding=COURSES)
def test_the_other_way_round_it_is_one_less(failing, succeeding):
    """Whoever is called failing."""
    one, other = areas(failing, succeeding), areas(succeeding, failing)

    assert one.early.n == 0 or 0 <= one.early.value <= 1
    assert one.so_far.value + other.so_far.value == pytest.approx(1.0)
    assert one.whole.value + other.whole.value == pytest.approx(1.0)


@given(failing=COURSES, succeeding=COURSES)
def test_only_the_order_of_readings_counts(failing, succeeding):
    """Any rising function of them has the same area, to the last bit."""

    def risen(courses):
        return [[None if x is None else np.exp(x) - 7 for x in item] for item in courses]

    there, here = areas(risen(failing), risen(succeeding)), areas(failing, succeeding)
    assert (there.so_far, there.whole) == (here.so_far, here.whole)
    assert there.early == here.early or there.early.n == here.early.n == 0


def test_intervals_are_of_episodes_and_the_generator_decides():
    """Narrower with more of them."""
    rng = np.random.default_rng(1)
    few, many = (
        areas(rng.normal(1, 1, size=(size, 1)), rng.normal(0, 1, size=(size, 1)))
        for size in (20, 180)
    )

    assert few.so_far.high - few.so_far.low > 2 * (many.so_far.high - many.so_far.low)
    assert many.so_far.low < 0.76 < many.so_far.high  # two normals one deviation apart
    assert areas([[1.0], [3.0]], [[2.0]], seed=5) == areas([[1.0], [3.0]], [[2.0]], seed=5)


def test_cells_weigh_the_same_and_are_not_compared_with_each_other():
    """Their numbers may mean something else."""
    small = Group([course([5.0])], [course([4.0])])
    large = Group([course([0.0])] * 9, [course([1.0])] * 9)
    found = discrimination([small, large], rng=np.random.default_rng(0))

    assert (found.so_far.value, found.so_far.n) == (0.5, 20)


ONE = course([1.0])


@pytest.mark.parametrize(
    "groups", [[], [Group([], [ONE])], [Group([ONE], [])], [Group([ONE], [[]])]]
)
def test_episodes_of_one_kind_are_refused(groups):
    """There is nobody to tell them from; nor may one have no tick at all."""
    with pytest.raises(InvalidInputError, match="group"):
        discrimination(groups, rng=np.random.default_rng(0))
