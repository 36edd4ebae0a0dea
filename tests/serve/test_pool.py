"""Several policy workers as one."""

import asyncio
import math

import pytest

from steer.errors import CheckpointError
from steer.serve.sources.pool import WorkerPool


class Worker:
    """Pretends to load."""

    def __init__(self, *names, error=None, load=0):
        self.sources, self.names, self.error, self.log = {}, names, error, []
        self.load = load

    async def start(self):
        """Load, or fail."""
        if self.error:
            raise self.error
        self.log.append("starting")
        await asyncio.sleep(0)
        self.sources = dict.fromkeys(self.names, self)
        self.log.append("started")

    async def draw(self, observations, **request):
        """Draw for ever."""
        assert request == {"num_candidates": 4, "noise_seed": 1, "frozen": 3, "budget_s": 1.0}
        self.load += 1
        return self

    async def stop(self):
        """End."""
        self.log.append("stopped")


async def drawn_by(workers, num_draws):
    """Draw and return the worker of each draw."""
    pool = WorkerPool(workers)
    await pool.start()
    source = pool.sources["a"]
    return [
        await source.draw([], num_candidates=4, noise_seed=1, frozen=3, budget_s=1.0)
        for _ in range(num_draws)
    ]


def test_a_draw_goes_to_the_least_busy_worker():
    """So that one checkpoint alone keeps all of them busy."""
    workers = [Worker("a", load=2), Worker("a", load=0)]

    drawn = asyncio.run(drawn_by(workers, 4))

    assert [workers.index(worker) for worker in drawn] == [1, 1, 0, 1]


def test_a_worker_that_is_down_is_passed_over():
    """While another one is up; else its own refusal is the answer."""
    workers = [Worker("a", load=math.inf), Worker("a", load=3)]

    assert asyncio.run(drawn_by(workers, 2)) == [workers[1]] * 2
    assert asyncio.run(drawn_by(workers[:1], 1)) == workers[:1]


def test_the_sources_are_those_of_each_worker():
    """Empty before the start."""
    workers = [Worker("a", "b"), Worker("a", "b")]
    pool = WorkerPool(workers)
    before = dict(pool.sources)

    asyncio.run(pool.start())

    assert (before, set(pool.sources)) == ({}, {"a", "b"})


def test_one_that_cannot_load_ends_the_start():
    """With its error; the others are stopped with the server."""
    good = Worker("a")
    pool = WorkerPool([good, Worker("b", error=CheckpointError("b: damaged"))])

    async def scenario():
        with pytest.raises(CheckpointError, match="b: damaged"):
            await pool.start()
        await pool.stop()

    asyncio.run(scenario())

    assert good.log[-1] == "stopped"
