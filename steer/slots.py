"""What a robot has to say on a `Control` stream, and what it was told: one slot for each.

Knows no gRPC: a stream takes out what is to be sent, and puts in what has come.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import Any

from steer.clock import Clock
from steer.connection import server_share
from steer.errors import InvalidInputError, SteerError
from steer.wire.control import (
    ControlAnswer,
    ControlAsk,
    answers_to_message,
    ask_to_message,
    place_of,
)
from steer.wire.tensors import fill_duration

__all__ = ["UNASKED", "Link", "Slots", "Wish"]

UNASKED = "answers to what was never asked"
"""By what they are counted."""

_HANG_S = 1.0
"""After its budget, a server that has not answered an ask hangs."""
_ON_THE_WAY = 2
"""Messages that a server has not read yet: one that is read while the next one travels."""
_LOOK_S = 0.1
"""Between two looks at whether it does."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """An ask that has no answer yet.

    Attributes:
        message: As it travels.
        news: The same without the ask.
        place: Its epoch and sequence.
        budget_s: Of it, from when it is sent.
    """

    message: Any
    news: Any
    place: tuple[int, int]
    budget_s: float

    @classmethod
    def of(cls, epoch: int, news: Any, ask: ControlAsk) -> "Wish":  # noqa: ANN401  # a message
        """Return an ask at what `news` says."""
        message = type(news)()
        message.CopyFrom(news)
        message.ask.CopyFrom(ask_to_message(ask))
        fill_duration(message.ask.budget, server_share(ask.budget_s))
        return cls(message, news, (epoch, ask.sequence), ask.budget_s)


class Link:
    """One connected stream, out of all that follow each other: what was sent on it.

    Attributes:
        call: Of gRPC.
        news: The last message without an ask.
        wish: The last ask.
        held: The ask that news went before.
        late_s: When that should have been answered; infinite before there is one.
        number: Of the last message.
        received: Number of the last one that the server has read.
        answers: How many have come.
        told: How many of them the server knows to have come.
        is_over: Whether the stream has ended.
    """

    def __init__(self) -> None:
        self.call: Any = None
        self.news: Any = None
        self.wish: Wish | None = None
        self.held: Wish | None = None
        self.late_s = inf
        self.number = self.received = self.answers = self.told = 0
        self.is_over = False


class Slots:
    """The newest observation, ask and answer of a robot. Safe to share between threads.

    Args:
        clock: Of what is late.

    Attributes:
        changed: Told of every change; held while one is made.
        is_closed: Whether nothing is to be sent any more.
        counts: What of the answers was dropped, by what it is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.changed = threading.Condition()
        self.is_closed = False
        self._news: Any = None
        self._wish: Wish | None = None
        self._answer: ControlAnswer | None = None
        self._newest, self._answered, self._asked = (0, 0, -inf), (-1, -1), (-1, -1)
        self.counts: Counter[str] = Counter()

    def put(self, news: Any, wish: Wish | None) -> None:  # noqa: ANN401  # a message
        """Take what is to be sent, in place of what was.

        Args:
            news: Message of what the robot senses.
            wish: An ask at it; with one, the observation may be older than the newest one.

        Raises:
            InvalidInputError: It is older.
        """
        place = place_of(news)
        with self.changed:
            newest = self._newest
            if place[0] < newest[0] or (wish is None and place[:2] < newest[:2]):
                contract = f"no less than {newest[0]} and {newest[1]}"
                got = f"{place[0]} and {place[1]}"
                raise InvalidInputError.expected("epoch, consumed", contract, got)
            if place[0] > newest[0]:
                self._wish = self._answer = None
            if wish is not None:
                self._wish, self._asked = wish, max(self._asked, wish.place)
            if place >= newest:
                self._newest, self._news = place, news
            self.changed.notify_all()

    def next(self, link: Link) -> Any:  # noqa: ANN401  # a message
        """Wait for what is to be sent on a stream; None once it has ended.

        News that are newer than an ask go before it, once, so that it is judged by them. No more
        than two messages are on their way at a time: what would come after them is the newest by
        the time that one has been read.
        """
        with self.changed:
            while not (link.is_over or self.is_closed):
                message = self._due(link) if link.number - link.received < _ON_THE_WAY else None
                if message is not None:
                    link.number, link.told = link.number + 1, link.answers
                    message.number, message.answers = link.number, link.answers
                    return message
                if link.told < link.answers:
                    link.told = link.answers
                    return answers_to_message(link.answers)
                self.changed.wait(_LOOK_S)
                if link.call is not None and self.is_late(link):
                    link.call.cancel()
        return None

    def _due(self, link: Link) -> Any:  # noqa: ANN401  # a message
        """Return what is next on a stream; None for nothing."""
        wish = self._wish if self._wish is not link.wish else None
        news = self._news if self._news is not link.news else None
        if wish is None or not (news is None or news is wish.news or link.held is wish):
            link.news, link.held = self._news, wish
            return news
        link.wish, link.late_s = wish, self._clock.now_s() + wish.budget_s + _HANG_S
        if self._news is wish.news:
            link.news = wish.news
        return wish.message

    def note(self, link: Link, *, received: int, is_answer: bool) -> None:
        """Learn what a server has read, and that it has answered."""
        with self.changed:
            link.received = max(link.received, received)
            link.answers += is_answer
            self.changed.notify_all()

    def is_late(self, link: Link) -> bool:
        """Return whether a stream owes an answer for too long."""
        wish = self._wish
        return wish is not None and wish is link.wish and self._clock.now_s() > link.late_s

    def take(self, answer: ControlAnswer) -> str:
        """Keep an answer of this epoch that is the newest; return why not, empty where it is.

        One to what was never asked is another robot's, and would keep out all that is asked for.
        """
        place = (answer.epoch, answer.sequence)
        with self.changed:
            why = ""
            if answer.epoch != self._newest[0]:
                why = "answers of another epoch"
            elif place > self._asked:
                why = UNASKED
            elif place < self._answered:
                why = "answers older than another"
            if why:
                self.counts[why] += 1
                return why
            if self._wish is not None and self._wish.place == place:
                self._wish = None
            if self._answer is not None:
                self.counts["answers that gave way"] += 1
            self._answered, self._answer = place, answer
            self.changed.notify_all()
            return ""

    def give_up(self, link: Link, error: SteerError) -> None:
        """Drop what was refused on a stream; an ask among it has the error for its answer."""
        with self.changed:
            if self._news is link.news:
                self._news = None
            wish = self._wish
            if wish is None or wish is not link.wish:
                return
            epoch, sequence = wish.place
        self.take(ControlAnswer(epoch=epoch, sequence=sequence, error=error))

    def poll(self) -> ControlAnswer | None:
        """Return the newest answer since the last call, or None."""
        with self.changed:
            answer, self._answer = self._answer, None
            return answer

    def wait(self, limit_s: float) -> ControlAnswer | None:
        """Return the newest answer since the last call; None where none comes in `limit_s`."""
        with self.changed:
            self.changed.wait_for(lambda: self._answer is not None, limit_s)
            return self.poll()
