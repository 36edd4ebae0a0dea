"""A robot whose world is another process: senses and commands go through memory, nobody waits.

Shapes: `A` action.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock, MonotonicClock
from steer.errors import UnreachableError
from steer.loop.handover import observation_from_bytes
from steer.loop.latest import Latest
from steer.types import Observation

__all__ = ["COMMANDS", "SEEN", "SharedRobot", "World", "running_world"]

COMMANDS, SEEN = "commands", "seen"
"""Names of the shared files."""
_MEMORY = Path("/dev/shm")
_COMMAND_BYTES, _SEEN_BYTES = 1 << 12, 1 << 20
_START_S, _STOP_S = 120.0, 10.0


class SharedRobot:
    """Implements `steer.loop.robot.Robot` by touching memory alone, as a driver would.

    Args:
        directory: Of a running world.
        clock: Of the instants; the machine's, for the world has the same.

    Attributes:
        acted_at_s: When the last command had gone out; NaN before.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._seen, self._commands = Latest(directory / SEEN), Latest(directory / COMMANDS)
        self._clock = clock
        self._number = 0
        self._last: Observation | None = None
        self.acted_at_s = float("nan")

    def observe(self) -> Observation:
        """Return what it sensed last.

        Raises:
            UnreachableError: There is no world yet.
        """
        found = self._seen.read(after=self._number)
        if found is not None:
            self._number, self._last = found[0], observation_from_bytes(found[1])
        if self._last is None:
            raise UnreachableError("world: expected an observation, got none")
        return self._last

    def act(self, action: NDArray[np.float32]) -> None:
        """Hand a command, [A], over to the world."""
        self._commands.write(action.tobytes())
        self.acted_at_s = self._clock.now_s()

    def close(self) -> None:
        """Let go of the memory."""
        self._seen.close()
        self._commands.close()


@dataclass(slots=True)
class World:
    """A world that goes on by itself.

    Attributes:
        directory: Of its memory.
        told: What it said at its end; empty before.
    """

    directory: Path
    told: dict[str, Any]


@contextmanager
def running_world(task: str, seed: int) -> Iterator[World]:
    """Run a task's physics in a process of its own, at its own rate on the wall clock.

    Raises:
        UnreachableError: It did not come up.
    """
    home = str(_MEMORY) if _MEMORY.is_dir() else None
    directory = Path(tempfile.mkdtemp(prefix="steer-world-", dir=home))
    seen = Latest(directory / SEEN, capacity=_SEEN_BYTES)
    commands = Latest(directory / COMMANDS, capacity=_COMMAND_BYTES)
    command = [sys.executable, "-m", "sim.realtime.world", str(directory), task, str(seed)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    world = World(directory, {})
    try:
        _wait_for(process, seen)
        yield world
        told, _ = process.communicate(timeout=_STOP_S)  # it ends when its input does
        world.told.update(json.loads(told))
    finally:
        process.kill()
        process.communicate()
        seen.close()
        commands.close()
        shutil.rmtree(directory, ignore_errors=True)


def _wait_for(process: "subprocess.Popen[str]", seen: Latest) -> None:
    clock = MonotonicClock()
    end_s = clock.now_s() + _START_S
    while seen.read() is None:
        if process.poll() is not None or clock.now_s() > end_s:
            raise UnreachableError(
                f"world: expected it up within {_START_S:g} s, got no sign of it"
            )
        clock.sleep(0.05)
