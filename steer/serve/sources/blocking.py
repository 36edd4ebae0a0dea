"""A policy source for code that is not asynchronous: `steer audit` draws candidates with it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError
from steer.serve.sources.lerobot_checkpoint import LeRobotWorker
from steer.types import Observation

__all__ = ["blocking_draw"]

_BUDGET_S = 60.0
_KIND = "lerobot:"


@contextmanager
def blocking_draw(
    policy: str,
) -> Iterator[Callable[[dict[str, NDArray[np.float32]], int, int], NDArray[np.float32]]]:
    """Start a worker with one checkpoint and give a function that draws from it.

    Args:
        policy: `lerobot:DIR`.

    Yields:
        (history by name of shape [n, S], how many candidates, seed) -> chunks of shape [N, H, A].

    Raises:
        ConfigError: `policy` is of another kind.
        CheckpointError: The checkpoint cannot be loaded.
    """
    if not policy.startswith(_KIND):
        raise ConfigError(f"--policy: expected lerobot:DIR, got {policy!r}")
    worker = LeRobotWorker({"policy": Path(policy.removeprefix(_KIND))}, device="cpu")
    with asyncio.Runner() as runner:
        try:
            runner.run(worker.start())
            source = worker.sources["policy"]
            needed = [item.name for item in source.info.embodiment.observations]

            def draw(
                history: dict[str, NDArray[np.float32]], num_candidates: int, seed: int
            ) -> NDArray[np.float32]:
                length = source.info.num_observations
                kept = {name: history[name][-length:] for name in needed}
                count = len(next(iter(kept.values())))
                observations = [
                    Observation({name: value[index] for name, value in kept.items()})
                    for index in range(count)
                ]
                return runner.run(
                    source.draw(
                        observations,
                        num_candidates=num_candidates,
                        noise_seed=seed,
                        budget_s=_BUDGET_S,
                    )
                ).actions

            yield draw
        finally:
            runner.run(worker.stop())
