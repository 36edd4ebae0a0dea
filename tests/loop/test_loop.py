"""A robot's loop in virtual time: whatever planner and robot do, it acts on every tick."""

import numpy as np
import pytest

from steer.loop.ladder import Rung
from steer.loop.running import drive

HZ = 10.0


def test_every_action_is_the_one_for_its_tick(world):
    """From the first answer on, none is missing and none comes twice; holding consumes none."""
    found = world.tick(60)

    assert [item.command.rung for item in found[:3]] == [Rung.HOLD, Rung.HOLD, Rung.STEERED]
    assert world.robot.told == [0.0, 0.0, *range(58)]
    assert {item.command.rung for item in found[2:]} == {Rung.STEERED}
    assert not world.loop.counts


@pytest.mark.parametrize("delay", [1, 2, 5, 8])
def test_an_answer_is_asked_for_in_time_whatever_it_takes(world, delay):
    """After the first answers the robot never runs what was not meant to run."""
    world.planner.delay = delay

    found = world.tick(120)[40:]

    assert {item.command.rung for item in found} == {Rung.STEERED}
    ages = [item.command.age_s * HZ for item in found]
    assert max(ages) <= 8 + 2 * delay


def test_a_request_says_what_will_run_and_what_is_frozen(world):
    """The rest of the running chunk goes with it, as many rows frozen as an answer takes."""
    world.tick(30)

    last = world.planner.requests[-1]
    rest = last.observations[-1].running[:, 0]
    assert rest.tolist() == list(range(last.consumed, last.consumed + len(rest)))
    assert last.frozen == world.planner.delay
    assert [request.sequence for request in world.planner.requests] == list(
        range(1, len(world.planner.requests) + 1)
    )


def test_nothing_raises_out_of_a_tick(world, caplog):
    """Planner, sensors and motors fail: counted, logged at first and then ever more seldom."""
    world.planner.error = RuntimeError("no network")
    world.tick(4)
    world.planner.error = None
    world.robot.observe_error = OSError("no camera")
    world.tick(4)
    world.robot.observe_error = None
    found = world.tick(30)

    assert world.loop.counts["planner.poll"] == 4
    assert world.loop.counts["robot.observe"] == 4
    lines = [text for text in caplog.messages if text.startswith("robot.observe")]
    assert lines == [
        f"robot.observe: expected no error, got OSError: no camera ({count} times)"
        for count in (1, 2, 4)
    ]
    assert found[-1].command.rung is Rung.STEERED


def test_what_follows_a_gap_is_not_shown_beside_what_was_before_it(make_world):
    """A policy of two observations takes them for one tick apart; at first it has one."""
    world = make_world(num_observations=2)
    world.tick(30)
    before = world.planner.requests[-1]
    world.robot.missing = ("observation.state",)
    world.tick(20)
    asked = len(world.planner.requests)
    world.robot.missing = ()
    world.tick(1)
    after = world.planner.requests[asked]

    assert [len(request.observations) for request in (before, after)] == [2, 1]


def test_a_listener_that_raises_harms_nothing(world):
    """Told of each tick; what it raises is counted."""
    ticks = []

    def listen(ticked):
        ticks.append(ticked)
        raise RuntimeError("my bug")

    drive(world.loop, hz=HZ, clock=world.clock, until=lambda _: len(ticks) == 5, on_tick=listen)

    assert world.loop.counts["on_tick"] == 5


def test_in_real_time_slow_motors_cost_ticks_and_no_row_is_skipped(world):
    """Rows are counted, not timed: the robot is late, and where it should be."""
    world.robot.observe_s = world.robot.act_s = 0.08
    ticks = []
    ticker = drive(
        world.loop,
        hz=HZ,
        clock=world.clock,
        until=lambda ticked: len(ticks) >= 30,
        on_tick=ticks.append,
    )

    assert ticker.num_missed >= 14
    told = world.robot.told[3:]
    assert np.diff(told).tolist() == [1.0] * (len(told) - 1)
    assert all(item.cost_s == pytest.approx(0.0) for item in ticks)


def test_it_can_be_asked_at_a_rate(world):
    """Every so many ticks, whether or not the chunk is at its end."""
    world.loop._replan_ticks = 4
    world.tick(41)

    gaps = np.diff([request.consumed for request in world.planner.requests])
    assert set(gaps[2:].tolist()) == {4}


def test_the_planner_hears_of_every_tick(world):
    """Of what the robot senses, has consumed and was sent, before anything is asked."""
    world.tick(40)

    assert len(world.planner.sensed) == 40
    last = world.planner.sensed[-1]
    rest = last.observation.running[:, 0].tolist()
    assert rest == list(range(last.consumed, last.consumed + len(rest)))


def test_an_answer_that_takes_no_time_runs_in_the_same_tick(world):
    """In virtual time: nothing is ever frozen, and nothing is old."""
    world.planner.delay = 0

    found = world.tick(30)

    assert {item.command.rung for item in found} == {Rung.STEERED}
    assert max(item.command.age_s for item in found) == pytest.approx(0.7)


def test_a_driver_that_is_a_little_ahead_of_the_clock_is_taken_for_new(world):
    """No instant of the loop is one that has not been."""
    world.planner.delay, world.robot.lag_s = 0, -0.005

    found = world.tick(30)

    assert {item.command.rung for item in found} == {Rung.STEERED}
    assert not world.loop.counts


def test_a_callback_that_raises_harms_nothing(world):
    """It is told of each step on the ladder once, after the robot was commanded."""
    told = []

    def tell(change):
        told.append((change.after, len(world.robot.told)))
        raise RuntimeError("my bug")

    world.loop._on_change = tell
    world.tick(20)

    assert told == [(Rung.STEERED, 3)]
    assert world.loop.counts["on_change"] == 1
    assert len(world.robot.told) == 20


def test_a_robot_that_an_alarm_holds_asks_anew_and_goes_on_once_it_is_over(world):
    """With nothing frozen and nothing running, or it would wait for what it does not run."""
    told = []
    world.loop._on_change, world.system._alarm_ticks = told.append, 2
    world.tick(30)
    world.planner.alarm = "stac"
    held = world.tick(30)
    asked = world.planner.requests[-1]
    consumed = world.system.buffer.consumed
    world.planner.alarm = ""
    again = world.tick(6)

    assert held[-1].command.rung is Rung.HOLD
    assert (told[1].after, told[1].cause) == (Rung.HOLD, "alarm of stac")
    assert (asked.frozen, asked.observations[-1].running) == (0, None)
    assert asked.consumed == consumed
    assert again[-1].command.rung is Rung.STEERED
    assert set(np.diff(world.robot.told[-3:]).tolist()) == {1.0}
