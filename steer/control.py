"""A robot's end of a `Control` stream: it never waits, and it comes back by itself."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc

from steer.channel import steer_error
from steer.clock import Clock
from steer.connection import Connection, OpenSession
from steer.errors import (
    ConfigError,
    InvalidInputError,
    LateError,
    OverloadedError,
    ServerError,
    SessionError,
    SteerError,
    UnreachableError,
)
from steer.limits import Limits
from steer.preflight import check_size, check_tick
from steer.seldom import is_said
from steer.slots import UNASKED, Link, Slots, Wish
from steer.wire.control import (
    ControlAnswer,
    ControlAsk,
    ControlTick,
    answer_from_message,
    start_to_message,
    tick_to_message,
)

__all__ = ["ControlStream"]

logger = logging.getLogger(__name__)

_RETRY_S = 0.05
"""Between two attempts at a server that is not there. gRPC's own come every 0.1 to 0.6 s while
nobody listens; a server that loads does listen, and is found within this once it serves."""
_REOPEN_S = 2.0
"""Time for opening a forgotten session anew."""
_CLOSE_S = 2.0


class ControlStream:
    """The newest observation up, the newest chunk down. Safe to share between threads.

    `send` and `poll` never wait. What could not be sent before something newer came is never sent.
    An ask stands until it is answered, or until a newer one or a new epoch takes its place: when
    connection or server go and come back, the stream opens the session anew and asks again.

    Close it; `SteerClient.close` does so, too.

    Args:
        connection: With a session.
        limits: Of the robot, within which candidates are moved before they are judged; None judges
            them as they are.
        clock: Of what is late.

    Raises:
        ConfigError: The session has no policy.
        InvalidInputError: The limits are of another number of dimensions.
        SessionError: There is no session.
    """

    def __init__(self, connection: Connection, *, limits: Limits | None, clock: Clock) -> None:
        session = connection.session()
        if session.info.policy is None:
            raise ConfigError("policy: expected a session with one, got none")
        if limits is not None and len(limits) != session.robot.action_dim:
            contract = f"of {session.robot.action_dim} dimensions, as the embodiment"
            raise InvalidInputError.expected("limits", contract, len(limits))
        self._connection, self._limits, self._clock = connection, limits, clock
        self._slots, self._link, self._trouble = Slots(clock), Link(), ""
        self._thread = threading.Thread(target=self._keep, name="steer-control", daemon=True)
        self._thread.start()

    @property
    def trouble(self) -> str:
        """Why there is no chunk, in words; empty while nothing is known to be wrong."""
        return self._trouble

    @property
    def counts(self) -> Counter[str]:
        """What of the answers was dropped, and how many streams were begun."""
        return self._slots.counts

    def send(self, tick: ControlTick, ask: ControlAsk | None = None) -> None:
        """Put a tick, and perhaps an ask, in the place of those before; return at once.

        Args:
            tick: No older than the last one; with an ask it may be, and is then no news.
            ask: A wish for a chunk at this tick; None for news alone.

        Raises:
            InvalidInputError: An argument breaks its contract; nothing is sent.
            SessionError: The client is closed.
        """
        session = self._connection.session()
        check_tick(tick, ask, session.robot, session.info)
        news = tick_to_message(tick)
        wish = None if ask is None else Wish.of(tick.epoch, news, ask)
        check_size((news if wish is None else wish.message).ByteSize(), session.info)
        self._slots.put(news, wish)
        link = self._link  # looked at here too: while a message does not leave, nobody else does
        if link.call is not None and self._slots.is_late(link):
            link.call.cancel()

    def poll(self) -> ControlAnswer | None:
        """Return the newest answer since the last call, or None; return at once."""
        return self._slots.poll()

    def wait(self, limit_s: float) -> ControlAnswer | None:
        """Return the newest answer since the last call; None where none comes in `limit_s`."""
        return self._slots.wait(limit_s)

    def close(self) -> None:
        """End the stream."""
        slots = self._slots
        with slots.changed:
            slots.is_closed = True
            slots.changed.notify_all()
            call = self._link.call
        if call is not None:
            call.cancel()
        self._thread.join(_CLOSE_S)

    def _keep(self) -> None:
        """Hold a stream, and another one when it ends, until closed."""
        slots, was_forgotten = self._slots, False
        while not slots.is_closed:
            error = self._converse()
            if slots.is_closed:
                return
            self._note(str(error))
            # A server that has forgotten the session is there; one that does so again is not well.
            is_forgotten = isinstance(error, SessionError)
            wait_s = 0.0 if is_forgotten and not was_forgotten else _RETRY_S
            was_forgotten = is_forgotten
            if isinstance(error, OverloadedError):
                wait_s = max(_RETRY_S, error.retry_after_s)
            with slots.changed:
                slots.changed.wait_for(lambda: slots.is_closed, wait_s)

    def _converse(self) -> SteerError:
        """Hold one stream until it ends; return why."""
        link = Link()
        try:
            session = self._connection.session()
        except SessionError as error:
            return error
        start = start_to_message(session.info.session, self._limits)
        try:
            call = self._connection.stub.Control(self._messages(start, link))
            with self._slots.changed:
                self._link, link.call = link, call
                if self._slots.is_closed:
                    call.cancel()
            self.counts["streams"] += 1
            for message in call:
                self._take(message, session, link)
            return UnreachableError("control: expected a stream that stays, got one that ended")
        except grpc.RpcError as error:
            target = self._connection.target
            found = steer_error("control", error, target=target, budget_s=0.0)
            return self._ended(found, session, link)
        except ValueError as error:  # what gRPC raises on a closed channel
            return UnreachableError(f"control: expected an open client, got {error}")
        except ServerError as error:
            return error
        finally:
            with self._slots.changed:
                link.is_over = True
                self._slots.changed.notify_all()
            if link.call is not None:
                link.call.cancel()

    def _messages(self, start: object, link: Link) -> Iterator[object]:
        """Yield what is to be sent on a stream; gRPC takes the next one when one has left."""
        yield start
        while (message := self._slots.next(link)) is not None:
            yield message

    def _ended(self, error: SteerError, session: OpenSession, link: Link) -> SteerError:
        """See to what a stream has ended with; return what is left of it."""
        if self._slots.is_late(link):  # we have ended it ourselves
            return LateError("control: expected an answer within its budget, got none")
        if isinstance(error, SessionError):
            try:
                self._connection.reopened(session, self._clock.now_s() + _REOPEN_S)
            except SteerError as refusal:
                return refusal
        elif isinstance(error, InvalidInputError):  # it would be refused again
            self._slots.give_up(link, error)
        return error

    def _take(self, message: Any, session: OpenSession, link: Link) -> None:  # noqa: ANN401  # a message
        """Keep an answer, where it is to be kept.

        Raises:
            ServerError: It makes no sense.
        """
        answer = _answer_of(message, session.robot.action_dim)
        self._slots.note(link, received=message.received, is_answer=answer is not None)
        if answer is None:
            return
        dropped = self._slots.take(answer)
        if not dropped:
            self._note("" if answer.error is None else str(answer.error))
        elif dropped == UNASKED and is_said(self.counts[dropped]):
            place, count = (answer.epoch, answer.sequence), self.counts[dropped]
            logger.warning("dropped epoch=%d sequence=%d: %s (%d times)", *place, dropped, count)

    def _note(self, trouble: str) -> None:
        """Log each change between a stream that answers, and one that does not for one reason."""
        before, self._trouble = self._trouble, trouble
        if trouble and trouble != before:
            logger.warning("no chunk: %s", trouble)
        elif before and not trouble:
            logger.warning("steered again by %s", self._connection.target)


def _answer_of(message: Any, action_dim: int) -> ControlAnswer | None:  # noqa: ANN401  # a message
    """Return the answer of a message; None where it is none.

    Raises:
        ServerError: It makes no sense.
    """
    if not (message.HasField("decision") or message.HasField("failure")):
        return None
    try:
        answer = answer_from_message(message)
        if answer.decision is not None and answer.decision.chunk.shape[1] != action_dim:
            got = answer.decision.chunk.shape[1]
            contract = f"{action_dim} values an action"
            raise InvalidInputError.expected("decision.chunk", contract, got)
    except InvalidInputError as error:
        text = f"control: the server's answer breaks the contract: {error}"
        raise ServerError(text) from error
    return answer
