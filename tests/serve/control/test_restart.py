"""A server that is killed and comes back steers its robots at once, and nobody did anything."""

from contextlib import closing

import numpy as np
import pytest

from steer.clock import MonotonicClock
from steer.loop.planner import Request, Sensed
from steer.loop.remote import Remote, RemotePlanner

pytestmark = [pytest.mark.slow]

CLOCK, TICK_S, LIMIT_S = MonotonicClock(), 0.02, 90.0
BACK_S = 3.0
"""One second is asked for, and measured by `sim.realtime recover`; other tests run beside this."""


class Robot:
    """Senses every tick, and asks anew as soon as it has been answered, or after fifty ticks."""

    def __init__(self, planner, observation):
        self._planner, self._observation = planner, observation
        self._tick, self._asked = 0, -1000
        self._sequence = 0

    def step(self):
        """Do a tick; return the chunk that came, and when."""
        CLOCK.sleep(TICK_S)
        self._tick += 1
        now_s = CLOCK.now_s()
        common = {"consumed": self._tick, "epoch": 1, "captured_at_s": now_s}
        common["travelled"] = np.zeros(2)
        sent = np.zeros((3, 2), np.float32)
        self._planner.sense(Sensed(observation=self._observation, sent=sent, **common))
        chunk = self._planner.poll()
        if chunk is not None or self._tick - self._asked >= 50:
            self._sequence, self._asked = self._sequence + 1, self._tick
            seen = (self._observation,)
            request = Request(observations=seen, sequence=self._sequence, frozen=0, **common)
            self._planner.submit(request)
        return chunk, now_s

    def chunks(self, count):
        """Run until so many chunks have come; return when the first one did."""
        first_s, end_s = None, CLOCK.now_s() + LIMIT_S
        while count:
            chunk, now_s = self.step()
            assert now_s < end_s
            if chunk is not None:
                first_s, count = first_s or now_s, count - 1
        return first_s


def test_chunks_come_again_soon_after_a_killed_server_is_back(killable, robot, observation):
    """SIGKILL, a start on the same port, and the first chunk after it serves."""
    with killable() as first:
        address, _ = first.serving()
        remote = Remote(target=address, embodiment=robot, budget_s=1.0, rescore_s=0.5)
        with closing(RemotePlanner(remote)) as planner:
            body = Robot(planner, observation)
            body.chunks(5)
            first.kill()
            with killable(address) as second:
                for _ in range(25):
                    body.step()
                back_s = body.chunks(5)
                _, since_s = second.serving()

            assert planner.num_starts == 1
    assert 0 < back_s - since_s < BACK_S
