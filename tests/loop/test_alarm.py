"""When a reading is an alarm, when it ends, and when the next one may begin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steer.errors import InvalidInputError
from steer.loop.alarm import Alarm, RandomTrigger, Threshold, largest_in_a_row

READINGS = st.lists(st.none() | st.integers(0, 5).map(float), max_size=12)


def alarms(readings, *, step=1, **threshold):
    """Return where readings alarm, one every `step` ticks, as a string of dots and bangs."""
    alarm = Alarm(Threshold(**{"high": 2.0, "low": 1.0, **threshold}))
    found = [alarm.update(item, tick=step * tick) for tick, item in enumerate(readings)]
    return "".join("!" if item else "." for item in found)


def test_an_alarm_begins_above_the_upper_threshold_and_ends_at_the_lower_one():
    """In between it stays what it was: a reading that trembles does not ring twice."""
    assert alarms([2.0, 2.1, 1.5, 2.1, 1.1, 1.0, 1.5, 2.0, 3.0]) == ".!!!!...!"


def test_it_takes_so_many_readings_in_a_row():
    """One that is not above begins the row anew."""
    assert alarms([3, 3, 0, 3, 3, 3, 1.5], in_a_row=3) == ".....!!"


def test_after_an_alarm_none_begins_for_so_many_ticks():
    """Of actions that were consumed, not of readings; then it may begin at once."""
    readings = [3, 0, 3, 3, 3, 3]

    assert alarms(readings, cooldown_ticks=8, step=4) == "!..!!!"
    assert alarms(readings, cooldown_ticks=9, step=4) == "!...!!"


def test_what_could_not_be_read_changes_nothing():
    """It neither begins an alarm nor ends one, and a row goes on over it."""
    assert alarms([3, None, 0, None]) == "!!.."
    assert alarms([3, None, 3], in_a_row=2) == "..!"


@given(readings=READINGS, in_a_row=st.integers(1, 4), high=st.integers(0, 4))
def test_an_episode_alarms_if_and_only_if_its_largest_in_a_row_is_above(readings, in_a_row, high):
    """So a threshold on the one is a promise about the other."""
    found = alarms(readings, high=float(high), low=0.0, in_a_row=in_a_row)

    assert ("!" in found) == (largest_in_a_row(readings, in_a_row) > high)


def test_the_largest_in_a_row_of_too_few_is_less_than_anything():
    """Such an episode never alarms."""
    assert largest_in_a_row([1.0, None, 5.0, 2.0], 2) == 2.0
    assert largest_in_a_row([1.0, None], 2) == -math.inf


def test_chance_alarms_at_its_rate_and_no_reading_moves_it():
    """The same seed, the same alarms."""
    found, again = (
        [trigger.update(tick=tick) for tick in range(4000)]
        for trigger in (RandomTrigger(0.2, seed=1), RandomTrigger(0.2, seed=1))
    )

    assert found == again
    assert np.mean(found) == pytest.approx(0.2, abs=0.02)
    assert not any(RandomTrigger(0.0, seed=0).update(tick=0) for _ in range(9))


def test_chance_cools_down_as_monitors_do():
    """And an epoch begins without."""
    trigger = RandomTrigger(1.0, seed=0, cooldown_ticks=2)
    found = [trigger.update(tick=tick) for tick in range(6)]
    trigger.begin()

    assert found == [True, False, False, True, False, False]
    assert trigger.update(tick=0)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Threshold(high=1.0, low=2.0), "threshold: expected finite, low <= high, got 2"),
        (lambda: Threshold(high=math.nan, low=0.0), "threshold: expected finite"),
        (lambda: Threshold(high=math.inf, low=0.0), "threshold: expected finite"),
        (lambda: Threshold(high=1.0, low=0.0, in_a_row=0), "in_a_row: expected >= 1, got 0"),
        (lambda: Threshold(high=1, low=0, cooldown_ticks=-1), "cooldown_ticks: expected >= 0"),
        (lambda: Threshold.from_tree({"high": 1.0}), "threshold: expected numbers cooldown_ticks"),
        (lambda: RandomTrigger(1.5, seed=0), "rate: expected a share in [0, 1], got 1.5"),
    ],
)
def test_thresholds_that_are_none_are_refused(make, text):
    """With what would be one."""
    with pytest.raises(InvalidInputError) as caught:
        make()

    assert text in str(caught.value)


def test_a_threshold_comes_out_as_it_went_in():
    """Whole numbers stay whole."""
    threshold = Threshold(high=1.5, low=1.0, in_a_row=3, cooldown_ticks=10)

    assert Threshold.from_tree(threshold.to_tree()) == threshold
