"""One `Control` stream: a slot for what comes, a draw at a time, and a slot for what goes.

Nothing queues. Of three tasks the reader keeps the newest message and the newest ask, the planner
answers one ask at a time, and the writer sends the newest answer.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any

import grpc.aio

from steer.clock import Clock
from steer.errors import (
    InvalidInputError,
    LateError,
    OverloadedError,
    PolicyError,
    SessionError,
    SteerError,
)
from steer.serve.fresh import Judge
from steer.serve.sessions import Session, Sessions
from steer.v1 import control_pb2 as pb
from steer.wire.control import failure_to_message, place_of

__all__ = ["Context", "Stream", "received"]

Context = grpc.aio.ServicerContext[Any, Any]
_OF_ONE_ASK = (LateError, OverloadedError, PolicyError)
"""What befalls an ask, and says nothing about the stream."""
_WRITE_S = 10.0
"""Time for an answer to leave: who takes none for so long is no robot that runs."""
_HANG_S = 0.1
"""After its deadline, whoever still draws or judges hangs."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A message with an ask, and when it came."""

    message: pb.ControlRequest
    start_s: float


class Stream:
    """One robot's stream.

    Args:
        context: Of the call.
        session: Of the robot.
        judge: Of its candidates.
        sessions: Told of each message that the session is in use.
        clock: Of budgets.
        total: What happened is counted there, too.

    Attributes:
        counts: What happened, by what it is.
    """

    def __init__(
        self,
        context: Context,
        session: Session,
        judge: Judge,
        *,
        sessions: Sessions,
        clock: Clock,
        total: Counter[str],
    ) -> None:
        self._context, self._session, self._judge = context, session, judge
        self._sessions, self._clock, self._total = sessions, clock, total
        self.counts: Counter[str] = Counter()
        self._newest: pb.ControlRequest | None = None
        self._ask: _Asked | None = None
        self._answer: pb.ControlResponse | None = None
        self._drawing: asyncio.Task[pb.ControlResponse] | None = None
        self._is_wanted, self._is_there = asyncio.Event(), asyncio.Event()
        self._is_read, self._is_planned, self._is_counted = False, False, False
        self._received = self._told = self._sent = self._read_there = 0
        self._error: SteerError | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def end(self, error: SteerError) -> None:
        """End with an error once the ask at hand is answered; one that has not begun is not."""
        self._error, self._ask = error, None
        if self._tasks:
            self._tasks[0].cancel()

    def cut(self, error: SteerError) -> None:
        """End with an error at once."""
        self._error = error
        for task in self._tasks:
            task.cancel()

    async def run(self) -> None:
        """Serve until the client ends the stream.

        Raises:
            SteerError: What it ends with in the place of that.
        """
        parts = (self._read(), self._plan(), self._write())
        self._tasks = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in self._tasks:
                task.cancel()
            found = await asyncio.gather(*self._tasks, return_exceptions=True)
        for error in found:
            if isinstance(error, Exception):
                raise error
        if self._error is not None:
            raise self._error

    async def _read(self) -> None:
        """Keep the newest of what comes."""
        try:
            while True:
                message = await received(self._context, limit_s=self._sessions.idle_s)
                if message is None:
                    return
                self._take(message)
        finally:
            self._is_read = True
            self._is_wanted.set()

    def _take(self, message: pb.ControlRequest) -> None:
        """Put a message in the place of the one before it.

        Raises:
            InvalidInputError: It breaks the contract.
            SessionError: The session has been closed meanwhile.
        """
        self._sessions.get(self._session.token)
        if message.HasField("start"):
            raise InvalidInputError.expected("start", "one, in the first message", "another one")
        if message.HasField("answers"):
            self._is_counted, self._read_there = True, message.answers
        self._received = max(self._received, message.number)
        self._is_there.set()
        if not message.HasField("observation"):
            if message.HasField("ask") or not message.HasField("answers"):
                raise InvalidInputError.expected("observation", "the robot's", "none")
            return
        self._note("observations")
        newest = self._newest
        if newest is None or message.epoch > newest.epoch:
            self._begin_epoch()
        elif message.epoch < newest.epoch:
            raise InvalidInputError.expected("epoch", f">= {newest.epoch}", message.epoch)
        elif message.consumed < newest.consumed and not message.HasField("ask"):
            contract = f">= {newest.consumed} without an ask"
            raise InvalidInputError.expected("consumed", contract, message.consumed)
        if newest is None or place_of(message) >= place_of(newest):
            self._newest = message
        if message.HasField("ask"):
            self._note("asks")
            if self._ask is not None:
                self._note("asks that gave way")
            self._ask = _Asked(message, self._clock.now_s())
            self._is_wanted.set()

    def _begin_epoch(self) -> None:
        """Discard what there is of the epoch before."""
        if self._ask is not None:
            self._note("discarded at the end of an epoch")
        if self._answer is not None:
            self._note("discarded at the end of an epoch")
        self._ask = self._answer = None
        if self._drawing is not None:
            self._drawing.cancel()

    async def _plan(self) -> None:
        """Answer one ask after the other."""
        while True:
            while self._ask is None and not self._is_read:
                self._is_wanted.clear()
                await self._is_wanted.wait()
            asked, self._ask = self._ask, None
            if asked is None:
                break
            answer = await self._planned(asked)
            if answer is None:
                self._note("discarded at the end of an epoch")
                continue
            self._note("failures" if answer.HasField("failure") else "decisions")
            if self._answer is not None:
                self._note("answers that gave way")
            self._answer = answer
            self._is_there.set()
        self._is_planned = True
        self._is_there.set()

    async def _planned(self, asked: _Asked) -> pb.ControlResponse | None:
        """Return the answer to an ask; None where its epoch has ended."""
        self._drawing = asyncio.create_task(self._decided(asked))
        try:
            await asyncio.wait((self._drawing,))
            if self._drawing.cancelled():
                return None
            answer = self._drawing.result()
        finally:
            self._drawing.cancel()
            self._drawing = None
        return answer if answer.epoch == self._last_of(asked).epoch else None

    async def _decided(self, asked: _Asked) -> pb.ControlResponse:
        """Return the answer to an ask, whatever befalls it.

        Raises:
            SteerError: Which says something about the stream.
        """
        message, ask = asked.message, asked.message.ask
        call = self._judge.drawer.call(
            self._session,
            ask.budget if ask.HasField("budget") else None,
            noise_seed=ask.noise_seed,
            sequence=ask.sequence,
            start_s=asked.start_s,
        )
        left_s = call.deadline_s - self._clock.now_s()
        try:
            async with asyncio.timeout(left_s + _HANG_S):
                drawn = await self._judge.draw(call, message)
                return await self._judge.decide(call, drawn, message, self._last_of(asked))
        except TimeoutError:
            failure: SteerError = LateError(
                f"control: expected a decision within {left_s:.3f} s, got none"
            )
        except _OF_ONE_ASK as error:
            failure = error
        return pb.ControlResponse(
            sequence=ask.sequence, epoch=message.epoch, failure=failure_to_message(failure)
        )

    async def _write(self) -> None:
        """Send the newest answer whenever the robot has read the one before.

        Raises:
            LateError: The robot takes nothing.
        """
        while (response := self._outgoing()) is not None or not self._is_planned:
            if response is None:
                self._is_there.clear()
                await self._is_there.wait()
                continue
            try:
                async with asyncio.timeout(_WRITE_S):
                    await self._context.write(response)
            except TimeoutError as error:
                raise LateError(
                    f"control: expected a robot that reads within {_WRITE_S:g} s, got one that "
                    "does not"
                ) from error

    def _outgoing(self) -> pb.ControlResponse | None:
        """Take what is to be sent now: an answer, or what has been read; None for nothing."""
        answer = self._answer
        may_answer = not self._is_counted or self._sent <= self._read_there or self._is_planned
        if answer is None or not may_answer:
            if self._told == self._received:
                return None
            answer = pb.ControlResponse()
        else:
            self._answer = None
            self._sent += 1
        answer.received = self._told = self._received
        return answer

    def _last_of(self, asked: _Asked) -> pb.ControlRequest:
        return self._newest or asked.message

    def _note(self, what: str) -> None:
        self.counts[what] += 1
        self._total[what] += 1


async def received(context: Context, *, limit_s: float) -> pb.ControlRequest | None:
    """Return the next message; None where the client has ended its half.

    Raises:
        SessionError: None came in time.
    """
    try:
        async with asyncio.timeout(limit_s):
            message = await context.read()
    except TimeoutError as error:
        raise SessionError(f"stream: expected a message within {limit_s:g} s, got none") from error
    return message if isinstance(message, pb.ControlRequest) else None
