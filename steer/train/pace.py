"""How long a run will take, said soon after it began, and with how many threads it is fastest."""

import logging
import os
import statistics
from collections.abc import Callable

import torch

__all__ = ["Pace", "fastest_threads"]

logger = logging.getLogger(__name__)

_STEPS = 50
_WITHIN_S = 8.0
_TURNS = 3
_STEPS_A_TURN = 4


class Pace:
    """Logs once how long a run takes: after 50 steps, or 8 s where that is sooner.

    Args:
        num_steps: Of the run, from here on.
        now_s: Reads a monotonic clock, in seconds.
    """

    def __init__(self, num_steps: int, now_s: Callable[[], float]) -> None:
        self._num_steps, self._now_s = num_steps, now_s
        self._done, self._start_s = 0, 0.0
        self._is_told = False

    def did_step(self) -> None:
        """Count a step; the first one warms up and is not measured."""
        if self._is_told:
            return
        self._done += 1
        if self._done == 1:
            self._start_s = self._now_s()
            return
        measured, elapsed_s = self._done - 1, self._now_s() - self._start_s
        if measured < _STEPS and elapsed_s < _WITHIN_S:
            return
        about = _in_words(elapsed_s / measured * self._num_steps)
        logger.info("about %s for %s steps", about, f"{self._num_steps:,}")
        self._is_told = True


def fastest_threads(step: Callable[[int], object], *, now_s: Callable[[], float]) -> int:
    """Return with how many threads torch does a step sooner: one, or as many as there are cores.

    Both take turns of a few steps; the number of threads is left at what is returned.

    Args:
        step: Does the step of a number, which may be done more than once.
        now_s: Reads a monotonic clock, in seconds.
    """
    cores = _num_cores()
    if cores == 1:
        torch.set_num_threads(1)
        return 1
    step(0)
    turns_s: dict[int, list[float]] = {1: [], cores: []}
    for _ in range(_TURNS):
        for threads, found in turns_s.items():
            torch.set_num_threads(threads)
            start_s = now_s()
            for number in range(_STEPS_A_TURN):
                step(number)
            found.append(now_s() - start_s)
    each_s = {count: statistics.median(s) / _STEPS_A_TURN for count, s in turns_s.items()}
    best = min(each_s, key=lambda count: (each_s[count], count))
    logger.info(
        "threads=%d: a step takes %.4f s with 1, %.4f s with %d", best, *each_s.values(), cores
    )
    torch.set_num_threads(best)
    return best


def _num_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_words(duration_s: float) -> str:
    if duration_s < 90:
        return f"{max(1, round(duration_s))} s"
    if duration_s < 90 * 60:
        return f"{round(duration_s / 60)} min"
    return f"{duration_s / 3600:.1f} h"
