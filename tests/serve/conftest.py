"""A robot, a small critic, a policy that needs no worker, and a real server on port 0."""

import asyncio
import contextlib
import threading
from dataclasses import replace

import grpc
import numpy as np
import pytest
import torch

from steer.critics.artefact import save_critic
from steer.critics.card import CriticCard, NetworkConfig, SelectionDefaults
from steer.critics.critic import Critic
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.serve.config import ServeConfig
from steer.serve.server import Server
from steer.serve.sources.base import SourceInfo
from steer.types import Candidates, Observation
from steer.v1 import steering_pb2 as pb
from steer.v1.steering_pb2_grpc import SteeringStub
from steer.wire.observations import observation_to_message
from steer.wire.records import candidates_to_message
from steer.wire.session import embodiment_to_message
from steer.wire.tensors import duration_from_seconds

HORIZON, MEMBERS = 3, 4


class FakeSource:
    """A policy of seeded noise; candidate 0 depends on the seed alone."""

    def __init__(self, embodiment, name="noise", horizon=HORIZON + 1):
        self.info = SourceInfo(
            name=name,
            type="noise",
            embodiment=embodiment,
            horizon=horizon,
            num_observations=2,
            is_stochastic=True,
            digest="sha256:00",
        )
        self.calls = []
        self.told, self.shown, self.frozen = [], [], []
        self.error = None
        self.most = 10_000

    async def draw(self, observations, *, num_candidates, noise_seed, frozen=0, budget_s):
        self.calls.append((len(observations), num_candidates, budget_s))
        self.told.append((observations[-1].instruction, noise_seed))
        self.shown.append(observations)
        self.frozen.append(frozen)
        if self.error is not None:
            raise self.error
        shape = (num_candidates, self.info.horizon, self.info.embodiment.action_dim)
        chunks = np.random.default_rng(noise_seed).normal(size=shape).astype(np.float32)
        return Candidates(chunks[: self.most])


class FakeWorker:
    """Owns fake sources."""

    def __init__(self, *sources):
        self.sources = {source.info.name: source for source in sources}

    async def start(self):
        """Nothing to load."""

    async def stop(self):
        """Nothing to free."""


@pytest.fixture(scope="session")
def robot():
    """A body with two action dimensions and three joints."""
    dim = ActionDim(name="x", unit="m", scale=0.1, low=-5.0, high=5.0)
    return Embodiment(
        name="arm",
        control_hz=10.0,
        actions=(dim, replace(dim, name="y")),
        observations=(ObservationField(name="observation.state", dtype="float32", shape=(3,)),),
        mode="delta",
        frame="world",
        rotation="none",
        gripper="none",
    )


@pytest.fixture(scope="session")
def make_critic(robot):
    """Make a small critic with random weights; its values differ clearly between chunks."""

    def make(*, seed=0, **changes):
        torch.manual_seed(seed)
        card = CriticCard(
            algorithm="iql",
            embodiment=robot,
            horizon=HORIZON,
            num_members=MEMBERS,
            network=NetworkConfig(encoder_hidden=16, context_dim=8, member_hidden=(16,)),
            selection=SelectionDefaults(margin=0.05, beta=1.0),
        )
        critic = Critic(replace(card, **changes))
        with torch.no_grad():
            for parameter in critic.members.parameters():
                parameter.mul_(4.0)
        return critic.requires_grad_(requires_grad=False).eval()

    return make


@pytest.fixture(scope="session")
def critic_dir(make_critic, tmp_path_factory):
    """The small critic on disk."""
    directory = tmp_path_factory.mktemp("critics") / "reach"
    save_critic(make_critic(), directory)
    return directory


@pytest.fixture(scope="session")
def make_reader(make_critic):
    """Make a small critic that reads chunks action by action, and so values every prefix."""
    sizes = {"encoder_hidden": 16, "context_dim": 8, "width": 12, "depth": 2, "heads": 3}

    def make(**changes):
        return make_critic(network=NetworkConfig(kind="transformer", **sizes), **changes)

    return make


@pytest.fixture(scope="session")
def reader_dir(make_reader, tmp_path_factory):
    """The critic that reads, on disk."""
    directory = tmp_path_factory.mktemp("readers") / "reach"
    save_critic(make_reader(), directory)
    return directory


@pytest.fixture(scope="session")
def loop():
    """One event loop in a thread of its own, for all servers of the tests."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()


@pytest.fixture(scope="session")
def run(loop):
    """Run a coroutine on the servers' loop and return its result."""

    def run(coroutine, limit_s=20):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(limit_s)

    return run


@pytest.fixture(scope="session")
def make_config(critic_dir):
    """Make what a server of the small critic is told; nobody has audited its random weights."""

    def make(**options):
        options = {"critic": (str(critic_dir),), "listen": "127.0.0.1:0", **options}
        return ServeConfig(**{"allow_unaudited": True, **options})

    return make


@pytest.fixture(scope="session")
def serving(run, make_config):
    """Serve for the length of a `with` block, which gets the address."""

    @contextlib.contextmanager
    def serving(*, worker=None, clock=None, **options):
        options = {"drain_s": 0.0, "max_candidates": 8, "expected_candidates": 4, **options}
        config = make_config(**options)

        async def make():
            return Server(config, clock=clock, worker=worker)

        server = run(make())
        try:
            yield run(server.start())
        finally:
            run(server.stop())

    return serving


@pytest.fixture(scope="session")
def source(robot):
    """The policy of the shared server."""
    return FakeSource(robot)


@pytest.fixture(scope="session")
def make_worker(robot):
    """Make a worker that owns one policy, of chunks of that length."""

    def make(horizon):
        return FakeWorker(FakeSource(robot, horizon=horizon))

    return make


@pytest.fixture(scope="session")
def address(serving, source):
    """Address of a server that many tests share."""
    with serving(worker=FakeWorker(source), max_message_mib=1, max_image_pixels=100) as address:
        yield address


@pytest.fixture(scope="session")
def channel(address):
    """A plain channel to the shared server."""
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(10)
        yield channel


@pytest.fixture
def stub(channel):
    """The service as raw messages."""
    return SteeringStub(channel)


@pytest.fixture
def open_session(stub, robot):
    """Open a session on the shared server and return its token."""

    def open_session(**fields):
        request = pb.OpenSessionRequest(embodiment=embodiment_to_message(robot), **fields)
        return stub.OpenSession(request, timeout=5)

    return open_session


@pytest.fixture
def observation(rng):
    """What the robot senses."""
    return Observation({"observation.state": rng.normal(size=3).astype(np.float32)})


@pytest.fixture
def rank_request(open_session, observation, rng):
    """A request that is in order, for tests to spoil."""

    def make(*, count=5, budget_s=5.0, selection=None, **fields):
        session = open_session(**({"selection": selection} if selection else {})).session
        chunks = rng.normal(size=(count, HORIZON + 1, 2)).astype(np.float32)
        request = pb.RankRequest(
            session=session,
            observation=observation_to_message(observation),
            candidates=candidates_to_message(Candidates(chunks)),
            **fields,
        )
        if budget_s is not None:
            request.budget.CopyFrom(duration_from_seconds(budget_s))
        return request

    return make
