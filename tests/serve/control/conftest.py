"""A server whose policy waits at a door, and robots that speak to it in raw messages."""

import asyncio
import contextlib
import queue
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest

from steer.clock import MonotonicClock
from steer.serve.server import Server
from steer.serve.sources.base import SourceInfo
from steer.types import Candidates, Observation
from steer.v1 import control_pb2 as pb
from steer.v1 import steering_pb2
from steer.v1.steering_pb2_grpc import SteeringStub
from steer.wire.observations import observation_to_message
from steer.wire.session import embodiment_to_message
from steer.wire.tensors import duration_from_seconds, tensor_to_message

CLOCK, HORIZON, LIMIT_S = MonotonicClock(), 8, 20.0


class DoorPolicy:
    """Seeded noise behind a door, which is open until it is shut; also the worker that owns it."""

    def __init__(self, robot, loop, *, horizon=HORIZON):
        self.info = SourceInfo(
            name="door",
            type="noise",
            embodiment=robot,
            horizon=horizon,
            num_observations=2,
            is_stochastic=True,
            digest="sha256:00",
        )
        self.sources = {"door": self}
        self._loop, self._door = loop, asyncio.Event()
        self._door.set()
        self.entered = threading.Semaphore(0)
        self.seen, self.frozen, self.inside, self.most, self.cancelled = [], [], 0, 0, 0
        self.error = None

    async def start(self):
        """Nothing to load."""

    async def stop(self):
        """Nothing to free."""

    def forget(self):
        """Forget the draws that have been, those of the server's start among them."""
        self.seen.clear()
        self.frozen.clear()
        self.most = self.cancelled = 0
        while self.entered.acquire(blocking=False):
            pass

    def shut(self):
        self._loop.call_soon_threadsafe(self._door.clear)

    def open(self):
        self._loop.call_soon_threadsafe(self._door.set)

    def wait_until_entered(self, times=1):
        for _ in range(times):
            assert self.entered.acquire(timeout=LIMIT_S)

    def wait_until_empty(self):
        end_s = CLOCK.now_s() + LIMIT_S
        while self.inside:
            assert CLOCK.now_s() < end_s
            CLOCK.sleep(0.002)

    async def draw(self, observations, *, num_candidates, noise_seed, frozen=0, budget_s):
        del budget_s  # Whoever waits behind a door does not look at the clock.
        self.seen.append(observations)
        self.frozen.append(frozen)
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.release()
        try:
            await self._door.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.inside -= 1
        if self.error is not None:
            raise self.error
        shape = (num_candidates, self.info.horizon, self.info.embodiment.action_dim)
        return Candidates(np.random.default_rng(noise_seed).normal(size=shape).astype(np.float32))


class RawRobot:
    """Sends what it is told to, and reads when it is told to."""

    def __init__(self, stub, session, **start):
        self._sending = queue.SimpleQueue()
        self.call = stub.Control(iter(self._sending.get, None), timeout=30)
        if session is not None:
            self.send(start=pb.ControlStart(session=session, **start))

    def send(self, **fields):
        self._sending.put(pb.ControlRequest(**fields))

    def tick(self, observation, *, consumed=0, epoch=1, sent=None, ask=None, **fields):
        """Send what it senses."""
        self.send(
            epoch=epoch,
            consumed=consumed,
            observation=observation_to_message(observation),
            sent=None if sent is None else tensor_to_message(sent),
            ask=ask,
            **fields,
        )

    def answer(self):
        """Return the next answer."""
        return next(self.call)

    def ended_with(self):
        """Return status, `steer-error` and text that the stream ends with."""
        with pytest.raises(grpc.RpcError) as caught:
            for _ in self.call:
                pass
        metadata = dict(caught.value.trailing_metadata() or ())
        return caught.value.code().name, metadata.get("steer-error"), caught.value.details()

    def close(self):
        """End its half."""
        self._sending.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
        self.call.cancel()


@pytest.fixture(scope="session")
def make_policy(robot, loop):
    """Make a policy behind a door, which is also the worker that owns it."""

    def make(**options):
        return DoorPolicy(robot, loop, **options)

    return make


class Counted:
    """What has happened on the streams of a server from now on."""

    def __init__(self, server):
        self._counts = server._service.streams.counts
        self._before = dict(self._counts)

    def __getitem__(self, what):
        return self._counts[what] - self._before.get(what, 0)

    def wait(self, what, times):
        """Wait until something has happened so often."""
        end_s = CLOCK.now_s() + LIMIT_S
        while self[what] < times:
            assert CLOCK.now_s() < end_s, f"{what}: {self[what]}"
            CLOCK.sleep(0.002)


@pytest.fixture(scope="session")
def serving_control(run, make_config):
    """Serve a policy for the length of a `with` block, which gets address and server."""

    @contextlib.contextmanager
    def serving(policy, **options):
        options = {"drain_s": 0.0, "max_candidates": 8, "expected_candidates": 4, **options}

        async def make():
            return Server(make_config(**options), worker=policy)

        server = run(make())
        try:
            address = run(server.start())
            policy.forget()
            yield address, server
        finally:
            run(server.stop())

    return serving


@pytest.fixture(scope="session")
def served(serving_control, make_policy):
    """A server with a policy behind a door: address, server and policy."""
    policy = make_policy()
    with serving_control(policy) as (address, server):
        yield address, server, policy


class Killable:
    """A server in a process of its own."""

    def __init__(self, process):
        self._process = process

    def serving(self):
        """Wait until it serves; return where, and since which instant."""
        address, since_s = self._process.stdout.readline().split()
        return address, float(since_s)

    def kill(self):
        """As `kill -9` does; it is gone when this returns."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def killable(critic_dir):
    """Start a server at an address, for the length of a `with` block."""

    @contextlib.contextmanager
    def killable(address="127.0.0.1:0"):
        command = [sys.executable, Path(__file__).with_name("noise_server.py"), critic_dir, address]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Killable(process)
            finally:
                process.kill()

    return killable


@pytest.fixture(scope="session")
def count():
    """Count what happens on the streams of a server: `count(server)`."""
    return Counted


@pytest.fixture
def counted(served):
    """What has happened on the streams of the shared server since the test began."""
    return Counted(served[1])


@pytest.fixture
def policy(served):
    """The policy, its door open and its record clean, before and after."""
    _, _, policy = served
    policy.forget()
    yield policy
    policy.error = None
    policy.open()


@pytest.fixture(scope="session")
def stub(served):
    """The service as raw messages."""
    with grpc.insecure_channel(served[0]) as channel:
        grpc.channel_ready_future(channel).result(10)
        yield SteeringStub(channel)


@pytest.fixture(scope="session")
def session_of(robot):
    """Open a session of a server, and return its token."""

    def session_of(stub):
        request = steering_pb2.OpenSessionRequest(embodiment=embodiment_to_message(robot))
        return stub.OpenSession(request, timeout=5).session

    return session_of


@pytest.fixture(scope="session")
def talk():
    """A robot's stream: `talk(stub, session, **start)`, for the length of a `with` block."""
    return RawRobot


@pytest.fixture
def stream(stub, session_of, policy):
    """A robot with a session and a stream, of a policy whose door is open."""
    with RawRobot(stub, session_of(stub)) as found:
        yield found


@pytest.fixture
def sense(rng):
    """What the robot senses at one instant after the other."""

    def sense(captured_at_s=None, running=None):
        state = rng.normal(size=3).astype(np.float32)
        return Observation({"observation.state": state}, captured_at_s, "", running)

    return sense


@pytest.fixture(scope="session")
def asked():
    """Make an ask."""

    def asked(sequence=1, *, budget_s=5.0, frozen=0, noise_seed=7, history=(), **fields):
        return pb.ControlAsk(
            sequence=sequence,
            frozen=frozen,
            budget=duration_from_seconds(budget_s),
            noise_seed=noise_seed,
            history=[observation_to_message(item) for item in history],
            **fields,
        )

    return asked
