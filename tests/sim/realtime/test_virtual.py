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
        self.left = list(self.decided)

    def steer(self, observations, **options):
        return self.left.pop(0)


def request(sequence, consumed, epoch):
    seen = Observation({"observation.state": np.zeros(1, np.float32)})
    return Request(
        observations=(seen,),
        consumed=consumed,
        frozen=0,
        epoch=epoch,
        sequence=sequence,
        captured_at_s=0.0,
        travelled=np.zeros(1),
    )


@pytest.mark.parametrize("epoch", [1, 2])
def test_each_decision_is_read_at_the_count_of_its_request(epoch):
    """As monitors read it by themselves; chunks carry no alarm."""
    client, clock, buffer = Client(), FakeClock(), ChunkBuffer(1, max_age_s=9.0)
    buffer.begin(epoch)
    planner = VirtualPlanner(
        client,
        METHODS["wait"],
        Delays(Network(ticks=0), seed=0),
        buffer,
        seed=0,
        num_candidates=4,
        limits=None,
        body=BODY,
        clock=clock,
        monitors=Monitors([1.0]),
    )
    planner.submit(request(1, 0, epoch))
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
