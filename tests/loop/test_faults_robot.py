"""What is wrong with the robot itself, one fault after the other, through the whole loop.

Each befalls a robot that is steered, lasts for some ticks and is over: how far down the ladder it
leads, what counts it, and what the log says.
"""

import numpy as np
import pytest

from steer.loop.ladder import Rung

FRONT = "observation.images.front"


def robot(**changes):
    return lambda world: [setattr(world.robot, name, item) for name, item in changes.items()]


def silence(world):
    world.planner.delay = 10**6


@pytest.mark.parametrize(
    ("spoils", "what", "text"),
    [
        pytest.param(
            robot(is_frozen=True),
            f"observation {FRONT!r}",
            "a change within 0.3 s, got none in ",
            id="frozen, beside joints that move",
        ),
        pytest.param(
            robot(missing=(FRONT,)),
            f"observation {FRONT!r}",
            "one, got none (1 times)",
            id="without a camera",
        ),
        pytest.param(
            robot(lag_s=1.5),
            "observation",
            "one at most 1 s old, got 1.500 s (1 times)",
            id="older than allowed",
        ),
        pytest.param(
            robot(lag_s=-3600.0),
            "observation",
            "captured_at_s on the loop's monotonic clock, got 3600.000 s ahead of it (1 times)",
            id="of another clock",
        ),
        pytest.param(
            robot(is_lost=True),
            "robot.observe",
            "no error, got InvalidInputError: observation 'observation.state': expected finite",
            id="with NaN",
        ),
        pytest.param(
            robot(observe_error=OSError("unplugged")),
            "robot.observe",
            "no error, got OSError: unplugged (1 times)",
            id="that raises",
        ),
        *(
            pytest.param(
                robot(observe=lambda value=value: value),
                "robot.observe",
                "no error, got AttributeError",
                id=f"that is {value!r}",
            )
            for value in (None, {"observation.state": 0})
        ),
    ],
)
def test_an_observation_that_must_not_be_decided_on_is_not(suffer, spoils, what, text):
    """What runs goes on to its end, then the robot holds."""
    suffer(spoils, Rung.HOLD, lambda world: world.loop.counts[what], f"{what}: expected {text}")


@pytest.mark.parametrize(
    ("spoils", "what", "text", "ticks"),
    [
        pytest.param(
            robot(act_error=OSError("bus")),
            "robot.act",
            "no error, got OSError: bus (1 times)",
            4,
            id="motors that raise now and then",
        ),
        pytest.param(
            robot(act_s=0.25),
            "tick",
            "none skipped, got 2: robot.act took 0.250 s",
            45,
            id="motors that take longer than a tick",
        ),
        pytest.param(
            robot(observe_s=0.25),
            "tick",
            "none skipped, got 2: robot.observe took 0.250 s",
            45,
            id="sensors that take longer than a tick",
        ),
    ],
)
def test_a_robot_that_is_late_or_stumbles_stays_steered(suffer, spoils, what, text, ticks):
    """Rows are counted, not timed: it does the same later."""
    line = f"{what}: expected {text}"
    suffer(spoils, Rung.STEERED, lambda world: world.loop.counts[what], line, ticks)


@pytest.mark.parametrize(
    ("spoils", "cause"),
    [
        pytest.param(
            robot(act_error=OSError("bus")),
            "robot.act: expected no error, got 5 in a row",
            id="motors that raise",
        ),
        pytest.param(
            silence,
            "10 s of HOLD are over: no chunk, or none that is young enough; request",
            id="a planner that is silent",
        ),
        pytest.param(
            robot(is_frozen=True),
            f"; observation {FRONT!r}: expected a change",
            id="a camera that hangs",
        ),
    ],
)
def test_a_fault_that_lasts_is_a_stop_until_somebody_resets(
    steered, caplog, rungs, limits_kept, spoils, cause
):
    """The line that calls for help names the cause; what heals by itself changes nothing."""
    spoils(steered)
    during = steered.tick(200)
    steered.heal()
    stopped = steered.tick(50)
    steered.system.ladder.reset(now_s=steered.clock.now_s())
    after = steered.tick(50)

    assert rungs(during)[-1] is Rung.STOP
    assert set(rungs(stopped)) == {Rung.STOP}
    assert rungs(after)[-1] is Rung.STEERED
    assert [item for item in caplog.records if item.levelname == "ERROR" and cause in item.message]
    limits_kept(steered)


def test_a_robot_goes_on_by_itself_where_hold_has_no_limit(make_world, rungs):
    """However long nobody answered, as while a server loads again."""
    world = make_world(hold_s=float("inf"))
    world.tick(30)
    silence(world)
    held = world.tick(3000)
    world.heal()

    assert rungs(held)[-1] is Rung.HOLD
    assert rungs(world.tick(50))[-1] is Rung.STEERED


def test_motors_that_fail_are_told_the_same_again(steered):
    """One step from what they were told last, not five."""
    last = steered.robot.told[-1]
    steered.robot.act_error = OSError("bus")
    steered.tick(4)
    steered.heal()
    steered.tick(3)

    assert np.diff([last, *steered.robot.told[-3:]]).tolist() == [1.0, 1.0, 1.0]
