"""A policy source for code that is not asynchronous: `steer audit` draws candidates with it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError
from steer.serve.sources.lerobot_checkpoint import LeRobotWorker
from steer.types import Observation

__all__ = ["PolicyDraw", "blocking_draw"]

_BUDGET_S = 60.0
_KIND = "lerobot:"


@dataclass(frozen=True, slots=True)
class PolicyDraw:
    """A policy to draw from.

    Attributes:
        draw: (history by name of shape [n, S], how many candidates, seed) -> chunks of shape
            [N, H, A].
        digest: Identity of the checkpoint, `sha256:…`, wherever it lies.
    """

    draw: Callable[[dict[str, NDArray[np.float32]], int, int], NDArray[np.float32]]
    digest: str


@contextmanager
def blocking_draw(policy: str) -> Iterator[PolicyDraw]:
    """Start a worker with one checkpoint and draw from it.

    Args:
        policy: `lerobot:DIR`.

    Yields:
        The policy; it draws until the context ends.

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

            yield PolicyDraw(draw, source.info.digest)
        finally:
            runner.run(worker.stop())
