"""Rung by rung down to a stop, each with its time, its count, its line and its call."""

import logging
import math

import pytest

from steer.errors import InvalidInputError
from steer.loop.ladder import Ladder, Rung

HOLD, POLICY, REST, STEERED, STOP = Rung.HOLD, Rung.POLICY, Rung.REST, Rung.STEERED, Rung.STOP


def climb(ladder, *steps):
    """Return the rungs of steps (instant, best rung that there is)."""
    return [ladder.step(there, now_s=now_s, cause="a cause") for now_s, there in steps]


def test_a_robot_stands_where_there_is_something_for_it():
    """Down and up again, as chunks end and come."""
    found = climb(Ladder(), (0, STEERED), (1, REST), (1.5, HOLD), (2, POLICY), (3, STEERED))

    assert found == [STEERED, REST, HOLD, POLICY, STEERED]


def test_holding_too_long_is_a_stop_that_only_reset_ends():
    """A chunk that comes then changes nothing: somebody has been called."""
    ladder = Ladder()
    found = climb(ladder, (0, STEERED), (1, HOLD), (2.9, HOLD), (3, HOLD), (4, STEERED))
    ladder.reset(now_s=5.0)
    again = climb(ladder, (5.1, HOLD), (5.2, STEERED))

    assert found == [STEERED, HOLD, HOLD, STOP, STOP]
    assert again == [HOLD, STEERED]


def test_a_robot_that_never_had_anything_stands_and_waits():
    """For as long as a server takes to load; the limits begin with the first chunk ever."""
    ladder = Ladder()

    assert climb(ladder, (0, HOLD), (2, HOLD), (600, HOLD), (601, POLICY)) == [*[HOLD] * 3, POLICY]
    assert climb(ladder, (602, HOLD), (603.9, HOLD), (604, HOLD)) == [HOLD, HOLD, STOP]


def test_a_reset_is_no_new_start():
    """Who comes back to a server that is still gone is called again, in its time."""
    ladder = Ladder()
    climb(ladder, (0, STEERED), (1, HOLD), (3, HOLD))
    ladder.reset(now_s=10.0)

    assert climb(ladder, (11, HOLD), (12.9, HOLD), (13, HOLD)) == [HOLD, HOLD, STOP]


def test_with_no_limit_for_hold_a_robot_goes_on_by_itself():
    """However long nobody answered."""
    ladder = Ladder({HOLD: math.inf})

    assert climb(ladder, (0, STEERED), (1, HOLD), (4000, HOLD), (4001, STEERED))[-1] is STEERED
    assert not ladder.counts[STOP]


@pytest.mark.parametrize("rung", [POLICY, REST])
def test_what_has_been_too_long_on_a_rung_holds_until_there_is_something_better(rung):
    """Not just until the next tick; and it stops once the time of HOLD is over, too."""
    ladder = Ladder(limits_s={rung: 1.0, HOLD: 2.0})
    found = climb(ladder, (0, rung), (0.9, rung), (1.0, rung), (1.1, rung), (2, STEERED))
    late = climb(ladder, (3, rung), (4, rung), (5, rung), (6, rung))

    assert found == [rung, rung, HOLD, HOLD, STEERED]
    assert late == [rung, HOLD, HOLD, STOP]


def test_what_is_worse_than_a_spent_rung_is_no_way_out():
    """Who may not run the policy's own chunk any longer may not run the rest of one."""
    ladder = Ladder(limits_s={POLICY: 1.0, HOLD: 9.0})

    assert climb(ladder, (0, POLICY), (1, POLICY), (2, REST)) == [POLICY, HOLD, HOLD]


def test_each_rung_is_counted_timed_logged_and_called(caplog):
    """The cause is in words; down is a warning, a stop an error, up is information."""
    ladder = Ladder()
    caplog.set_level(logging.INFO, "steer.loop.ladder")
    climb(ladder, (0, STEERED), (4, REST), (5, HOLD), (7, HOLD), (8, HOLD))

    changes = list(ladder.changes)
    assert [(item.before, item.after) for item in changes] == [
        (HOLD, STEERED),
        (STEERED, REST),
        (REST, HOLD),
        (HOLD, STOP),
    ]
    assert [item.stayed_s for item in changes] == [0, 4, 1, 2]
    assert [changes[2].cause, changes[3].cause] == ["a cause", "2 s of HOLD are over: a cause"]
    assert ladder.counts == {STEERED: 1, POLICY: 0, REST: 1, HOLD: 2, STOP: 1}
    assert ladder.times_s == {STEERED: 4, POLICY: 0, REST: 1, HOLD: 2, STOP: 1}
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "WARNING", "WARNING", "ERROR"]
    assert caplog.records[-1].getMessage() == (
        "rung=STOP from=HOLD after_s=2.000: 2 s of HOLD are over: a cause"
    )


def test_a_stop_can_be_asked_for():
    """By a monitor, or by the robot."""
    ladder = Ladder()
    climb(ladder, (0, STEERED))
    ladder.stop(now_s=1.0, cause="a person in the cell")

    assert climb(ladder, (1.1, STEERED)) == [STOP]


@pytest.mark.parametrize("limits_s", [{STOP: 1.0}, {HOLD: 0.0}, {HOLD: float("nan")}])
def test_limits_that_are_none_are_refused(limits_s):
    """Of a stop there is none."""
    with pytest.raises(InvalidInputError, match="expected seconds > 0, for any rung but STOP"):
        Ladder(limits_s=limits_s)


def test_a_reset_gives_every_rung_its_time_again():
    """What was spent before a person came is not spent after, nor is the pause."""
    ladder = Ladder(limits_s={POLICY: 1.0, HOLD: 2.0})
    stopped = climb(ladder, (0, POLICY), (1, POLICY), (3, POLICY))
    ladder.reset(now_s=100.0)

    assert stopped == [POLICY, HOLD, STOP]
    assert climb(ladder, (200, HOLD), (201, POLICY)) == [HOLD, POLICY]
    assert [ladder.counts[rung] for rung in (POLICY, HOLD, STOP)] == [2, 3, 1]
    assert ladder.times_s[HOLD] == 3.0
