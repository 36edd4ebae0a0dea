"""Sessions: bounded, expiring, and nothing that cannot be rebuilt."""

import pytest

from steer.clock import FakeClock
from steer.errors import OverloadedError, SessionError
from steer.rank.select import Rule
from steer.serve.sessions import Sessions

RULE = Rule(
    selector="argmax", gated=True, margin=0.5, beta=1.0, temperature=1.0, tau=0.7, commit_horizon=3
)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def sessions(clock):
    return Sessions(clock=clock, idle_s=10.0, max_sessions=2)


def open_one(sessions, robot):
    return sessions.open(robot, critic="c", policy="", rule=RULE, robot="r1")


def test_an_open_session_is_found_by_its_token(sessions, robot):
    """Tokens are not to be guessed, and each session has its own."""
    first, second = open_one(sessions, robot), open_one(sessions, robot)

    assert sessions.get(first.token) is first
    assert first.token != second.token
    assert len(first.token) == 32


def test_an_unknown_session_is_refused(sessions):
    """Long nonsense is cut in the text."""
    with pytest.raises(SessionError, match="expected an open one, got the unknown 'xxx"):
        sessions.get("x" * 10_000)


def test_a_closed_session_is_unknown_and_closing_it_again_is_no_error(sessions, robot):
    """CloseSession may be repeated."""
    session = open_one(sessions, robot)

    sessions.close(session.token)
    sessions.close(session.token)

    with pytest.raises(SessionError):
        sessions.get(session.token)


def test_use_keeps_a_session_and_idleness_ends_it(sessions, robot, clock):
    """The text says that it has expired, and after how long."""
    session = open_one(sessions, robot)
    for _ in range(3):
        clock.advance(9.0)
        sessions.get(session.token)
    clock.advance(10.5)

    with pytest.raises(SessionError, match="used within 10 s, got one that has expired"):
        sessions.get(session.token)


def test_one_session_too_many_is_refused_until_one_expires(sessions, robot, clock):
    """A crowd of robots cannot fill the memory."""
    for _ in range(2):
        open_one(sessions, robot)

    with pytest.raises(OverloadedError, match="at most 2 open ones"):
        open_one(sessions, robot)
    clock.advance(11.0)
    open_one(sessions, robot)

    assert len(sessions) == 1
