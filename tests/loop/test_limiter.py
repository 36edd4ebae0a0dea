"""What is commanded keeps the limits, whatever is wanted."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from steer.errors import InvalidInputError
from steer.limiting import Bounds, _step, kept
from steer.limits import Limits
from steer.loop.limiter import Limiter

WILD = st.floats(-1e3, 1e3, width=32) | st.sampled_from([np.nan, np.inf, -np.inf])


def limits(low=-1.0, high=1.0, first=np.inf, second=np.inf, third=np.inf, size=1):
    """Return the same limits for every dimension."""
    names = {"low": low, "high": high, "first": first, "second": second, "third": third}
    return Limits(**{name: np.full(size, value) for name, value in names.items()})


def sent(limiter, wanted):
    """Return what is sent for each wanted number of one dimension."""
    return [limiter.apply(np.array([x], np.float32)).command[0].item() for x in wanted]


@settings(deadline=None)
@given(
    wanted=arrays(np.float32, (40, 2), elements=WILD),
    first=st.floats(0.01, 3),
    second=st.floats(0.01, 3),
    third=st.floats(0.01, 3),
)
def test_range_first_and_second_difference_hold_for_ever(wanted, first, second, third):
    """From rest within the range, whatever comes: NaN, infinity, jumps from end to end."""
    limiter = Limiter(limits(first=first, second=second, third=third, size=2))
    limiter.reset(np.zeros(2, np.float32))

    got = np.array([np.zeros(2), np.zeros(2), *(limiter.apply(row).command for row in wanted)])

    assert np.isfinite(got).all()
    assert (np.abs(got) <= 1.0).all()
    assert (np.abs(np.diff(got, axis=0)) <= first + 1e-5).all()
    assert (np.abs(np.diff(got, 2, axis=0)) <= second + 1e-5).all()


@settings(deadline=None)
@given(wanted=arrays(np.float32, (30, 1), elements=st.floats(-50, 50, width=32)))
def test_the_third_difference_holds_where_nothing_else_does(wanted):
    """It yields to the others alone."""
    free = limits(low=-np.inf, high=np.inf, third=0.5)
    limiter = Limiter(free)
    limiter.reset(np.zeros(1, np.float32))

    got = np.array([[0.0]] * 3 + [limiter.apply(row).command.astype(float) for row in wanted])

    assert (np.abs(np.diff(got, 3, axis=0)) <= 0.5 + 1e-4 * np.abs(got).max()).all()


def test_what_keeps_the_limits_is_sent_as_it_is():
    """Bit for bit, and nothing is counted."""
    limiter = Limiter(limits(first=0.5, second=0.5, third=0.5))
    wanted = np.float32([0.1, 0.2, 0.35, 0.3])
    limiter.reset(np.zeros(1, np.float32))

    assert sent(limiter, wanted) == wanted.tolist()
    assert limiter.counts == {}


def test_a_jump_is_walked_and_named():
    """No further than the first difference a tick; each broken limit is counted by its name."""
    limiter = Limiter(limits(first=0.25))
    limiter.reset(np.zeros(1, np.float32))

    found = limiter.apply(np.float32([0.9]))

    assert (found.command.tolist(), found.broken) == ([0.25], ("first",))
    assert sent(limiter, [0.9, 0.9, 0.9]) == pytest.approx([0.5, 0.75, 0.9])
    assert limiter.counts == {"first": 3}


def test_a_robot_brakes_before_the_end_of_its_range():
    """With a second difference of 0.1 it could not stop from full speed at the last moment."""
    limiter = Limiter(limits(second=0.1))
    limiter.reset(np.full(1, -1.0, np.float32))

    got = sent(limiter, [5.0] * 60)

    steps = np.diff([-1.0, -1.0, *got])
    assert max(got) == pytest.approx(1.0, abs=1e-6)
    assert steps.max() > 0.3
    assert np.abs(np.diff(steps)).max() <= 0.1 + 1e-6


def test_what_is_not_finite_is_the_last_command():
    """In its own dimension alone."""
    limiter = Limiter(limits(size=2))
    limiter.reset(np.float32([0.5, 0.5]))

    found = limiter.apply(np.float32([np.nan, 0.25]))

    assert (found.command.tolist(), found.broken) == ([0.5, 0.25], ("finite",))


def test_where_nothing_is_known_the_first_command_is_held_to_the_range_alone():
    """There is nothing that it could differ from."""
    limiter = Limiter(limits(first=0.1))

    assert sent(limiter, [3.0, 0.0]) == pytest.approx([1.0, 0.9])


@settings(deadline=None)
@given(
    wanted=arrays(np.float32, (3, 12, 2), elements=WILD),
    sent_before=arrays(np.float32, (5, 2), elements=WILD),
)
def test_what_was_kept_for_a_chunk_is_left_as_it_is_when_it_runs(wanted, sent_before):
    """Every chunk by itself, after the same commands: bit for bit, and nothing is broken."""
    bounds = limits(first=0.3, second=0.2, third=0.1, size=2)
    limiter = Limiter(bounds)
    for row in sent_before:
        limiter.apply(row)

    found = kept(bounds, wanted, limiter.sent)

    for chunk in found:
        runs = Limiter(bounds)
        for row in sent_before:
            runs.apply(row)
        limited = [runs.apply(row) for row in chunk]
        np.testing.assert_array_equal([item.command for item in limited], chunk)
        assert not any(item.broken for item in limited)


@settings(deadline=None)
@given(
    wanted=arrays(np.float32, (12, 2), elements=WILD),
    first=st.floats(0.01, 3.0),
    second=st.floats(0.01, 3.0),
)
def test_far_from_the_ends_nobody_needs_to_look_whether_there_is_room_to_brake(
    wanted, first, second
):
    """Commands are the same to the last bit as where it is looked at every time."""
    bounds = Bounds.of(limits(first=first, second=second, size=2), axes=1)
    always = replace(bounds, near=np.full_like(bounds.near, np.inf))
    last = np.zeros((3, 2))

    for row in wanted.astype(np.float64):
        after = _step(bounds, row, last)
        np.testing.assert_array_equal(after, _step(always, row, last))
        last = after


def test_a_dimension_that_is_not_known_is_held_to_its_range_alone_at_first():
    """Those beside it are walked from where they stand."""
    limiter = Limiter(limits(first=0.25, size=2))
    limiter.reset(np.float32([0.0, np.nan]))

    found = limiter.apply(np.float32([1.0, 1.0]))

    assert found.command.tolist() == [0.25, 1.0]


def test_a_command_of_another_shape_is_refused():
    """With the shape that it must have."""
    with pytest.raises(InvalidInputError, match=r"command: expected shape \[1\]"):
        Limiter(limits()).apply(np.zeros(2, np.float32))
