"""Says when a core was away: a loop above all others on it that only looks.

On a shared host a virtual core stands still for milliseconds, and no priority helps against that.
The kernel's `hwlat` tracer looks for such gaps in the same way.

Shapes: `S` stalls.
"""

import logging
import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock, MonotonicClock
from steer.errors import InvalidInputError
from steer.loop.process import settled

__all__ = ["MOST_HZ", "Witness", "stalls_of"]

logger = logging.getLogger(__name__)

_PERIOD_S, _LEAST_S = 0.001, 0.001
"""How often it looks, and how late it must be for a stall."""
MOST_HZ = 0.25 / _PERIOD_S
"""Of a loop whose ticks can be told apart."""
_PRIORITY, _MOST_PRIORITY = 40, 99
"""Of System 1 where nobody says it, and of all."""
_BEGIN_S, _END_S, _LONGEST_S = 30.0, 10.0, 3600.0


class Witness:
    """Looks at a core from a process of its own; a context manager.

    It takes a few hundredths of the core, which goes to sleep no more often than it did. A stretch
    in which the kernel lets nobody in, for whomever it works, is a stall, too.

    Args:
        core: To look at; None looks at nothing.
        above: Priority of real time of who runs there; None for what `settled` takes.

    Attributes:
        stalls_S2: When it should have looked and when it did, in seconds of the monotonic clock: a
            stall may have begun up to a millisecond before that. None until it has ended, and where
            it could not look: it needs a priority above the other's.
    """

    def __init__(self, core: int | None, *, above: int | None = None) -> None:
        self.stalls_S2: NDArray[np.float64] | None = None
        priority = 1 + (_PRIORITY if above is None else above)
        context = multiprocessing.get_context("spawn")
        self._from_child, to_parent = context.Pipe(duplex=False)
        self._stop, self._to_parent = context.Event(), to_parent
        self._process = context.Process(target=_look, args=(core, priority, to_parent, self._stop))
        self._is_looking = core is not None and priority <= _MOST_PRIORITY

    def __enter__(self) -> "Witness":
        """Begin to look; return it once it does, or cannot."""
        if self._is_looking:
            self._process.start()
            self._to_parent.close()
            said = self._told(_BEGIN_S)
            self._is_looking = said == []
            if not self._is_looking:
                logger.warning("nobody looks whether the core is there: %s", said)
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._stop.set()
        try:
            found = self._told(_END_S) if self._is_looking else None
            if isinstance(found, list):
                self.stalls_S2 = np.array(found, np.float64).reshape(-1, 2)
            elif self._is_looking:
                logger.warning("nobody knows whether the core was there: %s", found)
        finally:
            if self._process.pid is not None:
                self._process.join(_END_S)
                self._process.kill()
                self._process.join()

    def _told(self, budget_s: float) -> "list[tuple[float, float]] | str":
        """Return what the process says next, or why it says nothing."""
        try:
            if not self._from_child.poll(budget_s):
                return f"expected a word from the witness within {budget_s:g} s, got none"
            found: list[tuple[float, float]] | str = self._from_child.recv()
        except EOFError:
            return "expected the witness, got its end"
        return found


def _look(core: int, priority: int, to_parent: Connection, stop: Event) -> None:
    """Look until told to end, or whoever asked is gone, or for an hour."""
    clock, parent = MonotonicClock(), os.getppid()
    end_s = clock.now_s() + _LONGEST_S
    try:
        with settled(core, priority=priority, is_kept_awake=False):
            to_parent.send([])
            found = stalls_of(
                clock,
                lambda: stop.is_set() or os.getppid() != parent or clock.now_s() > end_s,
            )
        to_parent.send(found)
    except InvalidInputError as error:
        to_parent.send(str(error))
    except BrokenPipeError:
        logger.debug("nobody waits for what the witness saw")


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
