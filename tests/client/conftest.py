"""A real gRPC server whose answers each test writes itself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.types import Candidates, Observation, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1 import types_pb2
from steer.v1.steering_pb2_grpc import SteeringServicer, add_SteeringServicer_to_server
from steer.wire.records import candidates_from_message, selection_to_message
from steer.wire.session import (
    CriticInfo,
    Limits,
    PolicyInfo,
    critic_to_message,
    limits_to_message,
    policy_to_message,
)
from steer.wire.tensors import fill_tensor

STATE = ObservationField(name="observation.state", dtype="float32", shape=(3,))
IMAGE = ObservationField(name="observation.images.top", dtype="uint8", shape=(4, 5, 3))
ACTIONS = (ActionDim(name="x"), ActionDim(name="y"))
ROBOT = Embodiment(name="arm", control_hz=10.0, actions=ACTIONS, observations=(STATE, IMAGE))
CRITIC = CriticInfo(
    name="reach",
    digest="sha256:1",
    embodiment=Embodiment(name="arm", control_hz=10.0, actions=ACTIONS, observations=(STATE,)),
    horizon=3,
    num_members=2,
    algorithm="iql",
    selection=Selection(margin=0.0, beta=1.0),
    expected_rank_s=0.001,
)
POLICY = PolicyInfo(
    name="noise",
    type="diffusion",
    embodiment=ROBOT,
    horizon=4,
    num_observations=2,
    is_stochastic=True,
    expected_steer_s=0.1,
    digest="sha256:2",
)
LIMITS = Limits(
    max_candidates=8,
    max_horizon=16,
    max_message_bytes=20_000,
    max_image_pixels=1000,
    session_idle_s=60.0,
    max_budget_s=10.0,
    expected_candidates=4,
    selectors=("argmax",),
    min_margin=0.0,
    is_gate_required=False,
)


def abort(context, code, text, **metadata):
    """Refuse as the server does: a status, and the error's name in the trailing metadata."""
    pairs = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
    context.set_trailing_metadata(pairs)
    context.abort(code, text)


class Script(SteeringServicer):
    """Answers as a server would, until a test sets `answer` or `open`."""

    def __init__(self):
        self.sessions, self.requests, self.opened = set(), [], []
        self.released = threading.Event()
        self.answer, self.open = self.decide, lambda request, context: None
        self.critic, self.policy, self.limits = CRITIC, POLICY, LIMITS

    def Describe(self, request, context):
        del request, context
        return pb.DescribeResponse(
            server_version="1",
            critics=[critic_to_message(self.critic)],
            policies=[policy_to_message(self.policy)],
            device="cpu",
            limits=limits_to_message(self.limits),
        )

    def OpenSession(self, request, context):
        self.open(request, context)
        self.opened.append(request)
        name = f"session-{len(self.opened)}-{id(self)}"
        self.sessions.add(name)
        return pb.OpenSessionResponse(
            session=name,
            critic=critic_to_message(self.critic),
            policy=policy_to_message(self.policy) if self.policy else None,
            selection=selection_to_message(self.critic.selection),
            limits=limits_to_message(self.limits),
            warnings=["embodiment.frame: not compared"],
        )

    def CloseSession(self, request, context):
        del context
        self.sessions.discard(request.session)
        return pb.CloseSessionResponse()

    def Rank(self, request, context):
        self._check(request, context)
        actions = candidates_from_message(request.candidates).actions
        return pb.RankResponse(decision=self.answer(request, context, actions))

    def Steer(self, request, context):
        self._check(request, context)
        actions = np.zeros((max(request.num_candidates, 1), 4, 2), np.float32)
        return pb.SteerResponse(decision=self.answer(request, context, actions))

    def _check(self, request, context):
        self.requests.append((request, context.time_remaining()))
        if request.session not in self.sessions:
            text = "session: expected an open one, got an unknown or expired one"
            abort(context, grpc.StatusCode.FAILED_PRECONDITION, text, steer_error="SessionError")

    def decide(self, request, context, actions):
        """Choose the last candidate."""
        del context
        message = types_pb2.Decision(
            sequence=request.sequence,
            index=len(actions) - 1,
            commit_horizon=3,
            reason=types_pb2.REASON_ADVANTAGE,
            overrode=True,
        )
        fill_tensor(message.chunk, actions[-1])
        fill_tensor(message.scores, np.arange(len(actions), dtype=np.float32))
        fill_tensor(message.values, np.zeros((2, len(actions)), np.float32))
        return message

    def hang(self, request, context, actions):
        """Give no answer while the test runs."""
        self.released.wait(30)
        return self.decide(request, context, actions)


@contextmanager
def serving(script, port=0, credentials=None):
    """Serve a script on loopback; yield its address."""
    with ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool, options=[("grpc.so_reuseport", 0)])
        add_SteeringServicer_to_server(script, server)
        address = f"127.0.0.1:{port}"
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            script.released.set()
            server.stop(None).wait(5)


@pytest.fixture
def script():
    """What the server of this test answers."""
    return Script()


@pytest.fixture
def serve():
    """For tests that start and stop servers themselves: a context manager."""
    return serving


@pytest.fixture
def refuse():
    """Return an `answer` or `open` of a script that refuses with a status."""

    def make(code, text="no", **metadata):
        return lambda request, context, *rest: abort(context, code, text, **metadata)

    return make


@pytest.fixture
def new_script():
    """For tests that need a second server."""
    return Script


@pytest.fixture
def address(script):
    """A server that follows `script`."""
    with serving(script) as found:
        yield found


@pytest.fixture
def client(address):
    """A client with an open session."""
    with SteerClient(address) as found:
        found.open_session(ROBOT, robot="r2")
        yield found


@pytest.fixture
def robot():
    """The body of every test."""
    return ROBOT


@pytest.fixture
def observation():
    """What `robot` senses."""
    return Observation(
        {
            "observation.state": np.zeros(3, np.float32),
            "observation.images.top": np.zeros((4, 5, 3), np.uint8),
        }
    )


@pytest.fixture
def candidates(rng):
    """Five chunks of four actions."""
    return Candidates(rng.normal(size=(5, 4, 2)).astype(np.float32))
