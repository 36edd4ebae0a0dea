"""Errors to plant in what the trainer is given: a check that does not notice them is no check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.tabular.mdp import Clock
from steer.train.datasets import Episodes
from steer.train.targets import Chunks, build_chunks

__all__ = ["PLANTS", "Plant"]

_NEARLY_ONE = 1 - 1e-7


@dataclass(frozen=True, slots=True)
class Plant:
    """An error: in the marks of the episodes, or in the numbers of the chunks.

    Attributes:
        episodes: From right marks to wrong ones.
        chunks: From right numbers to wrong ones, with episodes, horizon and clock.
    """

    episodes: Callable[[Episodes], Episodes] = lambda episodes: episodes
    chunks: Callable[[Chunks, Episodes, int, Clock], Chunks] = lambda chunks, *_: chunks


def _swap(episodes: Episodes) -> Episodes:
    return replace(episodes, is_success=episodes.is_timeout, is_timeout=episodes.is_success)


def _end(episodes: Episodes) -> Episodes:
    return replace(
        episodes,
        is_success=episodes.is_success | episodes.is_timeout,
        is_timeout=np.zeros_like(episodes.is_timeout),
    )


def _negate(chunks: Chunks, episodes: Episodes, horizon: int, clock: Clock) -> Chunks:
    return replace(chunks, reward=-chunks.reward, monte_carlo=-chunks.monte_carlo)


def _forget(chunks: Chunks, episodes: Episodes, horizon: int, clock: Clock) -> Chunks:
    forgotten = build_chunks(
        episodes,
        horizon=horizon,
        discount=_NEARLY_ONE,
        worst=-clock.cost / (1 - _NEARLY_ONE),
    )
    return replace(chunks, bootstrap=forgotten.bootstrap, monte_carlo=forgotten.monte_carlo)


def _go_on(chunks: Chunks, episodes: Episodes, horizon: int, clock: Clock) -> Chunks:
    return replace(
        chunks,
        bootstrap=np.full_like(chunks.bootstrap, clock.discount**horizon),
        monte_carlo=np.full_like(chunks.monte_carlo, clock.worst),
    )


PLANTS: Mapping[str, Plant] = {
    "sign": Plant(chunks=_negate),
    "mask": Plant(episodes=_swap),
    "time-out": Plant(episodes=_end),
    "discount": Plant(chunks=_forget),
    "success": Plant(chunks=_go_on),
}
"""The sign of reward and return; successes and time-outs swapped; a time-out that ends what comes,
as success does; a value that is bootstrapped, and a return that came, without their discount; a
value that goes on through success, and a return that goes on costing after it."""
