"""What travels on a `Control` stream comes out as it went in."""

import numpy as np
import pytest

from steer.errors import InvalidInputError, OverloadedError, PolicyError, ServerError, SteerError
from steer.limits import Limits
from steer.types import Observation
from steer.v1 import control_pb2 as pb
from steer.wire.control import (
    ControlTick,
    answer_from_message,
    failure_from_message,
    failure_to_message,
    robot_limits_from_messages,
    robot_limits_to_messages,
    sent_from_message,
    tick_to_message,
)

SEEN = Observation({"observation.state": np.zeros(1, np.float32)})


def test_limits_travel_to_the_last_bit_and_infinity_is_unset():
    """Each dimension by itself."""
    limits = Limits(
        low=np.array([-0.1, -np.inf]),
        high=np.array([np.inf, 1 / 3]),
        first=np.array([np.inf, 1e-300]),
        second=np.array([0.7, np.inf]),
        third=np.full(2, np.inf),
    )
    messages = robot_limits_to_messages(limits)
    found = robot_limits_from_messages(messages, 2)

    assert found.to_tree() == limits.to_tree()
    assert not messages[0].HasField("high")
    assert not messages[1].HasField("low")


def test_no_limits_are_no_messages():
    """And none again."""
    assert robot_limits_to_messages(None) == []
    assert robot_limits_from_messages([], 2) is None


@pytest.mark.parametrize(
    "sent",
    [
        np.arange(6, dtype=np.float32).reshape(3, 2),
        np.float32([[1, np.nan]] * 3),
        np.full((3, 2), np.nan, np.float32),
    ],
)
def test_commands_travel_with_what_is_not_known_of_them(sent):
    """No tensor holds a NaN."""
    tick = ControlTick(observation=SEEN, consumed=0, epoch=0, sent=sent)
    message = pb.ControlRequest.FromString(tick_to_message(tick).SerializeToString())

    np.testing.assert_array_equal(sent_from_message(message, 2), sent)


def test_of_a_robot_that_says_nothing_of_its_commands_none_is_known():
    """All of them are NaN."""
    message = tick_to_message(ControlTick(observation=SEEN, consumed=0, epoch=0))

    assert np.isnan(sent_from_message(message, 4)).tolist() == [[True] * 4] * 3


@pytest.mark.parametrize(
    "sent", [np.zeros((2, 2), np.float32), np.zeros((3, 2)), np.full((3, 1), np.inf, np.float32)]
)
def test_commands_that_are_none_are_refused(sent):
    """By the record."""
    with pytest.raises(InvalidInputError, match=r"sent: expected float32 of shape \[3, A\]"):
        ControlTick(observation=SEEN, consumed=0, epoch=0, sent=sent)


@pytest.mark.parametrize(
    "error", [PolicyError("it died"), OverloadedError("full", retry_after_s=0.25)]
)
def test_an_error_travels_by_its_name(error):
    """With its text, and when to come back."""
    found = failure_from_message(failure_to_message(error))

    assert (type(found), str(found)) == (type(error), str(error))
    assert getattr(found, "retry_after_s", None) == getattr(error, "retry_after_s", None)


@pytest.mark.parametrize("name", ["NewError", "__all__", ""])
def test_an_error_that_is_not_ours_is_the_server_s(name):
    """A newer server may have others."""
    found = failure_from_message(pb.ControlFailure(status="ABORTED", error=name, text="odd"))

    assert type(found) is ServerError
    assert isinstance(found, SteerError)


def test_an_answer_says_something():
    """A decision, or why there is none."""
    with pytest.raises(InvalidInputError, match="answer: expected a decision or a failure"):
        answer_from_message(pb.ControlResponse(sequence=1))
