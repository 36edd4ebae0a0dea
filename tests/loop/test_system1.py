"""An action every tick: finite, within the limits, from the best rung that there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steer.embodiment import ActionDim, Embodiment
from steer.errors import InvalidInputError
from steer.limits import Limits
from steer.loop.chunks import Chunk, Refusal
from steer.loop.ladder import Ladder, Rung
from steer.loop.system1 import System1

HZ = 10.0


def body(mode="absolute"):
    dims = (
        ActionDim(name="x", unit="m", scale=1.0, low=-10.0, high=10.0),
        ActionDim(name="gripper", low=-10.0, high=10.0),
    )
    return Embodiment(name="arm", control_hz=HZ, actions=dims, observations=(), mode=mode)


def make(mode="absolute", *, brake_s=0.4, max_age_s=10.0, ladder=None, alarm_ticks=None, **limits):
    robot = body(mode)
    system = System1(
        robot,
        Limits.of(robot, **limits),
        max_age_s=max_age_s,
        brake_s=brake_s,
        ladder=ladder,
        alarm_ticks=alarm_ticks,
    )
    system.begin(0 + 1)
    return system


def chunk(values, sequence=1, **changes):
    """Return a chunk whose two dimensions are both `values`."""
    actions = np.repeat(np.float32(values)[:, None], 2, axis=1)
    some = {"consumed": 0, "captured_at_s": 0.0, "epoch": 1, "commit": len(actions)}
    return Chunk(actions=actions, sequence=sequence, **{**some, **changes})


def run(system, count, start=0):
    """Step through ticks; return the commands."""
    return [system.step(now_s=(start + number) / HZ) for number in range(count)]


def test_a_chunk_is_sent_row_by_row_and_its_age_is_told():
    """Age is the time since the observation that it was decided at."""
    system = make()
    system.offer(chunk([1.0, 1.1, 1.2], captured_at_s=-0.5), now_s=0.0)

    found = run(system, 3)

    assert [item.action[0] for item in found] == pytest.approx([1.0, 1.1, 1.2])
    assert [item.age_s for item in found] == pytest.approx([0.5, 0.6, 0.7])
    assert [item.rung for item in found] == [Rung.STEERED] * 3
    assert [item.row.is_first for item in found] == [True, False, False]


def test_all_rungs_one_after_the_other():
    """Chosen, the policy's own, what was not meant to run, hold, stop."""
    system = make()
    system.offer(chunk([0.0, 0.0], 1), now_s=0.0)
    found = run(system, 2)
    system.offer(chunk([0.0] * 4, 2, consumed=2, commit=2, fallback="critic"), now_s=0.2)
    found += run(system, 26, start=2)

    stayed = {rung: [item.rung for item in found].count(rung) for rung in Rung}
    assert [item.rung for item in found] == sorted(item.rung for item in found)
    assert list(stayed.values()) == [2, 2, 2, 20, 2]


def test_absolute_commands_slow_down_along_their_last_speed_and_hold_the_place():
    """Over four ticks of 0.4 s: 3/4, 1/2, 1/4 of the last step, then nothing."""
    system = make()
    system.offer(chunk([0.0, 1.0]), now_s=0.0)

    places = [item.action[0] for item in run(system, 8)]

    assert places == pytest.approx([0.0, 1.0, 1.75, 2.25, 2.5, 2.5, 2.5, 2.5])


def test_relative_commands_fade_and_a_gripper_stays():
    """What has a unit is motion, whose end is zero; the gripper's command is where it is."""
    system = make("delta")
    system.offer(chunk([1.0, 1.0]), now_s=0.0)

    found = np.array([item.action for item in run(system, 7)])

    assert found[:, 0] == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0])
    assert found[:, 1] == pytest.approx([1.0] * 7)


def test_nothing_is_sent_where_nothing_is_known():
    """A robot that was never commanded is left as it is, even if only its gripper is not known."""
    assert make().step(now_s=0.0) is None
    system = make("delta")
    assert system.step(now_s=0.0) is None

    system.begin(2, rest=np.float32([0.0, 0.5]))
    assert system.step(now_s=0.1).action.tolist() == [0.0, 0.5]


def test_a_late_chunk_is_steered_again_within_the_limits():
    """Out of a hold, without a jump: the first difference is bounded at the seam too."""
    system = make(velocity=5.0)
    system.offer(chunk([0.0]), now_s=0.0)
    run(system, 3)
    system.offer(chunk([8.0] * 20, 2, consumed=0), now_s=0.3)

    found = run(system, 4, start=3)

    assert [item.action[0] for item in found] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert {item.rung for item in found} == {Rung.STEERED}
    assert found[0].broken == ("first",)


def test_what_is_refused_is_logged_with_its_cause(caplog):
    """And nothing raises."""
    system = make()

    assert system.offer(chunk([np.nan]), now_s=0.0) is Refusal.NOT_FINITE
    for _ in range(4):
        system.offer(chunk([np.nan]), now_s=0.0)

    text = "chunk refused sequence=1 epoch=1: not finite"
    assert caplog.messages == [f"{text} ({count} times)" for count in (1, 2, 4)]


def test_an_old_chunk_is_held_at_though_rows_are_left():
    """A robot that hears nothing new stops obeying within its limit."""
    system = make(max_age_s=0.25)
    system.offer(chunk([0.0] * 20), now_s=0.0)

    rungs = [item.rung for item in run(system, 5)]

    assert rungs == [Rung.STEERED] * 3 + [Rung.HOLD] * 2


def test_after_a_stop_and_a_reset_it_goes_on():
    """The ladder is the user's to reset."""
    ladder = Ladder(limits_s={Rung.HOLD: 0.2})
    system = make(ladder=ladder)
    system.offer(chunk([0.0]), now_s=0.0)
    stopped = run(system, 5)[-1]
    ladder.reset(now_s=0.5)
    system.offer(chunk([0.0] * 20, 2), now_s=0.5)

    assert stopped.rung is Rung.STOP
    assert run(system, 1, start=5)[0].rung is Rung.STEERED


@settings(deadline=None, max_examples=60)
@given(
    events=st.lists(
        st.tuples(
            st.integers(0, 6),
            st.integers(0, 9),
            st.lists(
                st.floats(-50, 50, width=32) | st.sampled_from([np.nan, np.inf]),
                min_size=1,
                max_size=12,
            ),
        ),
        max_size=12,
    )
)
def test_whatever_comes_every_command_keeps_the_limits(events):
    """Chunks with NaN, jumps and gaps, early or late: no exception, no limit broken."""
    system = make(velocity=10.0, acceleration=50.0)
    system.begin(2, rest=np.zeros(2, np.float32))
    sent, tick = [np.zeros(2), np.zeros(2)], 0
    for sequence, (wait, delay, values) in enumerate(events, start=1):
        asked = max(0, system.buffer.consumed - delay)
        offered = chunk(values, sequence, consumed=asked, epoch=2, captured_at_s=tick / HZ)
        system.offer(offered, now_s=tick / HZ)
        for _ in range(wait):
            sent.append(system.step(now_s=tick / HZ).action)
            tick += 1

    places = np.array(sent)
    assert np.isfinite(places).all()
    assert (np.abs(places) <= 10.0).all()
    assert (np.abs(np.diff(places, axis=0)) <= 1.0 + 1e-4).all()
    assert (np.abs(np.diff(places, 2, axis=0)) <= 0.5 + 1e-4).all()


def test_limits_of_another_body_are_refused():
    """Before the robot moves."""
    robot = body()
    one = Limits.of(Embodiment(name="b", control_hz=1, actions=robot.actions[:1], observations=()))

    with pytest.raises(InvalidInputError, match="limits: expected of 2 dimensions"):
        System1(robot, one, max_age_s=1.0)


def test_a_body_that_does_not_say_whether_its_commands_are_relative_is_refused():
    """Nobody could hold it: its last command may be a place, or a speed for ever."""
    robot = body("")

    with pytest.raises(InvalidInputError, match=r"embodiment\.mode: expected delta or absolute"):
        System1(robot, Limits.of(robot), max_age_s=1.0)


def test_a_relative_dimension_without_a_unit_is_motion_all_the_same():
    """It ends at zero; only what is said to hold stays."""
    dims = (ActionDim(name="x"), ActionDim(name="gripper"))
    robot = Embodiment(name="b", control_hz=HZ, actions=dims, observations=(), mode="delta")
    system = System1(robot, Limits.of(robot), max_age_s=9.0, brake_s=0.2)
    system.begin(1)
    system.offer(chunk([1.0]), now_s=0.0)

    assert run(system, 5)[-1].action.tolist() == [0.0, 1.0]


def test_an_alarm_is_told_and_moves_nothing_by_default(caplog):
    """It is counted, logged when it begins and when it ends, and stands in the command's row."""
    system, found = make(), []
    for number, alarm in enumerate(["", "stac", "stac", ""], start=1):
        system.offer(chunk([0.0] * 9, number, alarm=alarm), now_s=0.0)
        found += run(system, 1)

    assert [item.row.chunk.alarm for item in found] == ["", "stac", "stac", ""]
    assert {item.rung for item in found} == {Rung.STEERED}
    assert system.alarms == {"stac": 2}
    assert not system.is_alarmed
    assert caplog.messages == ["alarm sequence=2: stac", "alarm sequence=4: over"]


def test_an_alarm_that_lasts_holds_the_robot_then_stops_it_and_says_why():
    """Three ticks on such chunks, 0.3 s on HOLD, and a human is called."""
    system = make(alarm_ticks=3, ladder=Ladder(limits_s={Rung.HOLD: 0.3}))
    system.offer(chunk([0.0] * 40, alarm="stac"), now_s=0.0)

    found = run(system, 8)

    assert [item.rung for item in found] == [Rung.STEERED] * 3 + [Rung.HOLD] * 3 + [Rung.STOP] * 2
    causes = [item.cause for item in system.ladder.changes]
    assert causes[1:] == ["alarm of stac", "0.3 s of HOLD are over: alarm of stac"]


def test_an_alarm_from_the_first_chunk_on_is_a_stop_too():
    """What was waited for has come: the time of HOLD begins with it, not before."""
    system = make(alarm_ticks=0, ladder=Ladder(limits_s={Rung.HOLD: 0.3}))
    system.begin(2, rest=np.zeros(2, np.float32))
    waited = run(system, 10)
    system.offer(chunk([0.0] * 40, alarm="stac", epoch=2, captured_at_s=1.0), now_s=1.0)

    found = run(system, 4, start=10)

    assert {item.rung for item in waited} == {Rung.HOLD}
    assert [item.rung for item in found] == [Rung.HOLD] * 3 + [Rung.STOP]


def test_a_decision_without_an_alarm_ends_the_hold():
    """And what was counted until then; consumed is what ran, not what was held at."""
    system = make(alarm_ticks=1)
    system.offer(chunk([0.0] * 40, alarm="stac"), now_s=0.0)
    held = run(system, 3)
    system.offer(chunk([0.0] * 40, 2, consumed=1), now_s=0.3)
    free = run(system, 1, start=3)
    system.offer(chunk([0.0] * 40, 3, consumed=2, alarm="stac"), now_s=0.4)
    again = run(system, 2, start=4)

    assert [item.rung for item in held] == [Rung.STEERED, Rung.HOLD, Rung.HOLD]
    assert [item.rung for item in [*free, *again]] == [Rung.STEERED, Rung.STEERED, Rung.HOLD]
    assert free[0].row.index == 0


def test_what_an_alarm_holds_will_not_run():
    """So nothing is left of it, and the loop asks anew at once."""
    system = make(alarm_ticks=0)
    system.offer(chunk([0.0] * 8, alarm="stac"), now_s=0.0)
    before = system.left(now_s=0.0), len(system.rest(now_s=0.0))
    run(system, 1)
    after = system.left(now_s=0.1), system.rest(now_s=0.1)
    system.begin(2)

    assert before == (8, 8)
    assert after == (0, None)
    assert not system.is_alarmed


def test_a_number_of_alarmed_ticks_that_is_none_is_refused():
    """Not at the first alarm."""
    with pytest.raises(InvalidInputError, match="alarm_ticks: expected >= 0, or None, got -1"):
        make(alarm_ticks=-1)
