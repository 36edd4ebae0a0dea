"""`Control` over real gRPC: the newest observation up, the newest chunk down, and no queue."""

import grpc

from steer.clock import MonotonicClock
from steer.errors import PolicyError
from steer.v1 import steering_pb2
from steer.v1.steering_pb2_grpc import SteeringStub


def test_of_many_observations_the_newest_is_the_one_that_counts(
    stream, sense, asked, policy, counted
):
    """None of those between is judged at, and none is answered."""
    policy.shut()
    stream.tick(sense(0.0), ask=asked())
    policy.wait_until_entered()
    for number in range(1, 201):
        stream.tick(sense(float(number)), consumed=number // 50)
    counted.wait("observations", 201)
    policy.open()
    found = stream.answer()

    assert (found.captured_at.ToTimedelta().total_seconds(), found.consumed) == (200.0, 4)
    assert len(policy.seen) == 1
    assert len(policy.seen[0]) == 1  # what came after the ask is no history of it


def test_an_ask_that_has_not_begun_gives_way_to_a_newer_one(stream, sense, asked, policy, counted):
    """There is one draw at a time; those between are never drawn."""
    policy.shut()
    stream.tick(sense(), ask=asked(1))
    policy.wait_until_entered()
    for sequence in range(2, 30):
        stream.tick(sense(), ask=asked(sequence))
    counted.wait("asks", 29)
    policy.open()
    found = [stream.answer().sequence, stream.answer().sequence]
    stream.close()

    assert found == [1, 29]
    assert list(stream.call) == []
    assert (len(policy.seen), policy.most) == (2, 1)
    assert (counted["asks that gave way"], counted["decisions"]) == (27, 2)


def test_an_epoch_that_begins_ends_the_asks_of_the_one_before(
    stream, sense, asked, policy, counted
):
    """In progress or waiting: they are discarded, counted, and never answered."""
    policy.shut()
    stream.tick(sense(), consumed=40, epoch=1, ask=asked(5))
    policy.wait_until_entered()
    stream.tick(sense(), consumed=41, epoch=1, ask=asked(6))
    stream.tick(sense(), consumed=0, epoch=2)
    stream.tick(sense(), consumed=0, epoch=2, ask=asked(1))
    policy.wait_until_entered()
    policy.open()
    found = stream.answer()
    stream.close()

    assert (found.epoch, found.sequence, found.consumed) == (2, 1, 0)
    assert list(stream.call) == []
    assert (len(policy.seen), policy.cancelled) == (2, 1)
    assert counted["discarded at the end of an epoch"] == 2


def test_a_robot_that_reads_slowly_makes_nobody_queue(stream, sense, asked, counted):
    """One answer is on its way; the newest of the others is the one that comes after it."""
    for sequence in range(1, 51):
        stream.tick(sense(), ask=asked(sequence), answers=0)
        counted.wait("decisions", sequence)
    first = stream.answer()
    stream.send(answers=1)
    second = stream.answer()
    stream.close()

    assert (first.sequence, second.sequence) == (1, 50)
    assert list(stream.call) == []
    assert counted["answers that gave way"] == 48


def test_the_server_says_what_it_has_read(stream, sense, asked):
    """The number of the newest message; an answer says so, too."""
    for number in range(1, 101):
        stream.tick(sense(), number=number)
    told = []
    while not told or told[-1] < 100:
        told.append(stream.answer().received)
    stream.tick(sense(), number=101, ask=asked())
    found = stream.answer()
    while not found.HasField("decision"):
        assert found.received == 101
        found = stream.answer()

    assert told == sorted(set(told))
    assert found.received == 101


def test_two_robots_are_two_streams(stub, session_of, talk, sense, asked, policy):
    """Each has a draw of its own in progress, and gets its own answer."""
    policy.shut()
    with talk(stub, session_of(stub)) as one, talk(stub, session_of(stub)) as other:
        one.tick(sense(), consumed=1, epoch=3, ask=asked(11, noise_seed=1))
        other.tick(sense(), consumed=2, epoch=4, ask=asked(22, noise_seed=2))
        policy.wait_until_entered(2)
        policy.open()
        found = one.answer(), other.answer()

    assert policy.most == 2
    assert [(item.sequence, item.epoch, item.consumed) for item in found] == [
        (11, 3, 1),
        (22, 4, 2),
    ]
    assert found[0].decision.chunk != found[1].decision.chunk


def test_what_befalls_an_ask_is_its_answer_and_the_stream_goes_on(stream, sense, asked, policy):
    """A policy that dies, a budget that is over: each with the status that Steer would give."""
    policy.error = PolicyError("policy worker: not started")
    stream.tick(sense(), ask=asked(1))
    died = stream.answer()
    policy.error = None
    policy.shut()
    stream.tick(sense(), ask=asked(2, budget_s=0.1))
    late = stream.answer()
    policy.open()
    stream.tick(sense(), ask=asked(3))
    found = stream.answer()

    assert (died.sequence, died.failure.status, died.failure.error) == (
        1,
        "UNAVAILABLE",
        "PolicyError",
    )
    assert died.failure.text == "policy worker: not started"
    assert (late.sequence, late.failure.status, late.failure.error) == (
        2,
        "DEADLINE_EXCEEDED",
        "LateError",
    )
    assert late.failure.text.startswith("control: expected a decision within 0.")
    assert not late.HasField("decision")
    assert (found.sequence, found.HasField("decision")) == (3, True)


def test_a_client_that_ends_its_half_gets_what_it_has_asked_for(stream, sense, asked):
    """And then OK."""
    stream.tick(sense(), ask=asked(4))
    stream.close()

    assert [answer.sequence for answer in stream.call] == [4]
    assert stream.call.code() is grpc.StatusCode.OK


def test_a_newer_stream_of_a_session_ends_the_older_one(
    stub, session_of, talk, sense, asked, policy
):
    """A robot that comes back need not wait until its old connection is found dead."""
    token = session_of(stub)
    policy.shut()
    with talk(stub, token) as old:
        old.tick(sense(), ask=asked(1))
        policy.wait_until_entered()
        with talk(stub, token) as new:
            new.tick(sense(), ask=asked(2))
            found = old.ended_with()
            policy.open()
            answer = new.answer()

    text = "session: expected its only stream, got one that is older"
    assert found == ("FAILED_PRECONDITION", "SessionError", text)
    assert answer.sequence == 2


def test_a_session_that_is_closed_takes_its_stream_along(stub, session_of, talk, sense, asked):
    """At the next message."""
    token = session_of(stub)
    with talk(stub, token) as robot:
        robot.tick(sense(), ask=asked(1))
        robot.answer()
        stub.CloseSession(steering_pb2.CloseSessionRequest(session=token), timeout=5)
        robot.tick(sense())
        code, error, text = robot.ended_with()

    assert (code, error) == ("FAILED_PRECONDITION", "SessionError")
    assert text.startswith("session: expected an open one, got the unknown")


def test_a_robot_that_says_nothing_for_too_long_is_left(
    serving_control, make_policy, session_of, talk
):
    """As long as an idle session lives."""
    with (
        serving_control(make_policy(), session_idle_s=0.2) as (address, _),
        grpc.insecure_channel(address) as channel,
        talk(SteeringStub(channel), session_of(SteeringStub(channel))) as stream,
    ):
        found = stream.ended_with()

    text = "stream: expected a message within 0.2 s, got none"
    assert found == ("FAILED_PRECONDITION", "SessionError", text)


def test_a_session_without_a_policy_has_no_stream(serving, session_of, talk):
    """The text says what there is to name."""
    with (
        serving() as address,
        grpc.insecure_channel(address) as channel,
        talk(SteeringStub(channel), session_of(SteeringStub(channel))) as stream,
    ):
        code, error, text = stream.ended_with()

    assert (code, error) == ("FAILED_PRECONDITION", "ConfigError")
    assert text.startswith("policy: expected a session with one, got none")


def test_a_robot_that_vanishes_is_no_error(
    serving_control, make_policy, session_of, talk, sense, asked, caplog
):
    """What is drawn for it is not waited for, and nothing is logged but that it went."""
    caplog.set_level("INFO", logger="steer")
    policy = make_policy()
    with (
        serving_control(policy) as (address, server),
        grpc.insecure_channel(address) as channel,
        talk(SteeringStub(channel), session_of(SteeringStub(channel))) as stream,
    ):
        policy.shut()
        stream.tick(sense(), ask=asked())
        policy.wait_until_entered()
        stream.call.cancel()
        policy.wait_until_empty()
        while len(server._service.streams):
            MonotonicClock().sleep(0.002)

    assert policy.cancelled == 1
    assert "stream ended" in caplog.text
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
