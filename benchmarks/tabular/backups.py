"""What each algorithm's values ought to be, by dynamic programming.

Written from the papers' equations and the world's law alone, with nothing of `steer.train` in it.

Shapes: `S` cells, `C` chunks.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.tabular.mdp import Clock, Line

__all__ = ["behaviour", "best_of", "distil", "expectile", "followed", "solve"]

_SWEEPS = 150

Backup = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From the values of all chunks, [S, C], to the value of each cell, [S]."""


def solve(
    line: Line, clock: Clock, backup: Backup, *, is_followed: bool = False, share: float = 0.0
) -> NDArray[np.float64]:
    """Return the fixed point [S, C] of Q = (1 - share) (R + next . backup(Q)) + share G.

    Args:
        line: The world.
        clock: What time costs.
        backup: Of the algorithm.
        is_followed: Whether it learns only from chunks whose successor was recorded whole.
        share: Of the return that really came, G, in the target.
    """
    reward, following = line.backup(clock, followed=is_followed)
    returned, _ = line.returned(clock)
    values = np.zeros_like(reward)
    for _ in range(_SWEEPS):
        values = (1 - share) * (reward + following @ backup(values)) + share * returned
    return values


def behaviour(line: Line) -> Backup:
    """Return the backup of the mean over chunks as the robot draws them."""
    return lambda values: values @ line.probability


def followed(line: Line) -> Backup:
    """Return the backup of the mean over chunks that were recorded whole: SARSA's."""
    weight = line.probability * line.whole
    return lambda values: (values * weight).sum(1) / weight.sum(1)


def best_of(line: Line, count: int) -> Backup:
    """Return the backup of the best of so many draws of the robot."""

    def backup(values: NDArray[np.float64]) -> NDArray[np.float64]:
        order = np.argsort(values, axis=1)
        below = np.cumsum(line.probability[order], axis=1)
        share = np.diff(below**count, axis=1, prepend=0.0)
        found: NDArray[np.float64] = (np.take_along_axis(values, order, 1) * share).sum(1)
        return found

    return backup


def expectile(weight: NDArray[np.float64], tau: float) -> Backup:
    """Return the backup of the expectile over chunks with these weights [S, C]."""

    def backup(values: NDArray[np.float64]) -> NDArray[np.float64]:
        low, high = values.min(axis=1), values.max(axis=1)
        for _ in range(40):
            middle = (low + high) / 2
            gap = values - middle[:, None]
            is_low = (np.where(gap > 0, tau, 1 - tau) * gap * weight).sum(1) > 0
            low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
        found: NDArray[np.float64] = (low + high) / 2
        return found

    return backup


def distil(line: Line, long: Line, clock: Clock, tau: float) -> NDArray[np.float64]:
    """Return the fixed point of decoupled Q-chunking, [S, C] of the short chunks.

    A short chunk is worth the mean over the long ones that it was recorded in (an expectile of
    0.5), which bootstrap from an expectile over short chunks.
    """
    is_prefix = (long.chunks[:, None, : line.horizon] == line.chunks).all(-1).astype(float)
    recorded = long.recorded @ is_prefix
    reward, following = long.backup(clock)
    cell_value = expectile(recorded, tau)
    values: NDArray[np.float64] = np.zeros(recorded.shape)
    for _ in range(_SWEEPS):
        targets = reward + following @ cell_value(values)
        values = (long.recorded * targets) @ is_prefix / recorded
    return values
