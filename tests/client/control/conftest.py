"""A client's stream, and a server whose side of it each test writes itself."""

import queue
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.v1 import control_pb2 as pb
from steer.v1 import types_pb2
from steer.wire.control import ControlAsk, ControlTick
from steer.wire.tensors import fill_tensor

CLOCK, LIMIT_S = MonotonicClock(), 20.0


def _ask(sequence=1, **fields):
    return ControlAsk(sequence=sequence, **{"frozen": 0, "budget_s": 5.0, **fields})


def _decided(message, *, width=2, **fields):
    """Return the answer to a message with an ask, whose chunk has its sequence everywhere."""
    sequence = message.ask.sequence
    answer = {"sequence": sequence, "epoch": message.epoch, "consumed": message.consumed, **fields}
    decision = types_pb2.Decision(commit_horizon=3, reason=types_pb2.REASON_ADVANTAGE)
    fill_tensor(decision.chunk, np.full((4, width), sequence, np.float32))
    empty = np.zeros(0, np.float32)
    fill_tensor(decision.scores, empty)
    fill_tensor(decision.values, empty.reshape(0, 0))
    return pb.ControlResponse(decision=decision, received=message.number, **answer)


def _answering(messages, context):
    """Answer each ask, and say what was read."""
    del context
    for message in messages:
        if message.HasField("ask"):
            yield _decided(message)
        else:
            yield pb.ControlResponse(received=message.number)


def _until(holds):
    end_s = CLOCK.now_s() + LIMIT_S
    while not holds():
        assert CLOCK.now_s() < end_s
        CLOCK.sleep(0.002)


@pytest.fixture
def ask():
    """Make an ask."""
    return _ask


@pytest.fixture
def decided():
    """Make the answer to a message with an ask."""
    return _decided


@pytest.fixture
def answering():
    """A server's side that answers each ask, and says what it has read."""
    return _answering


@pytest.fixture
def until():
    """Wait until something holds."""
    return _until


@pytest.fixture
def server(new_script):
    """A script that also speaks `Control`: each stream puts what it reads into a queue."""

    class Controlled(type(new_script())):
        def __init__(self):
            super().__init__()
            self.streams = queue.SimpleQueue()
            self.control = lambda messages, context: iter(())

        def Control(self, messages, context):
            start = next(messages).start
            if start.session not in self.sessions:
                context.set_trailing_metadata((("steer-error", "SessionError"),))
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "session: unknown")
            self.streams.put(start)
            yield from self.control(messages, context)

    return Controlled()


@pytest.fixture
def talking(serve, server, robot):
    """A client with a stream, for the length of a `with` block."""

    @contextmanager
    def talking(*, clock=None, limits=None):
        with serve(server) as address, SteerClient(address, clock=clock) as client:
            client.open_session(robot)
            stream = client.control(limits=limits)
            yield stream
            stream.close()

    return talking


@pytest.fixture
def tick(observation):
    def tick(consumed=0, epoch=1, **fields):
        return ControlTick(observation=observation, consumed=consumed, epoch=epoch, **fields)

    return tick
