"""Several policy workers as one: each holds every checkpoint, and the least busy one draws."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from steer.serve.sources.base import PolicySource, SourceInfo
from steer.types import Candidates, Observation

__all__ = ["PolicyWorker", "Replica", "WorkerPool"]


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


class Replica(PolicyWorker, Protocol):
    """A worker that can stand in for another."""

    @property
    def load(self) -> float:
        """Draws that wait or run; infinite while it cannot draw."""
        ...


class WorkerPool:
    """Several workers as one. A draw is the same whichever of them does it.

    Args:
        workers: At least one; all have the same checkpoints.
    """

    def __init__(self, workers: Sequence[Replica]) -> None:
        self._workers = tuple(workers)

    @property
    def sources(self) -> Mapping[str, PolicySource]:
        """What can be drawn from, by name; empty before `start`."""
        return {name: _Shared(name, self._workers) for name in self._workers[0].sources}

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


@dataclass(frozen=True, slots=True)
class _Shared:
    """One source of all workers."""

    name: str
    workers: Sequence[Replica]

    @property
    def info(self) -> SourceInfo:
        return self.workers[0].sources[self.name].info

    async def draw(
        self,
        observations: Sequence[Observation],
        *,
        num_candidates: int,
        noise_seed: int,
        frozen: int = 0,
        budget_s: float,
    ) -> Candidates:
        """Draw where the fewest draws wait, see `PolicySource.draw`."""
        worker = min(self.workers, key=lambda item: item.load)
        return await worker.sources[self.name].draw(
            observations,
            num_candidates=num_candidates,
            noise_seed=noise_seed,
            frozen=frozen,
            budget_s=budget_s,
        )
