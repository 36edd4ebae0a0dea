"""Measures what a tick of System 1 costs its thread, beside observing and acting.

    python -m benchmarks.tick_cost [--ticks 2000]

The whole loop with guard, limits and ladder, and the memory that it shares with a System 2 that is
told of every tick; chunks come from this process, for there is no server. Robots of 14 dimensions,
alone and with two images of 224 x 224, without and with a guard that compares every field. Writes
`demo/tick_cost.json`, of the guard as it is by default; `make results` publishes it.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.interrupt import run
from sim.records import make_record, write_records
from steer.clock import MonotonicClock
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import ServerError
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.loop import Loop
from steer.loop.planner import Request, Sensed
from steer.loop.remote import Remote, RemotePlanner
from steer.loop.system1 import System1
from steer.types import Observation

__all__ = ["main", "measure"]

DIMS, HORIZON, HZ, SIDE = 14, 32, 200.0, 224
OUTPUT = Path("demo") / "tick_cost.json"
_WARM = 200


def body(cameras: int) -> Embodiment:
    """Return a robot with so many cameras."""
    images = (
        ObservationField(name=f"observation.images.{n}", dtype="uint8", shape=(SIDE, SIDE, 3))
        for n in range(cameras)
    )
    state = ObservationField(name="observation.state", dtype="float32", shape=(DIMS,))
    return Embodiment(
        name="arms",
        control_hz=HZ,
        actions=tuple(ActionDim(name=f"joint{n}", low=-1.0, high=1.0) for n in range(DIMS)),
        observations=(state, *images),
        mode="absolute",
    )


class Arms:
    """Senses noise into buffers of its own, as drivers do; an image changes in its first pixels.

    Args:
        robot: With what it senses.
        clock: Of the instants.
    """

    def __init__(self, robot: Embodiment, clock: MonotonicClock) -> None:
        self._rng, self._clock = np.random.default_rng(0), clock
        self._arrays = {item.name: np.zeros(item.shape, item.dtype) for item in robot.observations}

    def observe(self) -> Observation:
        """Return what it senses now."""
        for value in self._arrays.values():
            value.flat[: min(value.size, DIMS)] = self._rng.integers(0, 255, DIMS)
        return Observation(dict(self._arrays), captured_at_s=self._clock.now_s())

    def act(self, action: object) -> None:
        """Go nowhere."""


class Answered:
    """Implements `Planner`: shared memory as it is, and a chunk for each request in no time."""

    def __init__(self, planner: RemotePlanner) -> None:
        self._planner = planner
        self._request: Request | None = None

    def submit(self, request: Request) -> None:
        """Ask."""
        self._planner.submit(request)
        self._request = request

    def sense(self, sensed: Sensed) -> None:
        """Tell of a tick."""
        self._planner.sense(sensed)

    def poll(self) -> Chunk | None:
        """Look into the memory, and answer."""
        self._planner.poll()
        request, self._request = self._request, None
        if request is None:
            return None
        return Chunk(
            actions=np.full((HORIZON, DIMS), 0.1, np.float32),
            consumed=request.consumed,
            frozen=request.frozen,
            commit=8,
            captured_at_s=request.captured_at_s,
            epoch=request.epoch,
            sequence=request.sequence,
        )


def measure(
    cameras: int, num_ticks: int, *, is_compared: bool, warm_ticks: int = _WARM
) -> NDArray[np.float64]:
    """Return what each tick cost, in seconds, shape [num_ticks].

    Args:
        cameras: Of the robot.
        num_ticks: To count.
        is_compared: Whether the guard looks for fields that hang.
        warm_ticks: Before them, not counted.

    Raises:
        ServerError: Something went wrong in a tick.
    """
    robot, clock = body(cameras), MonotonicClock()
    limits = Limits.of(robot, velocity=20.0, acceleration=400.0, jerk=1e5)
    remote = Remote(target="127.0.0.1:1", embodiment=robot, budget_s=1.0, rescore_s=0.5)
    max_frozen_s = {item.name: 60.0 for item in robot.observations} if is_compared else None
    with closing(RemotePlanner(remote)) as planner:
        loop = Loop(
            Arms(robot, clock),
            Answered(planner),
            System1(robot, limits, max_age_s=10.0),
            guard=ObservationGuard(robot, max_age_s=1.0, max_frozen_s=max_frozen_s),
            delay=DelayEstimate(most=HORIZON),
            clock=clock,
        )
        loop.begin(rest=np.zeros(DIMS, np.float32))
        costs_s = [loop.step().cost_s for _ in range(warm_ticks + num_ticks)]
    if loop.counts:
        raise ServerError(f"loop: expected no faults, got {dict(loop.counts)}")
    return np.array(costs_s[warm_ticks:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ticks", type=int, default=2000, help="to count (default: 2000)")
    num_ticks = parser.parse_args().ticks
    records = []
    for cameras, name in ((0, "alone"), (2, "alone_two_images")):
        for is_compared in (False, True):
            costs_ms = 1e3 * measure(cameras, num_ticks, is_compared=is_compared)
            low, middle, high = (float(value) for value in np.percentile(costs_ms, [25, 50, 75]))
            fields = "compared" if is_compared else "not compared"
            sys.stdout.write(
                f"{DIMS} dimensions, {cameras} images, fields {fields}: median {middle:.3f} ms, "
                f"quartiles {low:.3f} to {high:.3f}, {num_ticks} ticks\n"
            )
            if not is_compared:
                records.append(
                    make_record(
                        f"tick_cost_ms/{name}",
                        middle,
                        interval=None,
                        n=num_ticks,
                        unit=f"ms, median; quartiles {low:.3f} to {high:.3f}",
                        command="python -m benchmarks.tick_cost",
                    )
                )
    write_records(OUTPUT, records)


if __name__ == "__main__":
    run(main)
