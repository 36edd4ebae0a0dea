"""Several policy workers as one."""

import asyncio
from pathlib import Path

import pytest

from steer.errors import CheckpointError
from steer.serve.sources.pool import WorkerPool, shares

PATHS = {name: Path(name) for name in "abcde"}


class Worker:
    """Pretends to load."""

    def __init__(self, *names, error=None):
        self.sources, self.names, self.error, self.log = {}, names, error, []

    async def start(self):
        """Load, or fail."""
        if self.error:
            raise self.error
        self.log.append("starting")
        await asyncio.sleep(0)
        self.sources = dict.fromkeys(self.names, self)
        self.log.append("started")

    async def stop(self):
        """End."""
        self.log.append("stopped")


def test_every_checkpoint_has_one_worker():
    """As evenly as can be, and no worker without any."""
    assert shares(PATHS, 2) == [
        {name: PATHS[name] for name in "ace"},
        {name: PATHS[name] for name in "bd"},
    ]
    assert [set(part) for part in shares({"a": Path("a")}, 3)] == [{"a"}]


def test_the_sources_are_those_of_all_workers():
    """Empty before the start."""
    workers = [Worker("a", "b"), Worker("c")]
    pool = WorkerPool(workers)
    before = dict(pool.sources)

    asyncio.run(pool.start())

    assert (before, set(pool.sources)) == ({}, {"a", "b", "c"})


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
