"""What breaks the contract of `Control` ends the stream, and says what was expected."""

import numpy as np
import pytest

from steer.v1 import control_pb2 as pb
from steer.v1 import types_pb2
from steer.wire.observations import observation_to_message
from steer.wire.tensors import tensor_to_message

NAN = types_pb2.Tensor(
    dtype=types_pb2.DATA_TYPE_FLOAT32, shape=[3], data=np.float32([0, np.nan, 0]).tobytes()
)
LIMIT = {"low": -1.0, "high": 1.0}


@pytest.fixture
def seen(sense):
    """What the robot senses, as a message."""
    return observation_to_message(sense())


def test_a_stream_begins_with_a_start(stub, talk, session_of, seen):
    """Alone, and once."""
    with talk(stub, None) as robot:
        robot.send(observation=seen)
        without = robot.ended_with()
    with talk(stub, None) as robot:
        robot.send(start=pb.ControlStart(session=session_of(stub)), observation=seen)
        more = robot.ended_with()
    with talk(stub, session_of(stub)) as robot:
        robot.send(start=pb.ControlStart(session="x"))
        again = robot.ended_with()

    refused = ("INVALID_ARGUMENT", "InvalidInputError")
    assert without == (*refused, "start: expected one in the first message, got none")
    assert more == (*refused, "start: expected a message of its own, got one with more")
    assert again == (*refused, "start: expected one, in the first message, got another one")


def test_a_session_that_nobody_opened_is_refused(stub, talk):
    """As it is everywhere."""
    with talk(stub, "nobody") as robot:
        found = robot.ended_with()

    text = "session: expected an open one, got the unknown 'nobody'"
    assert found == ("FAILED_PRECONDITION", "SessionError", text)


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ([LIMIT], "start.limits: expected 2, one an action dimension, got 1"),
        (
            [LIMIT, {"first": float("inf")}],
            "start.limits.first: expected finite where set, got [inf, inf]",
        ),
        ([LIMIT, {"second": 0.0}], "limits.second: expected numbers > 0, got [inf, 0.0]"),
        (
            [LIMIT, {"low": 2.0, "high": 1.0}],
            "limits.low, high: expected low <= high, got [-1.0, 2.0] and [1.0, 1.0]",
        ),
    ],
)
def test_limits_that_make_no_sense_are_refused(stub, talk, session_of, limits, text):
    """By their names."""
    messages = [pb.CommandLimit(**item) for item in limits]
    with talk(stub, session_of(stub), limits=messages) as robot:
        found = robot.ended_with()

    assert found == ("INVALID_ARGUMENT", "InvalidInputError", text)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"observation": None}, "observation: expected the robot's, got none"),
        ({"observation": None, "ask": {}}, "observation: expected the robot's, got none"),
        ({"epoch": 2}, "epoch: expected >= 3, got 2"),
        ({"consumed": 9}, "consumed: expected >= 10 without an ask, got 9"),
    ],
)
def test_a_message_that_goes_back_or_says_nothing_is_refused(stream, seen, fields, text):
    """The number that was there is in the text."""
    given = {"epoch": 3, "consumed": 10, "observation": seen}
    stream.send(**given)
    changed = {**given, **fields}
    if "ask" in fields:
        changed["ask"] = pb.ControlAsk(**fields["ask"])
    stream.send(**changed)

    assert stream.ended_with() == ("INVALID_ARGUMENT", "InvalidInputError", text)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda message: message.observation.tensors["observation.state"].CopyFrom(NAN),
            "observation.tensors['observation.state']: expected finite values, got nan at [1]",
        ),
        (
            lambda message: message.observation.tensors.clear(),
            "observation.tensors['observation.state']: expected float32 of shape [3], got nothing",
        ),
        (
            lambda message: message.observation.running.CopyFrom(
                tensor_to_message(np.zeros((4, 3), np.float32))
            ),
            "observation.running: expected 2 dimensions an action, got 3",
        ),
        (
            lambda message: message.ask.budget.FromSeconds(0),
            "budget: expected > 0 s, got 0 s: already spent",
        ),
        (
            lambda message: setattr(message.ask, "num_candidates", 9),
            "number of candidates: expected 1..8, got 9",
        ),
        (
            lambda message: message.sent.CopyFrom(tensor_to_message(np.zeros((2, 2), np.float32))),
            "sent: expected float32 of shape [3, 2], got float32 of shape [2, 2]",
        ),
        (
            lambda message: message.sent_known.CopyFrom(
                tensor_to_message(np.zeros((3, 2), np.float32))
            ),
            "sent_known: expected bool of shape [3, 2], got float32 of shape [3, 2]",
        ),
    ],
)
def test_what_an_ask_holds_is_refused_where_steer_would_refuse_it(
    stub, talk, session_of, seen, asked, change, text
):
    """In the same words."""
    message = pb.ControlRequest(epoch=1, observation=seen, ask=asked())
    message.sent.CopyFrom(tensor_to_message(np.zeros((3, 2), np.float32)))
    change(message)
    limits = [pb.CommandLimit(**LIMIT)] * 2
    with talk(stub, session_of(stub), limits=limits) as robot:
        robot.send(**{item.name: value for item, value in message.ListFields()})
        found = robot.ended_with()

    assert found == ("INVALID_ARGUMENT", "InvalidInputError", text)


def test_an_observation_that_came_later_is_refused_as_well(stream, sense, asked, policy, counted):
    """Where it is what the candidates would be judged at."""
    policy.shut()
    stream.tick(sense(), ask=asked())
    policy.wait_until_entered()
    bad = observation_to_message(sense())
    bad.tensors["observation.state"].CopyFrom(NAN)
    stream.send(epoch=1, observation=bad)
    counted.wait("observations", 2)
    policy.open()

    code, _, text = stream.ended_with()
    assert code == "INVALID_ARGUMENT"
    assert text.endswith("expected finite values, got nan at [1]")
