"""What goes between a robot's shared memory and the stream to its server."""

import logging
from dataclasses import replace
from pathlib import Path

from steer.clock import Clock
from steer.control import ControlStream
from steer.errors import InvalidInputError
from steer.forecast import Forecast
from steer.loop.chunks import Chunk
from steer.loop.foresee import foreseen
from steer.loop.fresh import fallback_of
from steer.loop.handover import (
    chunk_from_bytes,
    chunk_to_bytes,
    request_from_bytes,
    sensed_from_bytes,
)
from steer.loop.latest import Latest
from steer.loop.monitors import Monitors
from steer.loop.planner import Request, Sensed
from steer.loop.remote import CHUNKS, REQUESTS, SENSED, Remote
from steer.loop.spent import spent_of
from steer.types import Observation
from steer.wire.control import ControlAnswer, ControlAsk, ControlTick

__all__ = ["Talk", "noted"]

logger = logging.getLogger(__name__)

_RETRY_S = 0.05
"""Before a request is asked again that the server has no chunk for."""


class Talk:
    """What goes between the shared memory and the stream.

    Args:
        stream: To the server.
        remote: What is asked.
        directory: Of the shared files.
        clock: Of what is asked again.
        forecast: Of the robot; None for none.
    """

    def __init__(
        self,
        stream: ControlStream,
        remote: Remote,
        directory: Path,
        clock: Clock,
        forecast: Forecast | None,
    ) -> None:
        self._stream, self._remote, self._clock = stream, remote, clock
        self._requests, self._chunks = Latest(directory / REQUESTS), Latest(directory / CHUNKS)
        self._sensed = Latest(directory / SENSED) if remote.rescore_s else None
        self._answered = _answered(self._chunks)
        self._seen = self._done = 0
        self._asked: Request | None = None
        self._newest: Sensed | None = None
        self._again_s = float("inf")
        self._sent_s = 0.0
        thresholds = remote.thresholds
        self._monitors = None if thresholds is None else Monitors(thresholds.scale, thresholds)
        self._forecast = forecast
        self._trouble = ""

    def step(self) -> bool:
        """Pass on what is new; return whether anything was.

        Requests are looked for first: so the observation that one is made at is there, too.

        Raises:
            SteerError: What was to be sent is refused.
        """
        asked = self._requests.read(after=self._done)
        request = self._asked if self._clock.now_s() >= self._again_s else None
        if asked is not None:
            self._done, request = asked[0], request_from_bytes(asked[1])
        sensed = None if self._sensed is None else self._sensed.read(after=self._seen)
        if sensed is not None:
            self._seen, self._newest = sensed[0], sensed_from_bytes(sensed[1])
            if _is_newer(self._newest, request or self._asked):
                self._stream.send(_tick(self._newest))
        if request is not None:
            self._ask(request)
        answer = self._stream.poll()
        if answer is not None:
            self._take(answer)
        return sensed is not None or request is not None or answer is not None

    def note(self, text: str) -> None:
        """Log a trouble where it is another than the last one."""
        self._trouble = noted(self._trouble, text)

    def _ask(self, request: Request) -> None:
        if (request.epoch, request.sequence) <= self._answered:  # by the process before this one
            return
        self._asked, self._again_s = request, float("inf")
        remote, newest = self._remote, self._newest
        is_here = newest is not None and not _is_newer(newest, request)
        shown: tuple[Observation, ...] = ()
        rows = 0
        if self._forecast is not None:
            seen, before = foreseen(request, self._forecast)
            rows = len(before)
            shown = seen if rows else ()
        ask = ControlAsk(
            sequence=request.sequence,
            frozen=request.frozen,
            budget_s=remote.budget_s + remote.rescore_s,
            num_candidates=remote.num_candidates,
            noise_seed=request.noise_seed(remote.seed),
            history=() if rows else request.observations[:-1],
            foreseen=shown,
            foreseen_after=rows,
            return_candidates=self._monitors is not None,
        )
        tick = ControlTick(
            observation=replace(request.observations[-1], captured_at_s=request.captured_at_s),
            consumed=request.consumed,
            epoch=request.epoch,
            sent=newest.sent if newest is not None and is_here else None,
            travelled=request.travelled,
        )
        self._sent_s = self._clock.now_s()
        self._stream.send(tick, ask)

    def _take(self, answer: ControlAnswer) -> None:
        """Put a chunk where the robot finds it; ask again where there is none."""
        asked, place = self._asked, (answer.epoch, answer.sequence)
        is_newest = asked is not None and place == (asked.epoch, asked.sequence)
        if answer.decision is None:
            if is_newest:
                self._again_s = self._clock.now_s() + _RETRY_S
            return
        chunk = replace(_chunk(answer), alarm=self._alarm(answer))
        if asked is not None and is_newest:
            now_s, timings = self._clock.now_s(), answer.decision.timings
            spent = spent_of(asked.captured_at_s, timings, begun_s=self._sent_s, answered_s=now_s)
            chunk = replace(chunk, spent=spent)
            self._asked = None
        self._answered = place
        self._chunks.write(chunk_to_bytes(chunk))
        self._trouble = ""

    def _alarm(self, answer: ControlAnswer) -> str:
        """Return what the monitors say of a decision; empty for nothing, or for no monitors."""
        if self._monitors is None or answer.decision is None:
            return ""
        read = self._monitors.update(
            answer.decision, consumed=answer.consumed, epoch=answer.epoch, frozen=answer.frozen
        )
        return read.alarm


def _is_newer(sensed: Sensed, request: Request | None) -> bool:
    if request is None:
        return True
    return (sensed.epoch, sensed.captured_at_s) > (request.epoch, request.captured_at_s)


def _tick(sensed: Sensed) -> ControlTick:
    return ControlTick(
        observation=replace(sensed.observation, captured_at_s=sensed.captured_at_s),
        consumed=sensed.consumed,
        epoch=sensed.epoch,
        sent=sensed.sent,
        travelled=sensed.travelled,
    )


def _chunk(answer: ControlAnswer) -> Chunk:
    """Return the chunk of an answer with a decision."""
    decision, captured_at_s = answer.decision, answer.captured_at_s
    if decision is None or captured_at_s is None:
        raise InvalidInputError.expected("answer", "a decision at a known instant", "none")
    rows = len(decision.chunk)
    return Chunk(
        actions=decision.chunk,
        consumed=answer.consumed,
        frozen=min(answer.frozen, rows - 1),
        commit=min(decision.commit_horizon, rows),
        captured_at_s=captured_at_s,
        epoch=answer.epoch,
        sequence=answer.sequence,
        fallback=fallback_of(decision),
    )


def _answered(chunks: Latest) -> tuple[int, int]:
    """Return epoch and sequence of the last request that was answered; less than any for none."""
    found = chunks.read()
    if found is None:
        return (-1, -1)
    chunk = chunk_from_bytes(found[1])
    return (chunk.epoch, chunk.sequence)


def noted(before: str, text: str) -> str:
    """Log a trouble where it is another than the last one; return it, to be the next `before`."""
    if text != before:
        logger.warning("no chunk: %s", text)
    return text
