"""A world of real physics that goes on by itself, in a process of its own."""

from contextlib import closing

import numpy as np
import pytest

from sim.realtime.cell import LiveCell, apart
from sim.realtime.shared import SharedRobot, running_world
from sim.tasks import spec_of
from steer.clock import MonotonicClock
from steer.errors import ConfigError
from steer.loop.process import cores

CLOCK = MonotonicClock()
UP = np.float32([0.0, 0.0, 1.0, -1.0])


def robot_of(world):
    return SharedRobot(world.directory, CLOCK)


def place(robot):
    return robot.observe().arrays["observation.state"][:3]


@pytest.mark.slow
def test_a_world_goes_on_whether_it_is_told_something_or_not():
    """A robot that is told nothing stands; one that is told to rises, and then stands again."""
    with running_world("push", 300_000) as world, closing(robot_of(world)) as it:
        assert np.isnan(it.acted_at_s)
        seen, low = it.observe(), place(it)
        CLOCK.sleep(0.5)
        assert it.observe().captured_at_s > seen.captured_at_s + 0.2
        for _ in range(50):
            it.act(UP)
            CLOCK.sleep(0.01)
        high = place(it)

    assert high[2] > low[2] + 0.01
    assert it.acted_at_s <= CLOCK.now_s()
    assert world.told["ticks"] > 40
    assert world.told["episodes"] == 1
    assert 0 < world.told["mean_ms"] <= world.told["p99_ms"]
    assert not world.directory.exists()


@pytest.mark.slow
def test_an_episode_that_ends_is_followed_by_the_next_one():
    """A robot at rest never succeeds: 200 ticks at 80 Hz are two and a half seconds."""
    with running_world("push", 300_000) as world:
        CLOCK.sleep(3.5)

    assert world.told["episodes"] >= 2


def test_everything_else_is_kept_off_one_core():
    """For as long as the block lasts."""
    every = cores()
    with apart() as places:
        inside = cores()

    assert cores() == every
    assert places.every == every
    if len(every) > 1:
        assert (places.own, places.others, inside) == (every[-1], every[:-1], every[:-1])
    else:
        assert places.own is None


def test_a_cell_is_asked_for_as_it_was_tuned_and_judged_again_within_its_limits(tmp_path):
    """Its own critic and policy; limits that were never fitted are no limits."""
    cell = LiveCell(cell="dit/push", num_candidates=16, limits_file=tmp_path / "none.json")
    remote = cell.remote("127.0.0.1:1", limits := object())

    assert (remote.critic, remote.policy, remote.num_candidates) == ("push", "dit-metaworld", 16)
    assert remote.embodiment == spec_of("push").embodiment
    assert remote.limits is limits
    assert remote.rescore_s > 0
    with pytest.raises(ConfigError, match="expected limits of dit/push, got none"):
        cell.limits()
