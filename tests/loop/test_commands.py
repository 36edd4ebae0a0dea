"""What is said of commands, and what becomes of one that the robot was never told."""

import logging

import numpy as np
import pytest

from steer.embodiment import ActionDim, Embodiment
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.ladder import Ladder, Rung
from steer.loop.system1 import System1

HZ = 10.0


def make(mode="absolute", *, ladder=None, **limits):
    """Make a System 1 of one dimension that stands at 0, in epoch 1."""
    dims = (ActionDim(name="x", unit="m", scale=1.0, low=-10.0, high=10.0),)
    robot = Embodiment(name="arm", control_hz=HZ, actions=dims, observations=(), mode=mode)
    system = System1(robot, Limits.of(robot, **limits), max_age_s=9.0, brake_s=0.4, ladder=ladder)
    system.begin(1, rest=np.zeros(1, np.float32))
    return system


def chunk(values, **changes):
    actions = np.float32(values)[:, None]
    some = {"consumed": 0, "captured_at_s": 0.0, "epoch": 1, "commit": len(actions), "sequence": 1}
    return Chunk(actions=actions, **{**some, **changes})


def run(system, count, start=0):
    """Step through ticks; return the commands."""
    return [system.step(now_s=(start + number) / HZ) for number in range(count)]


def test_limits_that_move_a_command_are_logged_ever_more_seldom(caplog):
    """With the chunk, the row and the limit."""
    system = make(velocity=5.0)
    system.offer(chunk([8.0] * 20), now_s=0.0)

    run(system, 6)

    assert caplog.messages == [
        f"command moved chunk=1 row={count - 1}: limit first ({count} times)" for count in (1, 2, 4)
    ]


def test_what_the_robot_was_not_told_comes_again_within_the_limits(caplog):
    """The same row, one step from what it was told last; also on the way to a stand."""
    system = make(velocity=5.0)
    system.offer(chunk([0.4, 8.0, 8.0]), now_s=0.0)
    told = run(system, 1)
    for _ in range(3):
        system.step(now_s=0.1)
        system.take_back()
    consumed = system.buffer.consumed
    told += run(system, 2, start=1)
    before = system.step(now_s=0.3)
    system.take_back()
    after = system.step(now_s=0.3)

    assert [item.action[0] for item in told] == pytest.approx([0.4, 0.9, 1.4])
    assert [item.row.index for item in told] == [0, 1, 2]
    assert consumed == 1
    assert before.rung is after.rung is Rung.HOLD
    np.testing.assert_array_equal(before.action, after.action)


def test_motions_that_were_not_told_were_not_travelled():
    """And the first row of a chunk is its seam however often it is tried."""
    system = make("delta")
    system.offer(chunk([1.0, 2.0]), now_s=0.0)
    first = system.step(now_s=0.0)
    system.take_back()
    again = system.step(now_s=0.0)

    assert first.row.is_first
    assert again.row.is_first
    assert system.travelled.tolist() == [1.0]


def test_why_no_critic_chose_is_counted_and_the_cause(caplog):
    """By the name of the server's reason."""
    caplog.set_level(logging.INFO, "steer.loop.ladder")
    system = make()
    system.offer(chunk([0.0], fallback="critic"), now_s=0.0)
    run(system, 1)

    assert system.fallbacks == {"critic": 1}
    assert "rung=POLICY from=HOLD after_s=0.000: chunk 1 is the policy's own: critic" in caplog.text


def test_a_robot_with_nothing_to_run_says_what_goes_wrong():
    """One that has something runs it, whatever goes wrong beside it."""
    system = make(ladder=Ladder({Rung.HOLD: 0.2}))
    system.offer(chunk([0.0, 0.0], commit=1), now_s=0.0)
    for tick in range(5):
        system.step(now_s=tick / HZ, trouble="camera: gone")

    assert [change.cause for change in system.ladder.changes] == [
        "chunk 1 was chosen",
        "nothing newer than chunk 1 has come; camera: gone",
        "no chunk, or none that is young enough; camera: gone",
        "0.2 s of HOLD are over: no chunk, or none that is young enough; camera: gone",
    ]
