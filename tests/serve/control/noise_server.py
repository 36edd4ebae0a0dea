"""A real server of a policy of noise, in a process that may be killed: CRITIC HOST:PORT.

It says on its standard output where it serves, and since which instant of the monotonic clock.
"""

import asyncio
import sys
from pathlib import Path

import numpy as np

from steer.clock import MonotonicClock
from steer.critics.artefact import load_critic
from steer.serve.config import ServeConfig
from steer.serve.server import Server
from steer.serve.sources.base import SourceInfo
from steer.types import Candidates


class Noise:
    """The policy, and the worker that owns it."""

    def __init__(self, embodiment):
        self.info = SourceInfo(
            name="noise",
            type="noise",
            embodiment=embodiment,
            horizon=8,
            num_observations=1,
            is_stochastic=True,
            digest="sha256:00",
        )
        self.sources = {"noise": self}

    async def start(self):
        """Nothing to load."""

    async def stop(self):
        """Nothing to free."""

    async def draw(self, observations, *, num_candidates, noise_seed, frozen=0, budget_s):
        del observations, budget_s
        shape = (num_candidates, 8, self.info.embodiment.action_dim)
        return Candidates(np.random.default_rng(noise_seed).normal(size=shape).astype(np.float32))


async def main(critic, address):
    """Serve until killed."""
    config = ServeConfig(critic=(critic,), listen=address, allow_unaudited=True)
    embodiment = load_critic(Path(critic)).card.embodiment
    server = Server(config, worker=Noise(embodiment))
    found = await server.start()
    sys.stdout.write(f"{found} {MonotonicClock().now_s()}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


asyncio.run(main(*sys.argv[1:]))
