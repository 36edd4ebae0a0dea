"""Drive a robot in real time beside a running server: `steer.loop.run`.

    steer serve --critic sim/artefacts/critics/push \
        --policy lerobot:sim/artefacts/policies/diffusion-push
    python examples/realtime.py 127.0.0.1:50051 120

The robot is made up. Kill the server with -9, start it again: it holds, and is steered again.
"""

import sys
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.limits import Limits
from steer.loop import run
from steer.loop.ladder import Ladder, Rung
from steer.loop.remote import Remote, RemotePlanner
from steer.types import Observation

CLOCK = MonotonicClock()


class Robot:
    """Anything with `observe` and `act`, each within a fraction of a tick; this one stands."""

    def __init__(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self.arrays, self.told = arrays, 0

    def observe(self) -> Observation:
        """Return what it senses now."""
        return Observation(self.arrays, captured_at_s=CLOCK.now_s())

    def act(self, action: NDArray[np.float32]) -> None:
        """Command it."""
        self.told += 1


def main(target: str = "127.0.0.1:50051", seconds: str = "5") -> None:
    """Drive for some seconds; print each step on the ladder, and what was done."""
    with SteerClient(target) as client:
        told = client.describe()
    body, seen = told.critics[0].embodiment, told.policies[0].num_observations
    robot = Robot({item.name: np.zeros(item.shape, item.dtype) for item in body.observations})
    limits = Limits.of(body, acceleration=20.0, jerk=2000.0)
    remote = Remote(target=target, embodiment=body, budget_s=2.0, num_candidates=8,
                    rescore_s=0.05, limits=limits)  # fmt: skip  # and forecast=FILE, once trained
    end_s, ladder = CLOCK.now_s() + float(seconds), Ladder({Rung.HOLD: 60.0})  # then it stops
    with closing(RemotePlanner(remote)) as planner:  # a process of its own, never waited for
        run(robot, planner, body, limits=limits, ladder=ladder, num_observations=seen,
            on_change=lambda change: print(f"{change.after.name}: {change.cause}"),
            until=lambda _: CLOCK.now_s() >= end_s)  # fmt: skip
    print(f"{robot.told} actions; seconds on each rung: {dict(ladder.times_s)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
