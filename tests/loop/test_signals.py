"""What candidates tell: laws of distances and spreads, and numbers by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.loop.signals import (
    departure,
    ensemble_spread,
    sample_variance,
    scale_of,
    stac,
    state_value,
    value_progress,
)

SCALE = np.array([1.0, 2.0])
NUMBERS = st.floats(-10, 10, width=32)
SHAPES = st.tuples(st.integers(2, 5), st.integers(3, 6), st.just(2))
DRAWS = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS))
PAIRS = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=NUMBERS), arrays(np.float32, shape, elements=NUMBERS)
    )
)


def near(number):
    return pytest.approx(number, rel=1e-6, abs=1e-6)


def flat(values, rows=4, dims=2):
    """Return draws that are one number each, in all rows and dimensions."""
    return np.float32(values)[:, None, None] * np.ones((1, rows, dims), np.float32)


@settings(deadline=None)
@given(pair=PAIRS, shift=st.integers(0, 2))
def test_a_distance_is_never_negative_and_the_order_of_draws_tells_nothing(pair, shift):
    """Of either set."""
    before, after = pair
    found = stac(before, after, shift=shift, scale_A=SCALE)

    assert found >= 0
    assert stac(before[::-1], after[::-1], shift=shift, scale_A=SCALE) == near(found)


@settings(deadline=None)
@given(draws=DRAWS, shift=st.integers(0, 2))
def test_sets_that_agree_where_they_overlap_have_no_distance(draws, shift):
    """Whatever stands in the rows that only one of them has."""
    after = np.concatenate([draws[:, shift:], np.full_like(draws[:, :shift], 7.0)], axis=1)

    assert stac(draws, after, shift=shift, scale_A=SCALE) == near(0.0)


@settings(deadline=None)
@given(pair=PAIRS)
def test_a_distance_is_the_same_from_both_sides(pair):
    """Where nothing was consumed in between."""
    one, other = pair

    there = stac(one, other, shift=0, scale_A=SCALE)
    assert stac(other, one, shift=0, scale_A=SCALE) == near(there)


@settings(deadline=None)
@given(pair=PAIRS, shift=st.integers(0, 2), place=arrays(np.float32, 2, elements=NUMBERS))
def test_where_the_origin_lies_does_not_matter(pair, shift, place):
    """Only differences count."""
    before, after = (item.astype(np.float64) for item in pair)

    moved = stac(before + place, after + place, shift=shift, scale_A=SCALE)
    assert moved == near(stac(before, after, shift=shift, scale_A=SCALE))


@settings(deadline=None)
@given(pair=PAIRS, units=arrays(np.float64, 2, elements=st.floats(0.01, 100)))
def test_units_do_not_matter_where_the_scale_is_in_them_too(pair, units):
    """Of any dimension: metres or millimetres."""
    before, after = (item.astype(np.float64) for item in pair)

    found = stac(before * units, after * units, shift=1, scale_A=SCALE * units)
    assert found == near(stac(before, after, shift=1, scale_A=SCALE))
    found = sample_variance(before * units, scale_A=SCALE * units)
    assert found == near(sample_variance(before, scale_A=SCALE))


@settings(deadline=None)
@given(pair=PAIRS, factor=st.floats(0.1, 10))
def test_twice_as_far_is_twice_the_distance_and_four_times_the_variance(pair, factor):
    """A distance has the unit of the scale, and needs no width of a kernel."""
    before, after = (item.astype(np.float64) for item in pair)

    found = stac(before * factor, after * factor, shift=1, scale_A=SCALE)
    assert found == near(factor * stac(before, after, shift=1, scale_A=SCALE))
    found = sample_variance(before * factor, scale_A=SCALE)
    assert found == near(factor**2 * sample_variance(before, scale_A=SCALE))


@settings(deadline=None)
@given(pair=PAIRS)
def test_draws_that_all_come_twice_are_no_farther(pair):
    """It is a distance of distributions, of which N is no part."""
    before, after = pair

    twice = stac(np.repeat(before, 2, 0), np.repeat(after, 3, 0), shift=1, scale_A=SCALE)
    assert twice == near(stac(before, after, shift=1, scale_A=SCALE))


@pytest.mark.parametrize(("rows", "shift"), [(4, 0), (4, 3), (40, 8)])
def test_two_sure_sets_have_twice_the_gap_between_them_however_long_they_overlap(rows, shift):
    """A gap of 3 in a scale of 1 and of 6 in a scale of 2: three scales in every action."""
    before, after = flat([5.0, 5.0], rows), flat([5.0, 5.0], rows) + np.float32([3.0, 6.0])

    assert stac(before, after, shift=shift, scale_A=SCALE) == near(6.0)


def test_a_distance_by_hand():
    """Draws at 0 and 2 against draws at 0 and 4: 2 * 2 - 1 - 2."""
    assert stac(flat([0, 2]), flat([0, 4]), shift=0, scale_A=[1, 1]) == near(1.0)


def test_draws_split_between_two_ways_are_far_from_draws_of_one_way():
    """Though their means are the same as those of draws in between."""
    split, between = flat([-1, 1, -1, 1]), flat([0, 0, 0, 0])

    assert stac(split, split, shift=0, scale_A=[1, 1]) == near(0.0)
    assert stac(between, split, shift=0, scale_A=[1, 1]) == near(1.0)


def test_what_ran_may_be_far_from_what_was_meant_most():
    """The draws agree before and after; the chunk that was chosen was none of those."""
    draws = flat([0, 0, 0, 5])

    assert stac(draws, draws, shift=0, scale_A=[1, 1]) == near(0.0)
    assert departure(draws[0], draws, shift=0, scale_A=[1, 1]) == near(2 * 1.25 - 1.875)
    assert departure(draws[3], draws, shift=0, scale_A=[1, 1]) == near(2 * 3.75 - 1.875)


def test_a_dimension_of_infinite_scale_counts_for_nothing():
    """Neither as a distance nor as one that is always the same."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 4, 6, 2))
    only = {"shift": 2, "scale_A": [1.0]}

    assert stac(before, after, shift=2, scale_A=[1.0, np.inf]) == near(
        stac(before[..., :1], after[..., :1], **only)
    )
    assert sample_variance(before, scale_A=[np.inf, 1.0]) == near(
        before[..., 1].var(0, ddof=1).mean()
    )


def test_a_gripper_has_no_scale_and_a_body_without_a_range_has_to_say_its_own():
    """Half of the range is one unit."""
    dims = (ActionDim(name="x", low=-1.0, high=3.0), ActionDim(name="gripper"))
    body = Embodiment(name="b", control_hz=10.0, actions=dims, observations=())
    open_ended = Embodiment(
        name="b", control_hz=10.0, actions=(ActionDim(name="y"),), observations=()
    )

    assert scale_of(body).tolist() == [2.0, np.inf]
    with pytest.raises(
        InvalidInputError, match="action 'y': expected a range, or a scale given by"
    ):
        scale_of(open_ended)


@settings(deadline=None)
@given(draws=DRAWS)
def test_a_variance_does_not_depend_on_which_draws_are_left_out_on_average(draws):
    """The mean over all sets with one draw less is the variance of all: no bias by N."""
    if len(draws) < 3:
        return
    less = [sample_variance(np.delete(draws, i, 0), scale_A=SCALE) for i in range(len(draws))]

    assert np.mean(less) == near(sample_variance(draws, scale_A=SCALE))


def test_critics_that_agree_have_no_spread_wherever_the_value_lies():
    """Of the candidate that is asked for alone."""
    values = np.float32([[1, 0], [1, 2], [1, 4]])

    assert ensemble_spread(values, 0) == 0.0
    assert ensemble_spread(values, 1) == near(2.0)
    assert ensemble_spread(values - 7, 1) == near(2.0)
    assert state_value(values) == near(1.5)


def test_progress_is_what_is_missing():
    """A state that is worth less than expected is behind."""
    assert value_progress(-5.0, -3.0) == 2.0
    assert value_progress(-2.0, -3.0) == -1.0


TWO = flat([0, 1])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: stac(TWO[:1], TWO, shift=0, scale_A=SCALE), "draws: expected at least 2, got 1"),
        (lambda: stac(TWO, TWO[:1], shift=0, scale_A=SCALE), "draws: expected at least 2, got 1"),
        (lambda: departure(TWO[0], TWO[:1], shift=0, scale_A=SCALE), "draws: expected at least 2"),
        (lambda: stac(TWO, TWO, shift=4, scale_A=SCALE), "shift: expected 0..3"),
        (lambda: stac(TWO, TWO, shift=-1, scale_A=SCALE), "shift: expected 0..3"),
        (lambda: stac(TWO, TWO[..., :1], shift=0, scale_A=SCALE), "draws: expected shape"),
        (lambda: stac(TWO[0], TWO, shift=0, scale_A=SCALE), "draws: expected shape"),
        (lambda: stac(TWO, TWO, shift=0, scale_A=[1.0]), "scale: expected 2 numbers > 0"),
        (lambda: stac(TWO, TWO, shift=0, scale_A=[1.0, 0.0]), "scale: expected 2 numbers > 0"),
        (lambda: stac(TWO, TWO, shift=0, scale_A=[np.inf] * 2), "not all infinite"),
        (lambda: stac(TWO * np.nan, TWO, shift=0, scale_A=SCALE), "distance: expected a finite"),
        (lambda: sample_variance(TWO[:1], scale_A=SCALE), "draws: expected at least 2"),
        (lambda: sample_variance((TWO + 1) * np.inf, scale_A=SCALE), "variance: expected a finite"),
        (lambda: ensemble_spread(np.zeros((1, 4)), 0), "critics: expected at least 2, got 1"),
        (lambda: ensemble_spread(np.zeros((2, 4)), 4), "index: expected 0..3, got 4"),
        (lambda: ensemble_spread(np.zeros((0, 0)), 0), "values: expected shape"),
        (lambda: state_value(np.full((2, 2), np.nan)), "value: expected a finite number, got nan"),
        (lambda: value_progress(np.nan, 0.0), "progress: expected a finite number"),
    ],
)
def test_what_cannot_be_read_is_refused(call, text):
    """With what is wrong, and without a warning of NumPy's."""
    with pytest.raises(InvalidInputError) as caught:
        call()

    assert text in str(caught.value)
