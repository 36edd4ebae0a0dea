"""Punctuality, from when actions went out."""

import numpy as np
import pytest

from sim.realtime.timing import away, lost_ticks, punctuality
from steer.errors import InvalidInputError

HZ = 200.0


def of(numbers, late_s=0.0, *, ticks, start_s=50.0):
    numbers = np.asarray(numbers)
    acted_at_s = start_s + numbers / HZ + late_s
    return punctuality(acted_at_s, numbers, start_s=start_s, hz=HZ, ticks=ticks)


def test_a_loop_that_is_always_equally_late_is_punctual():
    """As long as each action goes out within its period."""
    found = of(range(1000), 0.001, ticks=1000)

    assert (found.ticks, found.lost) == (1000, 0)
    assert found.error_ms == pytest.approx((0, 0, 0), abs=1e-3)
    assert found.drift_ms == pytest.approx(0, abs=1e-3)


def test_a_tick_that_was_skipped_is_lost_and_makes_a_period_twice_as_long():
    """One of a hundred: the largest error is a whole period."""
    numbers = [n for n in range(100) if n != 40]

    found = of(numbers, 0.001, ticks=100)

    assert found.lost == 1
    assert found.error_ms[2] == pytest.approx(5.0, abs=1e-3)


def test_an_action_that_goes_out_in_the_next_period_is_lost():
    """There are two in that one, and they do not make up for it."""
    late_s = np.zeros(100)
    late_s[40] = 0.006

    found = of(range(100), 0.001 + late_s, ticks=100)

    assert found.lost == 1


def test_a_loop_that_drifts_loses_as_many_ticks_as_it_falls_behind():
    """A tenth of a period each time: after 90 actions 9 periods have gone by without one."""
    numbers = np.arange(90)

    found = of(numbers, 0.1 * numbers / HZ + 1e-6, ticks=99)

    assert found.lost == 9
    assert found.error_ms[0] == pytest.approx(0.5, abs=1e-3)
    assert found.drift_ms == pytest.approx(8.9 * 5, abs=1e-2)


def test_what_never_went_out_at_the_end_is_lost_too():
    """The run had more ticks than actions."""
    assert of(range(50), 0.001, ticks=100).lost == 50


def test_one_action_is_no_run():
    """There is no period to look at."""
    with pytest.raises(InvalidInputError, match="run: expected two actions or more, got 1"):
        of([0], ticks=1)


@pytest.mark.parametrize(
    ("stalls", "is_away"),
    [
        ([[9.9, 10.55]], True),
        ([[10.0, 10.3], [10.4, 10.65]], True),
        ([[9.3, 9.85]], True),
        ([[9.0, 10.2]], True),
        ([[10.6, 11.0]], False),
        ([[9.0, 9.7]], False),
        ([[9.5, 9.9]], False),
        ([[9.0, 9.3], [9.4, 9.7]], False),
        ([[11.0, 12.0]], False),
        (np.empty((0, 2)), False),
    ],
)
def test_lost_ticks_are_told_apart_by_whether_the_core_was_there(stalls, is_away):
    """Away for half of its period, or until late in the one before; not some time near it."""
    start_s, period_s = 50.0, 1.0 / HZ
    acted_at_s = start_s + (np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]) + 0.3) * period_s
    lost = lost_ticks(acted_at_s, start_s=start_s, hz=HZ, ticks=13)
    assert lost.tolist() == [10]

    seen = start_s + period_s * np.array(stalls)
    found = away(lost, seen, start_s=start_s, hz=HZ, act_after_s=0.25 * period_s)
    assert found == is_away
