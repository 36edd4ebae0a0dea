"""What is wrong with the replies to a robot, one fault after the other, through the whole loop.

Each befalls a robot that is steered, lasts for some ticks and is over: how far down the ladder it
leads, what counts it, and what the log says.
"""

from dataclasses import replace

import numpy as np
import pytest

from steer.loop.ladder import Rung


def planner(**changes):
    return lambda world: [setattr(world.planner, name, item) for name, item in changes.items()]


def instead(make):
    """Deliver what is made of each chunk in its place."""
    return planner(tamper=lambda chunk: [make(chunk)])


def before(make):
    """Deliver what is made of each chunk, and later itself."""
    return planner(hurry=lambda chunk: [make(chunk)])


def held_back(world):
    """Deliver the next chunk after the one that was asked for later."""
    held = []

    def tamper(chunk):
        if not held:
            held.append(chunk)
            return []
        return [chunk, *held]

    world.planner.tamper = tamper


def played_again(world):
    """Deliver the first chunks that are heard again with each new one."""
    heard = []

    def tamper(chunk):
        heard.append(chunk)
        return [chunk, *heard[:3]]

    world.planner.tamper = tamper


def moved(by):
    return lambda chunk: replace(chunk, actions=chunk.actions + np.float32(by))


def with_rows(actions):
    return lambda chunk: replace(chunk, actions=np.float32(actions), commit=1, frozen=0)


def refused(why):
    """Return counter and line of chunks that are refused."""
    return lambda world: world.loop.counts[f"chunk {why}"], f": {why} (1 times)"


def limited(name):
    """Return counter and line of commands that are moved."""
    return lambda world: world.system.limiter.counts.get(name, 0), f": limit {name} (1 times)"


def failed(what, text):
    """Return counter and line of what the loop finds wrong."""
    return lambda world: world.loop.counts[what], f"{what}: expected {text}"


@pytest.mark.parametrize(
    ("spoils", "worst", "counted"),
    [
        pytest.param(
            before(lambda chunk: replace(chunk, epoch=chunk.epoch - 1)),
            Rung.STEERED,
            refused("of another epoch"),
            id="for an older epoch",
        ),
        pytest.param(
            planner(tamper=lambda chunk: [chunk, chunk]),
            Rung.STEERED,
            refused("not newer than the last one"),
            id="twice",
        ),
        pytest.param(  # the one that is held back is taken for lost, and another one asked for
            held_back, Rung.HOLD, refused("not newer than the last one"), id="in another order"
        ),
        pytest.param(
            played_again, Rung.STEERED, refused("not newer than the last one"), id="played again"
        ),
        pytest.param(
            before(lambda chunk: replace(chunk, actions=np.zeros((16, 7), np.float32))),
            Rung.STEERED,
            refused("of another number of actions"),
            id="for a robot of other joints",
        ),
        pytest.param(
            before(lambda chunk: replace(chunk, sequence=chunk.sequence + 500)),
            Rung.STEERED,
            refused("for what was never asked"),
            id="for a robot that has asked more",
        ),
        pytest.param(
            before(lambda chunk: replace(chunk, consumed=chunk.consumed + 100)),
            Rung.STEERED,
            refused("for an observation that has not been"),
            id="for a robot that has done more",
        ),
        pytest.param(
            before(lambda chunk: replace(chunk, captured_at_s=chunk.captured_at_s + 3600)),
            Rung.STEERED,
            refused("for an observation that has not been"),
            id="for a robot with another clock",
        ),
        pytest.param(
            before(lambda chunk: replace(chunk, captured_at_s=chunk.captured_at_s - 3600)),
            Rung.STEERED,
            refused("for an observation that is too old"),
            id="for an observation of long ago",
        ),
        pytest.param(
            instead(with_rows(np.full((16, 1), np.nan))),
            Rung.HOLD,
            refused("not finite"),
            id="with NaN",
        ),
        pytest.param(
            instead(lambda chunk: replace(chunk, actions=chunk.actions[:1], commit=1, frozen=0)),
            Rung.HOLD,
            refused("consumed before it came"),
            id="too short",
        ),
        pytest.param(
            instead(moved(3e6)), Rung.STEERED, limited("range"), id="outside of the limits"
        ),
        pytest.param(
            instead(moved(40.0)), Rung.STEERED, limited("first"), id="with a jump at its start"
        ),
        pytest.param(
            instead(lambda _: "no chunk"),
            Rung.HOLD,
            failed("planner.poll", "no error, got AttributeError"),
            id="that is none",
        ),
    ],
)
def test_a_reply_that_must_not_run_does_not(suffer, spoils, worst, counted):
    """What can run goes on, and what comes after it is taken."""
    suffer(spoils, worst, *counted)


@pytest.mark.parametrize(
    ("spoils", "worst", "counted"),
    [
        pytest.param(
            planner(error=RuntimeError("no network")),
            Rung.HOLD,
            failed("planner.poll", "no error, got RuntimeError: no network (1 times)"),
            id="raises",
        ),
        pytest.param(
            planner(delay=10**6),
            Rung.HOLD,
            failed("planner", "an answer within 20 ticks, got none (1 times)"),
            id="falls silent",
        ),
        pytest.param(
            planner(delay=18),
            Rung.HOLD,
            (
                lambda world: world.system.ladder.counts[Rung.HOLD],
                "no chunk, or none that is young enough; request 5 has waited for 8 ticks",
            ),
            id="is slower than its chunk lasts",
        ),
        pytest.param(
            instead(lambda chunk: replace(chunk, fallback="critic")),
            Rung.POLICY,
            (lambda world: world.system.fallbacks["critic"], "is the policy's own: critic"),
            id="has a critic that fails",
        ),
    ],
)
def test_a_planner_that_fails_leads_down_the_ladder_and_up_again(suffer, spoils, worst, counted):
    """To the best that there is without it."""
    suffer(spoils, worst, *counted)


def test_what_was_asked_for_in_the_epoch_before_says_nothing(world, rungs):
    """An answer that was under way is refused by its number, and the robot waits for its own."""
    world.planner.delay = 5
    world.tick(12)
    while not world.tick(1)[0].asked:
        pass
    world.loop.begin(rest=np.zeros(1, np.float32))
    found = world.tick(6)

    assert world.loop.counts["chunk of another epoch"] == 1
    assert rungs(found[:5]) == [Rung.HOLD] * 5
    assert world.planner.requests[-1].epoch == 2
    assert found[-1].command.rung is Rung.STEERED


def test_an_answer_for_another_robot_is_no_answer(world):
    """Nothing is asked anew for it, and it says nothing of delays."""
    world.tick(30)
    world.planner.hurry = lambda chunk: [replace(chunk, sequence=999)]
    asked = len(world.planner.requests)
    world.tick(40)

    assert len(world.planner.requests) - asked <= 5
    assert world.loop._delay.ticks == 2
