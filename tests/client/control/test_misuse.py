"""What breaks the contract of a stream is told to whom it belongs, before it is sent."""

import numpy as np
import pytest

from steer.client import SteerClient
from steer.errors import ConfigError, InvalidInputError, SessionError, TooLargeError
from steer.limits import Limits
from steer.types import Observation

LIMIT_S = 20.0


@pytest.mark.parametrize(
    ("changes", "asks", "error", "text"),
    [
        ({"epoch": -1}, None, InvalidInputError, r"epoch: expected an integer in 0\.\.2"),
        ({"epoch": 1, "consumed": 4}, None, InvalidInputError, "no less than 2 and 5, got 1 and 4"),
        ({"consumed": 4}, None, InvalidInputError, "no less than 2 and 5, got 2 and 4"),
        ({"sent": np.zeros((3, 3), np.float32)}, None, InvalidInputError, "sent: expected 2 val"),
        ({}, {"frozen": -1}, InvalidInputError, r"frozen: .* in 0\.\.2\*\*32-1, got -1"),
        ({}, {"budget_s": 0.0}, InvalidInputError, "budget_s: expected a finite number > 0"),
        ({}, {"num_candidates": 9}, InvalidInputError, r"num_candidates: expected 0\.\.8, got 9"),
        ({}, {"history": ("big",)}, TooLargeError, "request: expected at most"),
    ],
)
def test_what_breaks_the_contract_is_refused_before_it_is_sent(
    talking, server, tick, observation, changes, asks, error, text, ask, answering
):
    """Whoever sent it is told, at once."""
    server.control = answering
    if asks and "history" in asks:
        many = {**observation.arrays, "more": np.zeros(20_000, np.uint8)}
        asks = {"history": (Observation(many),)}
    with talking() as stream:
        stream.send(tick(5, epoch=2))
        wrong = tick(**{"consumed": 5, "epoch": 2, **changes})
        wish = None if asks is None else ask(**asks)
        with pytest.raises(error, match=text):
            stream.send(wrong, wish)


def test_a_stream_needs_a_session_with_a_policy(serve, server, robot):
    """And limits of its own body."""
    with serve(server) as address, SteerClient(address) as client:
        with pytest.raises(SessionError, match="expected open_session"):
            client.control()
        client.open_session(robot)
        wide = np.full(3, np.inf)
        limits = Limits(low=-wide, high=wide, first=wide, second=wide, third=wide)
        with pytest.raises(InvalidInputError, match="limits: expected of 2 dimensions, as"):
            client.control(limits=limits)
        server.policy = None
        client.open_session(robot)
        with pytest.raises(ConfigError, match="policy: expected a session with one, got none"):
            client.control()


def test_a_client_that_closes_ends_its_streams(serve, server, robot, answering):
    """Their threads, too."""
    server.control = answering
    with serve(server) as address:
        client = SteerClient(address)
        client.open_session(robot)
        stream = client.control()
        server.streams.get(timeout=LIMIT_S)
        client.close()

    assert not stream._thread.is_alive()
