"""A server that is gone, forgetful, slow or wrong: the stream goes on."""

import grpc

from steer.client import SteerClient
from steer.clock import FakeClock
from steer.errors import InvalidInputError, PolicyError
from steer.v1 import control_pb2 as pb

LIMIT_S = 20.0


def test_a_failure_is_an_answer(talking, server, tick, ask, answering):
    """With the error that Steer would raise."""

    def control(messages, context):
        message = next(messages)
        failure = pb.ControlFailure(status="UNAVAILABLE", error="PolicyError", text="it died")
        yield pb.ControlResponse(sequence=1, epoch=message.epoch, failure=failure)
        yield from answering(messages, context)

    server.control = control
    with talking() as stream:
        stream.send(tick(), ask(1))
        failed = stream.wait(LIMIT_S)
        trouble = stream.trouble
        stream.send(tick(), ask(1))
        found = stream.wait(LIMIT_S)

    assert isinstance(failed.error, PolicyError)
    assert (str(failed.error), trouble, failed.decision) == ("it died", "it died", None)
    assert (found.sequence, stream.trouble) == (1, "")


def test_a_server_that_forgot_the_session_is_asked_again(talking, server, tick, ask, answering):
    """The session is opened anew, and the ask that stands is made again."""
    streams = []

    def control(messages, context):
        streams.append(context)
        if len(streams) == 1:
            next(messages)
            server.sessions.clear()
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        yield from answering(messages, context)

    server.control = control
    with talking() as stream:
        stream.send(tick(5), ask(3))
        found = stream.wait(LIMIT_S)

    assert (found.sequence, found.consumed) == (3, 5)
    assert (len(server.opened), len(streams)) == (2, 2)


def test_a_server_that_is_gone_is_waited_for(serve, server, robot, tick, ask, answering, until):
    """The robot goes on saying what it senses; the newest is what a server finds that comes."""
    server.control = answering
    with serve(server) as address:
        client = SteerClient(address)
        client.open_session(robot)
        stream = client.control()
        stream.send(tick(1), ask(1))
        stream.wait(LIMIT_S)
    stream.send(tick(2), ask(2))
    until(lambda: stream.trouble)
    for consumed in range(3, 20):
        stream.send(tick(consumed))
    with serve(server, port=int(address.rpartition(":")[2])):
        found = stream.wait(LIMIT_S)
        client.close()

    assert found.sequence == 2


def test_a_server_that_owes_an_answer_for_too_long_is_left(
    talking, server, tick, ask, answering, until
):
    """A second after the budget, by the client's own clock; the ask is made again elsewhere."""
    clock, streams = FakeClock(), []

    def control(messages, context):
        streams.append(context)
        if len(streams) == 1:
            server.released.wait(LIMIT_S)
        yield from answering(messages, context)

    server.control = control
    with talking(clock=clock) as stream:
        stream.send(tick(), ask(1, budget_s=0.5))
        until(lambda: stream._link.wish is not None)
        clock.advance(1.6)
        found = stream.wait(LIMIT_S)

    assert found.sequence == 1
    assert len(streams) == 2


def test_what_a_server_refuses_is_not_sent_again(talking, server, tick, ask, answering):
    """The ask has the error for its answer; what comes after it is sent as ever."""
    streams = []

    def control(messages, context):
        streams.append(context)
        if len(streams) == 1:
            next(messages)
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "observation: expected a camera")
        yield from answering(messages, context)

    server.control = control
    with talking() as stream:
        stream.send(tick(1), ask(1))
        refused = stream.wait(LIMIT_S)
        stream.send(tick(2), ask(2))
        found = stream.wait(LIMIT_S)

    assert (refused.sequence, str(refused.error)) == (1, "control: observation: expected a camera")
    assert isinstance(refused.error, InvalidInputError)
    assert found.sequence == 2


def test_an_answer_for_another_body_is_a_fault_of_the_server(
    talking, server, tick, ask, decided, until
):
    """Nobody runs it."""

    def control(messages, context):
        yield decided(next(messages), width=3)

    server.control = control
    with talking() as stream:
        stream.send(tick(), ask())
        until(lambda: stream.trouble)
        trouble, found = stream.trouble, stream.poll()

    assert found is None
    assert trouble.endswith("decision.chunk: expected 2 values an action, got 3")
