"""Newest wins: what a stream sends, and what it keeps of what comes."""

import queue
import threading

import numpy as np

from steer.limits import Limits
from steer.v1 import control_pb2 as pb

LIMIT_S = 20.0


def test_an_ask_is_answered(talking, server, tick, ask, decided):
    """With what it was asked at, and everything that was said of it on the wire."""
    seen = queue.SimpleQueue()

    def control(messages, context):
        for message in messages:
            seen.put(message)
            if message.HasField("ask"):
                yield decided(message, frozen=2, judged_again=True)

    server.control = control
    sent = np.full((3, 2), np.nan, np.float32)
    sent[:, 1] = 0.5
    limits = Limits(
        low=np.array([-1.0, -np.inf]),
        high=np.array([1.0, np.inf]),
        first=np.array([0.1, np.inf]),
        second=np.full(2, np.inf),
        third=np.full(2, np.inf),
    )
    with talking(limits=limits) as stream:
        stream.send(tick(7, epoch=3, sent=sent), ask(9, frozen=4, noise_seed=11))
        found = stream.wait(LIMIT_S)
        again = stream.poll()
        start, message = server.streams.get(timeout=LIMIT_S), seen.get(timeout=LIMIT_S)

    assert (found.sequence, found.epoch, found.consumed, found.frozen) == (9, 3, 7, 2)
    assert (found.is_judged_again, found.error, found.captured_at_s) == (True, None, None)
    assert found.decision.chunk.tolist() == [[9.0, 9.0]] * 4
    assert again is None
    assert list(start.limits) == [pb.CommandLimit(low=-1, high=1, first=0.1), pb.CommandLimit()]
    assert (message.ask.frozen, message.ask.noise_seed) == (4, 11)
    assert 4.9 < message.ask.budget.ToTimedelta().total_seconds() < 5.0
    assert (message.number, message.answers, message.consumed) == (1, 0, 7)
    assert np.frombuffer(message.sent.data, np.float32).tolist() == [0, 0.5] * 3
    assert list(message.sent_known.data) == [0, 1] * 3


def test_what_was_not_sent_before_something_newer_came_is_never_sent(talking, server, tick, until):
    """A server that reads nothing is owed two messages, and then the newest: nothing queues."""
    reading, read = threading.Event(), []

    def control(messages, context):
        reading.wait(LIMIT_S)
        for message in messages:
            read.append(message.consumed)
            yield pb.ControlResponse(received=message.number)

    server.control = control
    with talking() as stream:
        server.streams.get(timeout=LIMIT_S)
        for consumed in range(500):
            stream.send(tick(consumed))
        until(lambda: stream._link.number >= 1)
        reading.set()
        until(lambda: read and read[-1] == 499)

    assert len(read) <= 3
    assert read == sorted(read)


def test_an_ask_is_not_lost_among_news(talking, server, tick, ask, answering, until):
    """However much newer is sensed before it has left, it is asked; the newest news go first."""
    reading, read = threading.Event(), []

    def control(messages, context):
        reading.wait(LIMIT_S)
        for message in messages:
            if message.HasField("observation"):
                read.append((message.consumed, message.ask.sequence))
            yield from answering(iter([message]), context)

    server.control = control
    with talking() as stream:
        for consumed in range(2):  # as many as may be on their way
            stream.send(tick(consumed))
            until(lambda wanted=consumed + 1: stream._link.number == wanted)
        stream.send(tick(3), ask(1))
        stream.send(tick(4), ask(2))
        stream.send(tick(5))
        reading.set()
        found = stream.wait(LIMIT_S)

    assert found.sequence == 2
    assert read[-2:] == [(5, 0), (4, 2)]


def test_only_the_newest_answer_is_kept(talking, server, tick, ask, answering, until):
    """Whoever looks seldom sees the last one."""
    server.control = answering
    with talking() as stream:
        for sequence in range(1, 6):
            stream.send(tick(sequence), ask(sequence))
            until(lambda wanted=sequence: stream._slots._answered == (1, wanted))
        found = stream.poll()

    assert found.sequence == 5
    assert stream.counts["answers that gave way"] == 4


def test_an_answer_of_another_epoch_is_discarded(talking, server, tick, ask, decided, answering):
    """By rule: it is counted, and nobody sees it."""
    got, released = threading.Event(), threading.Event()

    def control(messages, context):
        old = next(messages)
        got.set()
        released.wait(LIMIT_S)
        yield decided(old)
        yield from answering(messages, context)

    server.control = control
    with talking() as stream:
        stream.send(tick(40, epoch=1), ask(8))
        assert got.wait(LIMIT_S)
        stream.send(tick(0, epoch=2), ask(1))
        released.set()
        found = stream.wait(LIMIT_S)

    assert (found.epoch, found.sequence) == (2, 1)
    assert stream.counts["answers of another epoch"] == 1


def test_an_answer_to_an_older_ask_is_discarded_once_there_is_a_newer_one(
    talking, server, tick, ask, decided, answering, until
):
    """Whatever order a server may send them in."""

    def control(messages, context):
        asked = next(messages)
        yield decided(asked)
        yield decided(asked, sequence=1)
        yield from answering(messages, context)

    server.control = control
    with talking() as stream:
        stream.send(tick(), ask(2))
        until(lambda: stream.counts["answers older than another"] == 1)
        found = stream.poll()

    assert found.sequence == 2


def test_an_answer_to_what_was_never_asked_is_dropped_and_keeps_nothing_out(
    talking, server, tick, ask, decided, answering, until, caplog
):
    """It is another robot's: were it kept, all that is asked for would be older than it."""

    def control(messages, context):
        asked = next(messages)
        yield decided(asked, sequence=999)
        yield decided(asked, epoch=2)
        yield decided(asked)
        yield from answering(messages, context)

    server.control = control
    with talking() as stream:
        stream.send(tick(), ask(2))
        first = stream.wait(LIMIT_S)
        stream.send(tick(1), ask(3))
        second = stream.wait(LIMIT_S)

    assert (first.sequence, second.sequence) == (2, 3)
    assert stream.counts["answers to what was never asked"] == 1
    assert stream.counts["answers of another epoch"] == 1
    lines = [text for text in caplog.messages if "dropped" in text]
    assert lines == ["dropped epoch=1 sequence=999: answers to what was never asked (1 times)"]
