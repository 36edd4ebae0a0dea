"""Says when the machine had taken a core away: a loop above all others on it that only looks.

On a shared host a virtual core stands still for milliseconds, and no priority helps against that.
The kernel's `hwlat` tracer looks for such gaps in the same way.

Shapes: `S` stalls.
"""

import logging
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock, MonotonicClock
from steer.errors import InvalidInputError
from steer.loop.process import settled

__all__ = ["Witness", "stalls_of"]

logger = logging.getLogger(__name__)

_PERIOD_S, _LEAST_S = 0.001, 0.001
"""How often it looks, and how late it must be for a stall."""
_PRIORITY = 60
"""Above System 1's and the kernel's interrupt threads."""
_BEGIN_S, _END_S = 30.0, 10.0


class Witness:
    """Looks at a core from a process of its own; a context manager.

    It takes a few hundredths of the core. A stretch in which the kernel itself lets nobody in, for
    whomever it works, is a stall, too.

    Args:
        core: To look at; None looks at nothing.

    Attributes:
        stalls_S2: When it should have looked and when it did, in seconds of the monotonic clock;
            None until it has ended, and where it could not look: it needs a priority of real time.
    """

    def __init__(self, core: int | None) -> None:
        self.stalls_S2: NDArray[np.float64] | None = None
        context = multiprocessing.get_context("spawn")
        self._from_child, to_parent = context.Pipe(duplex=False)
        self._stop = context.Event()
        self._process = context.Process(target=_look, args=(core, to_parent, self._stop))
        self._can_look = core is not None

    def __enter__(self) -> "Witness":
        """Begin to look; return it once it does, or cannot."""
        if self._can_look:
            self._process.start()
            said = self._from_child.recv() if self._from_child.poll(_BEGIN_S) else "too late"
            self._can_look = not said
            if said:
                logger.warning("nobody looks whether the core is there: %s", said)
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._stop.set()
        if self._can_look and self._from_child.poll(_END_S):
            self.stalls_S2 = np.array(self._from_child.recv(), np.float64).reshape(-1, 2)
        if self._process.pid is not None:
            self._process.join(_END_S)
            self._process.kill()


def _look(core: int, to_parent: Connection, stop: Event) -> None:
    try:
        with settled(core, priority=_PRIORITY):
            to_parent.send("")
            found = stalls_of(MonotonicClock(), stop.is_set)
        to_parent.send(found)
    except InvalidInputError as error:
        to_parent.send(str(error))


def stalls_of(clock: Clock, is_over: Callable[[], bool]) -> list[tuple[float, float]]:
    """Look again and again until it is over; return when a look was due and when it came.

    Args:
        clock: To look at.
        is_over: Asked before each look.
    """
    found: list[tuple[float, float]] = []
    due_s = clock.now_s()
    while not is_over():
        due_s += _PERIOD_S
        clock.sleep(max(0.0, due_s - clock.now_s()))
        now_s = clock.now_s()
        if now_s - due_s >= _LEAST_S:
            found.append((due_s, now_s))
            due_s = now_s
    return found
