"""Several policy workers as one: each has its share of the checkpoints and a core of its own."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from steer.serve.sources.base import PolicySource

__all__ = ["PolicyWorker", "WorkerPool", "shares"]


class PolicyWorker(Protocol):
    """Whoever owns policy sources of a server."""

    @property
    def sources(self) -> Mapping[str, PolicySource]:
        """What can be drawn from, by name, once started."""
        ...

    async def start(self) -> None:
        """Load all policies."""
        ...

    async def stop(self) -> None:
        """Free them; may be called twice."""
        ...


class WorkerPool:
    """Several workers as one.

    Args:
        workers: No two with a checkpoint of the same name.
    """

    def __init__(self, workers: Sequence[PolicyWorker]) -> None:
        self._workers = tuple(workers)

    @property
    def sources(self) -> Mapping[str, PolicySource]:
        """What can be drawn from, by name; empty before `start`."""
        return {name: item for worker in self._workers for name, item in worker.sources.items()}

    async def start(self) -> None:
        """Start all workers at once.

        Raises:
            CheckpointError: A checkpoint cannot be loaded; workers that run are left to `stop`.
            PolicyError: A worker does not start.
        """
        tasks = [asyncio.create_task(worker.start()) for worker in self._workers]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def stop(self) -> None:
        """End all workers. May be called twice."""
        await asyncio.gather(*(worker.stop() for worker in self._workers))


def shares(checkpoints: Mapping[str, Path], count: int) -> list[dict[str, Path]]:
    """Return the share of each of at most `count` workers, none of them empty."""
    names = list(checkpoints)
    parts = [names[start::count] for start in range(count)]
    return [{name: checkpoints[name] for name in part} for part in parts if part]
