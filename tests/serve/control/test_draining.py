"""A server that stops ends its streams, each after the ask that it is at."""

import grpc
import pytest

from steer.v1.steering_pb2_grpc import SteeringStub


def test_a_draining_server_answers_the_ask_at_hand_and_ends_the_stream(
    serving_control, make_policy, run, loop, session_of, talk, sense, asked
):
    """With UNAVAILABLE; an ask that has not begun is not answered, and no stream begins."""
    policy = make_policy()
    with (
        serving_control(policy, drain_s=10.0) as (address, server),
        grpc.insecure_channel(address) as channel,
    ):
        stub = SteeringStub(channel)
        with talk(stub, session_of(stub)) as robot, talk(stub, session_of(stub)) as idle:
            policy.shut()
            robot.tick(sense(), ask=asked(1))
            policy.wait_until_entered()
            robot.tick(sense(), ask=asked(2))
            idle.tick(sense())
            loop.call_soon_threadsafe(server._service.close)
            left = idle.ended_with()
            with talk(stub, "any") as late:
                refused = late.ended_with()
            policy.open()
            found = robot.answer()
            ended = robot.ended_with()

    assert (found.sequence, found.HasField("decision")) == (1, True)
    text = "server: expected one that is serving, got one draining"
    assert left == ended == refused == ("UNAVAILABLE", "UnreachableError", text)


def test_a_server_in_a_hurry_cuts_its_streams(
    serving_control, make_policy, run, session_of, talk, sense, asked
):
    """It waits for nobody whose policy does not come back."""
    policy = make_policy()
    with (
        serving_control(policy, drain_s=0.0) as (address, server),
        grpc.insecure_channel(address) as channel,
    ):
        stub = SteeringStub(channel)
        with talk(stub, session_of(stub)) as robot:
            policy.shut()
            robot.tick(sense(), ask=asked(1))
            policy.wait_until_entered()
            run(server.stop())
            with pytest.raises(grpc.RpcError):
                robot.answer()
        policy.wait_until_empty()

    assert policy.cancelled == 1
