"""A server that is late, gone, forgetful or wrong: `rank` answers, `steer` raises, in time."""

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc
import numpy as np
import pytest

from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.errors import LateError, TooLargeError, UnreachableError
from steer.types import Reason

# How much later than its budget a call may return on a busy machine, in seconds.
SLACK_S = 1.0


def own(decision, candidates, reason):
    """Assert that the client answered by itself, with candidate 0."""
    assert (decision.index, decision.reason, decision.overrode) == (0, reason, False)
    assert decision.chunk.tobytes() == candidates.actions[0].tobytes()
    assert decision.commit_horizon == 3
    assert decision.detail


def test_a_server_that_does_not_answer_is_late(client, script, observation, candidates):
    """Within the budget, with candidate 0 and the reason."""
    script.answer = script.hang
    clock = MonotonicClock()
    start_s = clock.now_s()

    decision = client.rank(observation, candidates, budget_s=0.1)
    duration_s = clock.now_s() - start_s

    own(decision, candidates, Reason.LATE)
    assert decision.budget_hit
    assert 0.09 <= duration_s < 0.1 + SLACK_S
    with pytest.raises(LateError, match=r"^steer: expected an answer within 0\.\d+ s from 127"):
        client.steer(observation, budget_s=0.1)


def test_a_machine_that_takes_connections_and_says_nothing_is_late():
    """A stopped process: its kernel still answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with SteerClient(f"127.0.0.1:{port}") as client, pytest.raises(LateError):
            client.describe(budget_s=0.1)


class SlowRoad:
    """Passes bytes on between a client and a server, the first of them only after a while."""

    def __init__(self, address, delay_s):
        host, _, port = address.rpartition(":")
        self._there = (host, int(port))
        self._delay_s = delay_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        near, _ = self._listener.accept()
        with near, socket.create_connection(self._there) as far:
            threading.Event().wait(self._delay_s)
            ways = [
                threading.Thread(target=self._pass, args=way) for way in ((near, far), (far, near))
            ]
            for way in ways:
                way.start()
            for way in ways:
                way.join()

    @staticmethod
    def _pass(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._listener.close()
        self._thread.join(10)


@pytest.mark.slow
def test_a_road_on_which_connecting_takes_a_third_of_a_second_is_good_enough(address):
    """gRPC's own limit for one attempt is not the pause between two."""
    with SlowRoad(address, delay_s=0.35) as road, SteerClient(road.address) as client:
        assert client.describe(budget_s=10).device == "cpu"


def test_a_budget_that_is_spent_before_anything_is_sent_is_late(client, observation, candidates):
    """A microsecond does not even cover the checks."""
    decision = client.rank(observation, candidates, budget_s=1e-7)

    own(decision, candidates, Reason.LATE)


def test_a_server_that_is_gone_is_unreachable_at_once_and_told_once(
    script, serve, robot, observation, candidates, caplog
):
    """The budget is not waited for, and the log does not repeat itself."""
    with serve(script) as address:
        client = SteerClient(address)
        client.open_session(robot)
        client.rank(observation, candidates, budget_s=5)
    caplog.clear()
    with client:
        found = [client.rank(observation, candidates, budget_s=30) for _ in range(5)]
        with pytest.raises(UnreachableError, match=f"a steer server at {address}, got"):
            client.steer(observation, budget_s=30)

    for decision in found:
        own(decision, candidates, Reason.UNREACHABLE)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert warnings[0].startswith("running the policy's own chunk: rank: expected a steer server")


@pytest.mark.slow
def test_a_server_that_is_back_on_its_port_is_used_again_without_a_word_from_the_robot(
    script, new_script, serve, robot, observation, candidates, caplog
):
    """The new one knows no session; the client opens one by itself, once."""
    clock = MonotonicClock()
    with serve(script) as address:
        client = SteerClient(address)
        client.open_session(robot, robot="r2")
    again = new_script()
    with client:
        own(client.rank(observation, candidates, budget_s=1), candidates, Reason.UNREACHABLE)
        with serve(again, port=int(address.rpartition(":")[2])):
            start_s = clock.now_s()
            decision = client.rank(observation, candidates, budget_s=5)
            while decision.reason is not Reason.ADVANTAGE and clock.now_s() < start_s + 10:
                decision = client.rank(observation, candidates, budget_s=5)
            duration_s = clock.now_s() - start_s

    assert decision.index == 4
    assert duration_s < 1 + SLACK_S
    assert [request.robot for request in again.opened] == ["r2"]
    assert caplog.messages[-2].startswith("session:")
    assert caplog.messages[-1] == f"steered again by {address}"


@pytest.mark.parametrize("call", ["rank", "steer"])
def test_a_session_that_the_server_forgot_is_opened_again_within_the_call(
    client, script, observation, candidates, call
):
    """With the same request as the first time."""
    script.sessions.clear()

    if call == "rank":
        decision = client.rank(observation, candidates, budget_s=5)
    else:
        decision = client.steer(observation, num_candidates=5, budget_s=5)

    assert decision.index == 4
    assert [request.SerializeToString() for request in script.opened] == [
        script.opened[0].SerializeToString()
    ] * 2


def test_of_many_threads_one_opens_the_session_again(client, script, observation, candidates):
    """The others use what it opened."""
    script.sessions.clear()
    barrier = threading.Barrier(8)

    def ask(_):
        barrier.wait(10)
        return client.rank(observation, candidates, budget_s=30).index

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))

    assert found == [4] * 8
    assert len(script.opened) == 2


def test_a_server_that_takes_long_to_open_the_session_again_is_late(
    client, script, observation, candidates
):
    """Opening counts against the budget of the call."""
    script.sessions.clear()
    script.open = lambda request, context: script.released.wait(30)

    decision = client.rank(observation, candidates, budget_s=0.2)

    own(decision, candidates, Reason.LATE)


def test_a_server_that_refuses_the_session_after_a_restart_is_refused(
    client, script, refuse, observation, candidates
):
    """Another critic, for example; the text names the field."""
    script.sessions.clear()
    script.open = refuse(
        grpc.StatusCode.FAILED_PRECONDITION,
        "embodiment.frame: expected 'base', got 'world'",
        steer_error="EmbodimentMismatchError",
    )

    decision = client.rank(observation, candidates, budget_s=5)

    own(decision, candidates, Reason.REFUSED)
    assert decision.detail == "open_session: embodiment.frame: expected 'base', got 'world'"


def test_a_session_that_is_forgotten_each_time_is_opened_once_a_call(
    client, script, refuse, observation, candidates
):
    """No loop."""
    script.answer = refuse(grpc.StatusCode.FAILED_PRECONDITION, steer_error="SessionError")

    decision = client.rank(observation, candidates, budget_s=5)

    own(decision, candidates, Reason.REFUSED)
    assert len(script.opened) == 2


@pytest.mark.parametrize(
    ("code", "metadata", "reason"),
    [
        ("RESOURCE_EXHAUSTED", {"steer_error": "OverloadedError"}, Reason.REFUSED),
        ("INTERNAL", {"steer_error": "ServerError"}, Reason.REFUSED),
        ("INVALID_ARGUMENT", {"steer_error": "InvalidInputError"}, Reason.REFUSED),
        ("UNAUTHENTICATED", {}, Reason.REFUSED),
        ("UNAVAILABLE", {}, Reason.UNREACHABLE),
        ("DEADLINE_EXCEEDED", {}, Reason.LATE),
    ],
)
def test_rank_answers_whatever_the_server_says(
    client, script, refuse, observation, candidates, code, metadata, reason
):
    """A control loop gets a chunk, and a reason."""
    script.answer = refuse(grpc.StatusCode[code], "why", **metadata)

    decision = client.rank(observation, candidates, budget_s=5)

    own(decision, candidates, reason)


def test_each_change_is_logged_once(client, script, refuse, observation, candidates, caplog):
    """Not each call: a robot asks ten times a second."""
    refused = refuse(grpc.StatusCode.INTERNAL, "id 1", steer_error="ServerError")
    caplog.clear()

    for answer in (script.decide, refused, refused, script.hang, script.decide, script.decide):
        script.answer = answer
        client.rank(observation, candidates, budget_s=0.2 if answer == script.hang else 5)

    found = [(record.levelname, record.getMessage()[:45]) for record in caplog.records]
    assert [level for level, _ in found] == ["WARNING"] * 3
    assert found[0][1] == "running the policy's own chunk: rank: id 1"
    assert found[1][1].startswith("running the policy's own chunk: rank: expecte")
    assert found[2][1].startswith("steered again by 127.0.0.1:")


def test_a_request_over_the_transports_own_cap_is_too_large(address, script, robot, observation):
    """Where the server allows more than gRPC carries."""
    script.limits = replace(script.limits, max_message_bytes=1 << 30)
    big = replace(
        observation,
        arrays={**observation.arrays, "more": np.zeros(17 << 20, np.uint8)},
    )
    with SteerClient(address) as client:
        client.open_session(robot)

        with pytest.raises(TooLargeError, match=r"^steer: .*larger than max"):
            client.steer(big, budget_s=5)


def test_a_closed_client_raises_one_of_our_errors(address):
    """Never gRPC's ValueError."""
    client = SteerClient(address)
    client.close()

    with pytest.raises(UnreachableError, match=r"^describe: expected an open client, got a closed"):
        client.describe()


@pytest.mark.parametrize("budget_s", [0.0, -0.02])
def test_a_budget_that_is_already_spent_is_late(client, observation, candidates, budget_s):
    """A robot that is late gets candidate 0 from `rank`, and not an exception in its loop."""
    decision = client.rank(observation, candidates, budget_s=budget_s)

    own(decision, candidates, Reason.LATE)
