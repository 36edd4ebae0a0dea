"""Answers that no robot should run: the client looks before it believes."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.errors import ServerError
from steer.types import Reason
from steer.v1 import types_pb2
from steer.wire.tensors import fill_tensor


def spoil(**fields):
    """Return a change of an otherwise good decision."""

    def change(message):
        for name, value in fields.items():
            setattr(message, name, value)

    return change


def foreign_chunk(message):
    """Put actions into a decision that nobody sent."""
    message.ClearField("chunk")
    fill_tensor(message.chunk, np.full((4, 2), 9, np.float32))


def nan_chunk(message):
    """Put a value into a decision that no robot should run."""
    message.chunk.data = np.full((4, 2), np.nan, "<f4").tobytes()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (spoil(sequence=99), "reply: expected sequence 1, got 99"),
        (spoil(index=5), "reply: expected one of 5 candidates, got 5"),
        (spoil(index=3), "reply: expected candidate 3 unchanged, got another"),
        (foreign_chunk, "reply: expected candidate 4 unchanged, got another"),
        (nan_chunk, "rank: the server's answer breaks the contract: decision.chunk: expected fin"),
        (spoil(commit_horizon=9), "rank: the server's answer breaks the contract: decision.commit"),
        (spoil(reason=77), "rank: the server's answer breaks the contract: decision.reason"),
    ],
    ids=["sequence", "index", "mismatch", "foreign", "nan", "horizon", "reason"],
)
def test_an_answer_that_breaks_the_contract_is_not_run(
    client, script, observation, candidates, change, text
):
    """Candidate 0 instead, and the reason."""

    def answer(request, context, actions):
        message = script.decide(request, context, actions)
        change(message)
        return message

    script.answer = answer

    decision = client.rank(observation, candidates, budget_s=5)

    assert (decision.index, decision.reason) == (0, Reason.REFUSED)
    assert decision.chunk.tobytes() == candidates.actions[0].tobytes()
    assert decision.detail.startswith(text)


def test_an_empty_answer_is_not_run(client, script, observation, candidates):
    """In steer it is the server's error, for the caller's arguments were right."""
    script.answer = lambda request, context, actions: types_pb2.Decision()

    assert client.rank(observation, candidates, budget_s=5).reason is Reason.REFUSED
    with pytest.raises(ServerError, match=r"^steer: the server's answer breaks the contract: "):
        client.steer(observation, budget_s=5)


def test_bytes_that_are_no_message_are_the_servers_error(address):
    """gRPC cannot parse them; the robot gets one of our errors all the same."""

    class Garbage(grpc.GenericRpcHandler):
        def service(self, details):
            del details
            return grpc.unary_unary_rpc_method_handler(lambda request, context: b"\xff\xff\xff")

    with ThreadPoolExecutor(1) as pool:
        server = grpc.server(pool, handlers=[Garbage()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with SteerClient(f"127.0.0.1:{port}") as client, pytest.raises(ServerError):
            client.describe(budget_s=5)
        server.stop(None).wait(5)
