"""The client against a real gRPC server: what it sends, what it returns, what it refuses."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.errors import (
    ConfigError,
    EmbodimentMismatchError,
    InvalidInputError,
    LateError,
    OverloadedError,
    PolicyError,
    ServerError,
    SessionError,
)
from steer.types import Candidates, Observation, Reason, Selection
from steer.wire.tensors import duration_to_seconds


def test_describe_tells_what_the_server_offers(address):
    """Without a session."""
    with SteerClient(address) as client:
        found = client.describe()

    assert [critic.name for critic in found.critics] == ["reach"]
    assert found.limits.max_candidates == 8


def test_open_session_returns_what_was_agreed_and_logs_what_could_not_be_compared(
    address, robot, caplog
):
    """The selection travels; unset, it is left to the server."""
    with SteerClient(address) as client:
        session = client.open_session(robot)

        assert client.session is session
    assert (session.critic.horizon, session.policy.num_observations) == (3, 2)
    assert caplog.messages == ["session: embodiment.frame: not compared"]


def test_open_session_sends_names_and_selection(address, script, robot):
    """As given."""
    with SteerClient(address) as client:
        client.open_session(
            robot, critic="a", policy="b", selection=Selection(gated=False), robot="r2"
        )
        client.open_session(robot)

    first, second = script.opened
    assert (first.critic, first.policy, first.robot) == ("a", "b", "r2")
    assert not first.selection.gated
    assert not second.HasField("selection")


@pytest.mark.parametrize("kind", [EmbodimentMismatchError, ConfigError])
def test_a_session_that_is_refused_raises_what_the_server_raised(
    address, script, robot, refuse, kind
):
    """Both have one status; the trailing metadata tells them apart."""
    script.open = refuse(
        grpc.StatusCode.FAILED_PRECONDITION, "embodiment.frame: no", steer_error=kind.__name__
    )

    with SteerClient(address) as client, pytest.raises(kind) as caught:
        client.open_session(robot)

    assert type(caught.value) is kind
    assert str(caught.value) == "open_session: embodiment.frame: no"


def test_rank_returns_the_servers_decision(client, observation, candidates):
    """The chunk is the chosen candidate, bit for bit."""
    decision = client.rank(observation, candidates, budget_s=5)

    assert (decision.index, decision.reason, decision.overrode) == (4, Reason.ADVANTAGE, True)
    assert decision.chunk.tobytes() == candidates.actions[4].tobytes()
    assert decision.detail == ""


def test_rank_sends_seed_epoch_and_a_number_of_its_own(client, script, observation, candidates):
    """The server's log can tell the calls apart."""
    for _ in range(2):
        client.rank(observation, candidates, budget_s=5, noise_seed=2**64 - 1, epoch=7)

    sent = [(item.sequence, item.noise_seed, item.epoch) for item, _ in script.requests]
    assert sent == [(1, 2**64 - 1, 7), (2, 2**64 - 1, 7)]


def test_the_budget_is_grpcs_deadline_and_the_server_is_told_a_little_less(
    client, script, observation, candidates
):
    """5 ms less, so that an answer of the last moment still arrives."""
    client.rank(observation, candidates, budget_s=4.0)
    client.steer(observation, budget_s=4.0)

    for request, left_s in script.requests:
        assert 3.5 < left_s < 4.1  # gRPC's clock is not quite ours
        assert 3.5 < duration_to_seconds(request.budget) <= 3.995


def test_without_a_budget_it_is_three_times_what_the_server_expects(
    address, script, robot, observation, candidates
):
    """For ranking (here of five candidates, where the figure holds for four) and for drawing."""
    script.critic = replace(script.critic, expected_rank_s=2.0)
    script.policy = replace(script.policy, expected_steer_s=3.0)
    with SteerClient(address) as client:
        client.open_session(robot)
        client.rank(observation, candidates)
        client.steer(observation)

    (_, rank_s), (_, steer_s) = script.requests
    assert rank_s == pytest.approx(7.5, rel=0.1)
    assert steer_s == pytest.approx(9, rel=0.1)


def test_more_candidates_than_the_server_expects_are_given_more_time(
    address, script, robot, observation
):
    """Eight where the server's figure holds for four: twice the time."""
    script.policy = replace(script.policy, expected_steer_s=1.0)
    with SteerClient(address) as client:
        client.open_session(robot)
        client.steer(observation, num_candidates=2)
        client.steer(observation, num_candidates=8)

    (_, few_s), (_, many_s) = script.requests
    assert few_s == pytest.approx(3, rel=0.1)
    assert many_s == pytest.approx(6, rel=0.1)


def test_a_server_that_does_not_say_what_its_figure_holds_for_is_taken_at_its_word(
    address, script, robot, observation
):
    """Another implementation may leave the field unset."""
    script.limits = replace(script.limits, expected_candidates=0)
    script.policy = replace(script.policy, expected_steer_s=1.0)
    with SteerClient(address) as client:
        client.open_session(robot)
        client.steer(observation, num_candidates=8)

    ((_, told_s),) = script.requests
    assert told_s == pytest.approx(3, rel=0.1)


def test_a_server_that_expects_next_to_nothing_is_given_50_ms(
    client, script, observation, candidates
):
    """A millisecond of jitter is not a fault."""
    client.rank(observation, candidates, budget_s=5)
    client.rank(observation, candidates)

    told_s = [duration_to_seconds(request.budget) for request, _ in script.requests]
    assert told_s[1] == pytest.approx(0.045, rel=0.3)


def test_steer_sends_history_count_and_wish(client, script, observation):
    """Oldest first; one observation may stand by itself."""
    second = Observation({**observation.arrays, "observation.state": np.ones(3, np.float32)})

    client.steer([observation, second], num_candidates=6, return_candidates=True, budget_s=5)
    client.steer(observation, budget_s=5)

    (first, _), (alone, _) = script.requests
    states = [
        np.frombuffer(item.tensors["observation.state"].data, "<f4")[0]
        for item in first.observations
    ]
    assert states == [0, 1]
    assert (first.num_candidates, first.return_candidates) == (6, True)
    assert (len(alone.observations), alone.num_candidates) == (1, 0)


@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        ("UNAVAILABLE", "PolicyError", PolicyError),
        ("DEADLINE_EXCEEDED", "LateError", LateError),
        ("INVALID_ARGUMENT", "InvalidInputError", InvalidInputError),
        ("INTERNAL", "ServerError", ServerError),
        ("FAILED_PRECONDITION", "ConfigError", ConfigError),
        ("UNKNOWN", "NoSuchError", ServerError),
    ],
)
def test_steer_raises_what_the_server_raised(client, script, refuse, observation, code, name, kind):
    """By the name in the trailing metadata, else by the status."""
    script.answer = refuse(grpc.StatusCode[code], "the reason", steer_error=name)

    with pytest.raises(kind, match=r"^steer: the reason$") as caught:
        client.steer(observation, budget_s=5)

    assert type(caught.value) is kind


def test_an_overloaded_server_says_when_to_come_back(client, script, refuse, observation):
    """In seconds."""
    script.answer = refuse(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "queue",
        steer_error="OverloadedError",
        retry_after_ms="250",
    )

    with pytest.raises(OverloadedError, match=r"^steer: queue$") as caught:
        client.steer(observation, budget_s=5)

    assert caught.value.retry_after_s == 0.25


@pytest.mark.parametrize("call", ["rank", "steer"])
def test_a_call_before_open_session_is_a_programming_error(address, observation, candidates, call):
    """It raises, in rank too."""
    arguments = (observation, candidates) if call == "rank" else (observation,)

    with SteerClient(address) as client, pytest.raises(SessionError) as caught:
        getattr(client, call)(*arguments)

    expected = "session: expected open_session before rank or steer, got neither"
    assert str(caught.value) == expected


def test_a_session_without_a_policy_leaves_the_refusal_to_the_server(
    address, script, robot, observation
):
    """It knows which policies there are; a robot that only ranks needs none."""
    script.policy = None
    with SteerClient(address) as client:
        session = client.open_session(robot)
        client.steer(observation, budget_s=5)

    assert session.policy is None
    assert len(script.requests) == 1


def test_threads_share_a_client(client, script, observation, candidates):
    """Every thread gets the answer to its own request."""
    rows = [Candidates(np.full((n % 5 + 1, 4, 2), n, np.float32)) for n in range(100)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda row: client.rank(observation, row, budget_s=30), rows))

    assert [item.chunk[0, 0] for item in found] == list(range(100))
    assert sorted(request.sequence for request, _ in script.requests) == list(range(1, 101))


def test_close_forgets_the_session_on_the_server_and_may_be_called_twice(
    address, script, robot, observation
):
    """Afterwards there is nothing to call with."""
    client = SteerClient(address)
    client.open_session(robot)

    client.close()
    client.close()

    assert script.sessions == set()
    assert client.session is None
    with pytest.raises(SessionError):
        client.steer(observation)
