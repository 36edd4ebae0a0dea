"""System 1 on the wall clock against a real server, ours and the naive one, in processes."""

import threading
from contextlib import closing, contextmanager
from dataclasses import replace

import numpy as np
import pytest

from sim.realtime.health import Watch
from sim.realtime.job import Job
from sim.realtime.live import Living
from sim.realtime.shared import COMMANDS, SEEN, SharedRobot
from sim.realtime.timing import punctuality
from steer.clock import MonotonicClock
from steer.errors import LateError, UnreachableError
from steer.limits import Limits
from steer.loop.handover import observation_to_parts
from steer.loop.ladder import Rung
from steer.loop.latest import Latest
from steer.loop.remote import Remote
from steer.types import Observation, Selection

CLOCK, HZ, LIMIT_S = MonotonicClock(), 50.0, 60.0


@contextmanager
def some_world(directory):
    """A world that only senses noise, in a thread."""
    rng, ended = np.random.default_rng(0), threading.Event()
    seen = Latest(directory / SEEN, capacity=1 << 16)
    commands = Latest(directory / COMMANDS, capacity=1 << 10)

    def go_on():
        while not ended.wait(0.01):
            state = rng.normal(size=3).astype(np.float32)
            observation = Observation({"observation.state": state}, CLOCK.now_s())
            seen.write(*observation_to_parts(observation))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield commands
    finally:
        ended.set()
        thread.join()
        seen.close()
        commands.close()


@pytest.fixture
def job(address, robot, tmp_path):
    return Job(
        kind="ours",
        world=tmp_path,
        remote=Remote(
            target=address,
            embodiment=robot,
            budget_s=2.0,
            num_candidates=4,
            selection=Selection(margin=0.0),
            rescore_s=0.5,
        ),
        hz=HZ,
        seconds=1.0,
        limits=Limits.of(robot, acceleration=1.0),
        replan_ticks=1,
        priority=0,
        is_kept_awake=False,
    )


def lived(job):
    with Living(job) as living:
        return living.lived(budget_s=LIMIT_S), living.changes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ours", "naive"])
@pytest.mark.parametrize("wide", [0, 14])
def test_a_second_of_it_is_noted_tick_by_tick(job, kind, wide):
    """From when it was steered on: what went out when, what it cost, and how old it was."""
    changes = {"kind": kind, "wide": wide, "limits": None if wide else job.limits}
    job = replace(job, **changes)
    with some_world(job.world) as commands:
        found, changes = lived(job)
        last = np.frombuffer(commands.read()[1], np.float32)

    assert changes[0][0] == "STEERED"
    assert len(found.acted_at_s) == len(found.costs_s) == len(found.rungs) > 10
    assert {len(action) for action in found.actions} == {wide or 2}
    np.testing.assert_array_equal(last, found.actions[-1][:2])
    assert found.ages_s
    assert found.ages_s[0]["policy_s"] > 0
    assert found.fresh_s[0] <= found.ages_s[0]["total_s"]
    timing = punctuality(
        np.array(found.acted_at_s),
        np.array(found.numbers),
        start_s=found.start_s,
        hz=HZ,
        ticks=round(HZ * job.seconds),
    )
    assert timing.lost < timing.ticks
    assert bool(found.place) == (kind == "ours")


@pytest.mark.slow
def test_it_can_be_waited_for_and_stopped(job):
    """Without an end of its own."""
    endless = replace(job, seconds=float("inf"))
    with some_world(job.world), Living(endless) as living:
        steered_s = living.wait_for(Rung.STEERED, budget_s=LIMIT_S)
        found = living.lived(budget_s=LIMIT_S, is_stopped=True)

    assert steered_s <= CLOCK.now_s()
    assert found.num_starts == 1


@pytest.mark.slow
def test_a_process_that_dies_is_said(job):
    """There is no world here: it cannot even begin."""
    with Living(job) as living, pytest.raises(UnreachableError, match="expected its process"):
        living.lived(budget_s=LIMIT_S)


def test_a_world_that_never_was_is_said(tmp_path):
    """A robot without an observation senses nothing."""
    for name in (SEEN, COMMANDS):
        Latest(tmp_path / name, capacity=100).close()

    with (
        closing(SharedRobot(tmp_path, CLOCK)) as robot,
        pytest.raises(UnreachableError, match="world: expected an observation, got none"),
    ):
        robot.observe()


def test_a_server_that_serves_is_seen_and_one_that_is_not_there_is_waited_for(address):
    """The instant is no later than when it said so."""
    begun_s = CLOCK.now_s()
    with Watch(address, CLOCK) as watch:
        assert begun_s - 1.0 <= watch.serving_s(budget_s=LIMIT_S) <= CLOCK.now_s()
    with (
        Watch("127.0.0.1:1", CLOCK) as watch,
        pytest.raises(LateError, match=r"server: expected SERVING within 0\.3 s, got none"),
    ):
        watch.serving_s(budget_s=0.3)
