"""The control loop of a robot: observe, ask, act, every tick, whatever the slow half does."""

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock, MonotonicClock
from steer.loop.chunks import Refusal
from steer.loop.delay import DelayEstimate
from steer.loop.faults import Faults
from steer.loop.guard import ObservationGuard
from steer.loop.ladder import Change, Rung
from steer.loop.planner import Planner, Request, Sensed
from steer.loop.robot import Robot
from steer.loop.system1 import Command, System1
from steer.loop.ticker import Tick
from steer.types import Observation

__all__ = ["Loop", "Ticked"]

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_MAX_FAILURES = 5
"""Of `act` in a row; then the robot stops: nobody knows what it does."""


@dataclass(frozen=True, slots=True, eq=False)
class Ticked:
    """What happened in one tick.

    Attributes:
        tick: The beat; None in virtual time.
        command: What was commanded; None where nothing was known to command.
        asked: Whether a chunk was asked for.
        cost_s: What it took beside observing and acting, in seconds.
        acted_s: When the action went out, where it had waited for its instant; None for one that
            went out at once.
    """

    tick: Tick | None
    command: Command | None
    asked: bool
    cost_s: float
    acted_s: float | None = None


class Loop:
    """One robot's loop, tick by tick; `steer.loop.running.drive` gives it its time.

    Nothing in here waits for the planner, and nothing that robot, planner or chunk do raises out of
    `step`: it is counted, logged once for each cause, and shows on the ladder.

    Args:
        robot: To drive.
        planner: To ask.
        system: With limits and ladder.
        guard: Of the observations.
        delay: Estimate of how long an answer takes.
        num_observations: How many of the last observations a decision looks at.
        replan_ticks: Ask anew so many ticks after the last time; 0 asks once what is left of the
            newest chunk is what an answer takes.
        patience_ticks: Take a request that was not answered for so long as lost.
        act_after_s: When an action goes out, counted from when its tick was due, or at once where
            that is over: what comes before takes now longer and now less, and a robot that is told
            at equal intervals moves evenly. 0 for at once.
        on_change: Told of each step on the ladder after the tick has acted; it must return at once.
        clock: Of all instants.

    Attributes:
        act_after_s: As it was given.
    """

    def __init__(
        self,
        robot: Robot,
        planner: Planner,
        system: System1,
        *,
        guard: ObservationGuard,
        delay: DelayEstimate,
        num_observations: int = 1,
        replan_ticks: int = 0,
        patience_ticks: int = 50,
        act_after_s: float = 0.0,
        on_change: Callable[[Change], object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._robot, self._planner, self._system = robot, planner, system
        self._guard, self._delay = guard, delay
        self._replan_ticks, self._patience_ticks = replan_ticks, patience_ticks
        self.act_after_s, self._on_change = act_after_s, on_change
        self._clock: Clock = clock or MonotonicClock()
        self._faults = Faults(logger)
        self._took_s: dict[str, float] = {}
        self._ended_s = self._clock.now_s()
        self._epoch = self._sequence = self._failures = 0
        self._tick = self._asked_tick = 0
        self._asked: Request | None = None
        self._is_answered = True
        self._sensed: Observation
        self._seen: deque[Observation] = deque(maxlen=num_observations)

    @property
    def counts(self) -> Counter[str]:
        """Faults, by what they are."""
        return self._faults.counts

    def begin(self, *, rest: NDArray[np.float32] | None = None) -> None:
        """Begin an epoch: an episode, or a robot that somebody has put right."""
        self._epoch += 1
        self._system.begin(self._epoch, rest=rest)
        self._system.ladder.reset(now_s=self._clock.now_s())
        self._sequence, self._asked, self._is_answered = 0, None, True
        self._seen.clear()

    def step(self, tick: Tick | None = None) -> Ticked:
        """Do one tick."""
        begun_s = self._clock.now_s()
        self._tick += 1
        self._faults.last = ""
        self._note_missed(tick)
        self.guarded("planner.poll", self._take)
        observing_s = self._clock.now_s()
        has_sensed = self.guarded("robot.observe", self._observe)
        observed_s, asked = self._clock.now_s(), False
        if has_sensed and self.guarded("robot.observe", partial(self._see, observed_s)):
            asked = bool(self.guarded("planner", partial(self._tell, observed_s)))
        else:
            self._seen.clear()  # the next one does not follow what was seen before
        if asked:  # in virtual time an answer may take no time at all
            self.guarded("planner.poll", self._take)
        command = self._system.step(now_s=observed_s, trouble=self._trouble())
        decided_s = self._clock.now_s()
        acts_s = decided_s if tick is None else max(decided_s, tick.due_s + self.act_after_s)
        acting_s = self._waited(acts_s, now_s=decided_s)
        if command is not None:
            self._act(command)
        acted_s = self._clock.now_s()
        self._tell_changes()
        self._ended_s = self._clock.now_s()
        cost_s = (observing_s - begun_s) + (decided_s - observed_s)
        woken_s = 0.0 if tick is None else begun_s - max(tick.due_s, tick.asked_s)
        self._took_s = {
            "waking up": woken_s,
            "robot.observe": observed_s - observing_s,
            "the wait to act": acting_s - acts_s,
            "robot.act": acted_s - acting_s,
            "on_change": self._ended_s - acted_s,
            "the loop": cost_s,
        }
        has_waited = command is not None and acts_s > decided_s
        return Ticked(tick, command, asked, cost_s, acting_s if has_waited else None)

    def _waited(self, until_s: float, *, now_s: float) -> float:
        """Wait for an instant; return the one that it has become."""
        while now_s < until_s:
            self._clock.sleep(until_s - now_s)
            now_s = self._clock.now_s()
        return now_s

    def _note_missed(self, tick: Tick | None) -> None:
        """Count ticks that were skipped, by what took longest since the tick before them began."""
        if tick is None or not tick.num_missed:
            return
        took_s = {**self._took_s, "the time between ticks": tick.asked_s - self._ended_s}
        name = max(took_s, key=took_s.__getitem__)
        text = f"expected none skipped, got {tick.num_missed}: {name} took {took_s[name]:.3f} s"
        self._faults.note("tick", text, cause=name)

    def _trouble(self) -> str:
        """Return what goes wrong in this tick, in words; empty where nothing is known to."""
        waited = 0 if self._is_answered else self._tick - self._asked_tick
        if self._faults.last or not waited:
            return self._faults.last
        return f"request {self._sequence} has waited for {waited} ticks"

    def _tell_changes(self) -> None:
        changes, tell = self._system.ladder.changes, self._on_change
        while changes:
            change = changes.popleft()
            if tell is not None:
                self.guarded("on_change", partial(tell, change))

    def _take(self) -> None:
        chunk = self._planner.poll()
        if chunk is None:
            return
        now_s = self._clock.now_s()
        refusal = self._system.offer(chunk, now_s=now_s, asked=self._sequence)
        if refusal is not None:
            self.counts[f"chunk {refusal.value}"] += 1
        if chunk.epoch != self._epoch or refusal is Refusal.UNASKED:
            return
        if self._asked is None or self._is_answered:
            return  # asked by nobody any more: it says nothing of delays
        if chunk.sequence >= self._asked.sequence:
            self._delay.note(self._tick - self._asked_tick)
            self._is_answered = True

    def _observe(self) -> bool:
        self._sensed = self._robot.observe()
        return True

    def _see(self, now_s: float) -> bool:
        """Remember what was sensed; return whether it may be decided on."""
        fault = self._guard.fault(self._sensed, now_s=now_s)
        if fault:
            self._faults.note(*fault.split(": ", 1))
            return False
        self._seen.append(self._sensed)
        return True

    def _tell(self, now_s: float) -> bool:
        """Tell the planner of the tick; return whether a chunk was asked for."""
        observation = self._seen[-1]
        captured_at_s = observation.captured_at_s
        sensed = Sensed(
            observation=replace(observation, running=self._system.rest(now_s=now_s)),
            consumed=self._system.buffer.consumed,
            epoch=self._epoch,
            captured_at_s=now_s if captured_at_s is None else min(captured_at_s, now_s),
            sent=self._system.limiter.sent,
            travelled=self._system.travelled,
        )
        self.guarded("planner.sense", lambda: self._planner.sense(sensed))
        if not self._is_due(now_s):
            return False
        self._ask(sensed, now_s)
        return not self._is_answered  # else it could not be asked

    def _is_due(self, now_s: float) -> bool:
        """Return whether to ask: in time for what is left, or since nobody has answered."""
        waited = self._tick - self._asked_tick
        if not self._is_answered and waited < self._patience_ticks:
            return False
        if not self._is_answered:
            self._faults.note("planner", f"expected an answer within {waited} ticks, got none")
            self._delay.note(waited)
            return True
        if not self._replan_ticks:
            return self._system.left(now_s=now_s) <= self._delay.ticks
        return self._asked is None or waited >= self._replan_ticks

    def _ask(self, sensed: Sensed, now_s: float) -> None:
        self._sequence += 1
        request = Request(
            observations=(*list(self._seen)[:-1], sensed.observation),
            consumed=sensed.consumed,
            frozen=min(self._delay.ticks, self._system.left(now_s=now_s)),
            epoch=sensed.epoch,
            sequence=self._sequence,
            captured_at_s=sensed.captured_at_s,
            travelled=sensed.travelled,
        )

        def submit() -> bool:
            self._planner.submit(request)
            return True

        self._asked, self._asked_tick = request, self._tick
        self._is_answered = not self.guarded("planner.submit", submit)  # else asked anew

    def _act(self, command: Command) -> None:
        def act() -> bool:
            self._robot.act(command.action)
            return True

        if self.guarded("robot.act", act):
            self._failures = 0
            return
        self._system.take_back()
        self._failures += 1
        if self._failures >= _MAX_FAILURES and self._system.ladder.rung is not Rung.STOP:
            cause = f"robot.act: expected no error, got {self._failures} in a row"
            self._system.ladder.stop(now_s=self._clock.now_s(), cause=cause)

    def guarded(self, what: str, call: Callable[[], _T]) -> _T | None:
        """Return what somebody else's code returns; where it raises, count that and go on.

        Args:
            what: By which it is counted.
            call: That code.
        """
        try:
            return call()
        except Exception as error:  # noqa: BLE001  # the loop outlives it
            text = f"expected no error, got {type(error).__name__}: {error}"
            self._faults.note(what, text, cause=type(error).__name__)
            return None
