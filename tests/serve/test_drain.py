"""A graceful stop: NOT_SERVING first, open requests end, new ones are turned away."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from steer.client import SteerClient
from steer.errors import UnreachableError
from steer.serve.server import Server
from steer.serve.sources.base import SourceInfo
from steer.types import Candidates


class DoorSource:
    """A policy that waits at a door once it is shut."""

    def __init__(self, embodiment):
        self.info = SourceInfo(
            name="door",
            type="noise",
            embodiment=embodiment,
            horizon=4,
            num_observations=1,
            is_stochastic=True,
            digest="sha256:00",
        )
        self.entered, self.door = asyncio.Event(), asyncio.Event()
        self.door.set()
        self.sources = {"door": self}

    async def start(self):
        """Nothing to load."""

    async def stop(self):
        """Nothing to free."""

    async def draw(self, observations, *, num_candidates, noise_seed, frozen=0, budget_s):
        self.entered.set()
        await self.door.wait()
        return Candidates(np.ones((num_candidates, 4, 2), np.float32))


@pytest.fixture
def stop_while_one_is_open(run, robot, make_config, observation):
    """Stop a server in the middle of a Steer; return what each side saw."""

    async def scenario(pool, *, hurry):
        worker = DoorSource(robot)
        server = Server(make_config(drain_s=10.0), worker=worker)
        address = await server.start()
        loop = asyncio.get_running_loop()
        client = SteerClient(address)
        await loop.run_in_executor(pool, lambda: client.open_session(robot, budget_s=5))
        worker.entered.clear()
        worker.door.clear()
        steering = loop.run_in_executor(pool, lambda: client.steer(observation, budget_s=10))
        await worker.entered.wait()
        channel = grpc.insecure_channel(address)
        watches = [
            health_pb2_grpc.HealthStub(channel).Watch(
                health_pb2.HealthCheckRequest(service=service)
            )
            for service in ("", "steer.v1.Steering")
        ]

        def look():
            return [next(watch).status for watch in watches]

        seen = await loop.run_in_executor(pool, look)
        stopping = asyncio.create_task(server.stop())
        seen += await loop.run_in_executor(pool, look)
        for watch in watches:
            watch.cancel()
        channel.close()
        if hurry:
            await server.hurry()
        worker.door.set()
        (found,) = await asyncio.gather(steering, return_exceptions=True)
        await stopping
        await loop.run_in_executor(pool, client.close)
        return seen, found

    def go(*, hurry=False):
        with ThreadPoolExecutor(4) as pool:
            return run(scenario(pool, hurry=hurry))

    return go


def test_an_open_request_is_answered_while_the_server_drains(stop_while_one_is_open):
    """Health turns to NOT_SERVING at once; the chunk still comes."""
    seen, found = stop_while_one_is_open()

    serving, not_serving = (
        health_pb2.HealthCheckResponse.SERVING,
        health_pb2.HealthCheckResponse.NOT_SERVING,
    )
    assert seen == [serving, serving, not_serving, not_serving]
    assert found.num_scored == 16


def test_a_second_signal_ends_the_drain(stop_while_one_is_open):
    """Whoever is in a hurry need not wait for robots."""
    _, found = stop_while_one_is_open(hurry=True)

    assert isinstance(found, UnreachableError)
