"""The planner of the bench reads every decision with the monitors, and only reads it."""

import numpy as np
import pytest

from sim.realtime.delays import Delays, Network
from sim.realtime.methods import METHODS
from sim.realtime.virtual import VirtualPlanner
from steer.clock import FakeClock
from steer.embodiment import ActionDim, Embodiment
from steer.loop.chunks import ChunkBuffer
from steer.loop.monitors import Monitors
from steer.loop.planner import Request
from steer.types import Candidates, Decision, Observation, Reason

DRAWS = np.random.default_rng(0).normal(size=(2, 4, 16, 1)).astype(np.float32)


BODY = Embodiment(
    name="arm", control_hz=10.0, actions=(ActionDim(name="dx"),), observations=(), mode="delta"
)


class Client:
    """Decides on one set of draws after the other."""

    def __init__(self):
        self.decided = [
            Decision(
                index=1,
                chunk=draws[1],
                commit_horizon=8,
                reason=Reason.ADVANTAGE,
                values=np.arange(8, dtype=np.float32).reshape(2, 4),
                candidates=Candidates(draws),
            )
            for draws in DRAWS
        ]
        self.left, self.asked = list(self.decided), []

    def steer(self, observations, **options):
        self.asked.append((observations[-1], options))
        return self.left.pop(0)


class Ahead:
    """A forecast by which nothing changes."""

    def ahead(self, observation, actions_TA):
        return [observation] * len(actions_TA)


def request(sequence, consumed, epoch, *, frozen=0, running=None):
    seen = Observation({"observation.state": np.zeros(1, np.float32)}, running=running)
    return Request(
        observations=(seen,),
        consumed=consumed,
        frozen=frozen,
        epoch=epoch,
        sequence=sequence,
        captured_at_s=0.0,
        travelled=np.zeros(1),
    )


def planner_of(client, method, *, epoch=1, forecast=None):
    """Return a planner whose answers take no time, in an epoch."""
    clock, buffer = FakeClock(), ChunkBuffer(1, max_age_s=9.0)
    buffer.begin(epoch)
    return VirtualPlanner(
        client,
        METHODS[method],
        Delays(Network(ticks=0), seed=0),
        buffer,
        seed=0,
        num_candidates=4,
        limits=None,
        body=BODY,
        clock=clock,
        monitors=Monitors([1.0]),
        forecast=forecast,
    )


@pytest.mark.parametrize(("forecast", "told", "rows"), [(None, 3, 8), (Ahead(), 0, 5)])
def test_the_server_is_told_what_runs_and_how_much_of_it_stays(forecast, told, rows):
    """From the instant on that the policy is shown: what is foreseen lies behind what stays."""
    client, running = Client(), np.arange(8, dtype=np.float32)[:, None]
    planner = planner_of(client, "rtc", forecast=forecast)

    planner.submit(request(1, 0, 1, frozen=3, running=running))

    seen, options = client.asked[0]
    assert options["frozen"] == told
    np.testing.assert_array_equal(seen.running, running[-rows:])


@pytest.mark.parametrize("epoch", [1, 2])
def test_each_decision_is_read_at_the_count_of_its_request(epoch):
    """As monitors read it by themselves; chunks carry no alarm."""
    client = Client()
    planner = planner_of(client, "wait", epoch=epoch)
    planner.submit(request(1, 0, epoch))
    planner.poll()
    planner.submit(request(2, 8, epoch))
    chunk = planner.poll()

    alone = Monitors([1.0])
    wanted = [
        alone.update(item, consumed=8 * number, epoch=epoch).signals
        for number, item in enumerate(client.decided)
    ]
    assert planner.signals == wanted
    assert wanted[1].stac is not None
    assert (chunk.sequence, chunk.alarm) == (2, "")
