"""A world on the wall clock: `python -m sim.realtime.world DIR TASK SEED`, see `running_world`.

It steps at its task's rate whether it was told something or not, and an episode that ends is
followed by the next one. It ends when its standard input does, and says then what its physics took.
"""

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from sim.realtime.robot import SimRobot
from sim.realtime.shared import COMMANDS, SEEN
from sim.tasks import make
from steer.clock import MonotonicClock
from steer.loop.handover import observation_to_parts
from steer.loop.latest import Latest
from steer.loop.ticker import Ticker

__all__ = ["main"]


def main() -> int:
    """Step until standard input closes."""
    directory, env, seed = Path(sys.argv[1]), make(sys.argv[2]), int(sys.argv[3])
    seen, commands = Latest(directory / SEEN), Latest(directory / COMMANDS)
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    clock, took_s, read, num_resets = MonotonicClock(), [], 0, 0
    robot = SimRobot(env, seed, clock)
    ticker = Ticker(env.spec.embodiment.control_hz, clock)
    while not ended.is_set():
        ticker.wait()
        begun_s = clock.now_s()
        if robot.is_success or robot.steps >= env.spec.max_steps:
            num_resets += 1
            robot = SimRobot(env, seed + num_resets, clock)
        found = commands.read(after=read)
        if found is not None:
            read = found[0]
            robot.act(np.frombuffer(found[1], np.float32))
        robot.tick()
        observation = replace(robot.observe(), captured_at_s=clock.now_s())
        seen.write(*observation_to_parts(observation))
        took_s.append(clock.now_s() - begun_s)
    ms = 1000 * np.array(took_s or [0.0])
    told = {
        "ticks": len(took_s),
        "missed": ticker.num_missed,
        "episodes": num_resets + 1,
        "mean_ms": round(float(ms.mean()), 3),
        "p99_ms": round(float(np.percentile(ms, 99)), 3),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    sys.exit(main())
