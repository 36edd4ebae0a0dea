"""A planner whose answers come after so many ticks: real decisions, made-up delays.

Shapes: `A` action.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.choosers import BUDGET_S
from sim.evaluation.noise import noise_seed
from sim.realtime.delays import Delays
from sim.realtime.methods import Method, Transition, nearest
from steer.client import SteerClient
from steer.clock import Clock
from steer.embodiment import Embodiment
from steer.forecast import Forecast
from steer.heads import NumpyHead
from steer.limits import Limits
from steer.loop.chunks import Chunk, ChunkBuffer
from steer.loop.foresee import foreseen, prefixed
from steer.loop.fresh import decided, rescored
from steer.loop.monitors import Monitors
from steer.loop.planner import Request, Sensed
from steer.loop.thresholds import Signals
from steer.types import Decision
from steer.windows import still_frozen, windows

__all__ = ["Answer", "VirtualPlanner"]

_SAME = 1e-5
"""In the command's own units: what differs by less has not been moved."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision that is on its way.

    Attributes:
        request: That it answers.
        decision: Of the server.
        led: Rows of its candidates that run before those that were drawn.
        tick: At which it is there; None for never.
    """

    request: Request
    decision: Decision
    led: int
    tick: int | None


class VirtualPlanner:
    """Asks the server at once and hands its answer over later; implements `Planner`.

    Nothing is hidden from the delay: what is judged again is judged when the answer is there, at
    what the robot had sensed by then. Answers that are overtaken by later ones arrive all the same,
    and System 1 refuses them.

    Args:
        client: With a session.
        method: How chunks follow each other.
        delays: Of the answers.
        buffer: Of the robot's System 1.
        seed: Of the episode.
        num_candidates: N.
        limits: Of the robot, for methods that keep candidates within them.
        body: The robot's.
        clock: Of the robot.
        monitors: That read each decision; here they report and move nothing.
        stream: Of the noise.
        head: Of the fast half, for methods that have one.
        forecast: Likewise.
        note: Called with each answer as it is asked for, for pictures.

    Attributes:
        decisions: All of them.
        monitors: The monitors.
        signals: What they read of each decision that came, as a robot's would.
        delays_ticks: Of those that come.
        num_again: How many were judged again at a newer observation.
        num_moved: How many were chosen as they are within the limits, and not as they were drawn.
    """

    def __init__(
        self,
        client: SteerClient,
        method: Method,
        delays: Delays,
        buffer: ChunkBuffer,
        *,
        seed: int,
        num_candidates: int,
        limits: Limits | None,
        body: Embodiment,
        clock: Clock,
        monitors: Monitors,
        stream: int = 0,
        head: NumpyHead | None = None,
        forecast: Forecast | None = None,
        note: Callable[[Answer], object] | None = None,
    ) -> None:
        self._client, self._method, self._delays = client, method, delays
        self._buffer, self._seed, self._limits = buffer, seed, limits
        self._num_candidates, self._stream, self._clock = num_candidates, stream, clock
        self._note, self._head, self._forecast = note, head, forecast
        self._body = body
        self.monitors = monitors
        self._tick = 0
        self._sensed: Sensed | None = None
        self._sensed_tick = 0
        self._coming: list[Answer] = []
        self._came: list[Chunk] = []
        self.decisions: list[Decision] = []
        self.signals: list[Signals] = []
        self.delays_ticks: list[int] = []
        self.num_again = self.num_moved = 0

    def tick(self) -> None:
        """Let one tick go by."""
        self._tick += 1

    def submit(self, request: Request) -> None:
        """Ask the server, and draw how long the answer takes."""
        number = len(self.decisions)
        nothing: NDArray[np.float32] = np.zeros((0, 0), np.float32)
        observations, before_TA = request.observations, nothing
        if self._forecast is not None:
            observations, before_TA = foreseen(request, self._forecast)
        decision = self._client.steer(
            observations,
            budget_s=BUDGET_S,
            num_candidates=self._num_candidates,
            noise_seed=noise_seed(self._seed, number, stream=self._stream),
            frozen=max(0, request.frozen - len(before_TA)),
            epoch=self._seed,
            return_candidates=True,
        )
        decision = prefixed(decision, before_TA)
        self.decisions.append(decision)
        delay = self._delays.next(self._tick)
        if delay is not None:
            self.delays_ticks.append(delay)
        tick = None if delay is None else self._tick + delay
        answer = Answer(request, decision, len(before_TA), tick)
        self._coming.append(answer)
        if self._note is not None:
            self._note(answer)

    def sense(self, sensed: Sensed) -> None:
        """Remember the newest observation."""
        self._sensed, self._sensed_tick = sensed, self._tick

    def poll(self) -> Chunk | None:
        """Return the newest chunk that is there by now."""
        there = [item for item in self._coming if item.tick is not None and item.tick <= self._tick]
        if not there:
            return None
        self._coming = [item for item in self._coming if item not in there]
        newest = max(there, key=lambda item: item.request.sequence)
        chunk, again = self._chosen(newest)
        self._read(newest, chunk, again)
        if not self._method.freezes:
            chunk = replace(chunk, frozen=0)
        if not self._method.asks_ahead:  # it stands once it has run what was meant to run
            chunk = replace(chunk, actions=chunk.actions[: chunk.commit])
        now = Transition(
            chunk,
            self._buffer.rest(now_s=self._clock.now_s()),
            self._buffer.consumed,
            tuple(self._came),
        )
        if chunk.epoch == self._buffer.epoch:
            self._came = [*self._came, chunk][-32:]
        return now.spliced(self._method.splice)

    def _read(self, answer: Answer, chunk: Chunk, again: Decision | None) -> None:
        """Have the monitors read what was decided at last."""
        if again is not None:
            decision, consumed, frozen = again, chunk.consumed, chunk.frozen
        else:
            decision, consumed, frozen = answer.decision, answer.request.consumed, answer.led
        read = self.monitors.update(
            decision, consumed=consumed, epoch=answer.request.epoch, frozen=frozen
        )
        self.signals.append(read.signals)

    def _chosen(self, answer: Answer) -> tuple[Chunk, Decision | None]:
        """Return the candidate that the method chooses now that the answer is there.

        And the decision, where it was judged again.
        """
        decision, request = answer.decision, answer.request
        if self._method.chooses == "nearest" and decision.candidates is not None:
            drawn = decision.candidates.actions
            index = nearest(drawn, request.observations[-1].running)
            chosen = replace(decision, chunk=np.ascontiguousarray(drawn[index]))
            return decided(chosen, request), None
        if self._method.chooses != "fresh" or self._sensed is None:
            return decided(decision, request), None
        chunk, again = rescored(
            self._client,
            decision,
            request,
            self._sensed,
            body=self._body,
            budget_s=BUDGET_S,
            noise_seed=noise_seed(self._seed, len(self.decisions), stream=self._stream),
            limits=self._limits,
            head=self._head,
            anchors=self._method.anchors,
            acted=self._tick - self._sensed_tick,
        )
        self.num_again += chunk.captured_at_s > request.captured_at_s
        self.num_moved += again is not None and self._is_moved(answer, self._sensed, again)
        return chunk, again

    def _is_moved(self, answer: Answer, sensed: Sensed, again: Decision) -> bool:
        """Return whether what was chosen had been moved within the limits before it was judged."""
        drawn, request = answer.decision.candidates, answer.request
        gone, running = sensed.consumed - request.consumed, sensed.observation.running
        if drawn is None:
            return False
        acted = self._tick - self._sensed_tick
        free = windows(
            drawn,
            running,
            body=self._body,
            gone=gone,
            frozen=still_frozen(request.frozen, running, gone=gone, acted=acted),
            moved_A=sensed.travelled - request.travelled if self._method.anchors else None,
        ).actions
        if again.index >= len(free):  # what a head made
            return False
        return not np.allclose(free[again.index], again.chunk, atol=_SAME)
