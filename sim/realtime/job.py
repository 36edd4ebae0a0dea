"""What System 1 is to do on the wall clock, and what it notes of it.

Shapes: `A` action.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.realtime.shared import SharedRobot
from steer.clock import Clock
from steer.errors import LateError
from steer.limits import Limits
from steer.loop.ladder import Rung
from steer.loop.loop import Ticked
from steer.loop.remote import Remote
from steer.loop.spent import age_parts

__all__ = ["Job", "Lived", "Notes"]

_WARM_S, _MOST_WARM_S = 1.0, 120.0
"""Counted from the first steered action on, after that; without one the run is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What System 1 is to do.

    Attributes:
        kind: Ours: absolute deadlines, System 2 in a process, a thread that is `settled`; or naive.
        world: Directory of a running world.
        remote: What System 2 asks.
        hz: Ticks a second.
        seconds: To count, from when it was steered for a moment; infinite until it is stopped.
        wide: Dimensions of the robot, its own and some that go nowhere; 0 for its own.
        limits: Of a robot that is not wide.
        num_observations: That the policy looks at.
        replan_ticks: As `Loop` takes it; 1 asks all the time.
        core: For System 1, where it is ours; None for any.
        priority: Of real time, where it is ours; 0 for none, None for one where it may be taken.
        is_kept_awake: Whether no core sleeps, where it is ours and may be asked for.
        cores: For all else in its process, and what that starts; empty for any.
    """

    kind: Literal["ours", "naive"]
    world: Path
    remote: Remote
    hz: float
    seconds: float
    wide: int = 0
    limits: Limits | None = None
    num_observations: int = 1
    replan_ticks: int = 1
    core: int | None = None
    priority: int | None = None
    is_kept_awake: bool = True
    cores: tuple[int, ...] = ()


@dataclass(slots=True)
class Lived:
    """What System 1 did in the time that counts.

    Attributes:
        start_s: When its first tick was due.
        acted_at_s: When each action had gone out.
        numbers: Of the tick that each was for, from 0.
        costs_s: Of each tick, beside observing and acting.
        actions: Commands, [A] each.
        rungs: Of each tick, by name.
        ages_s: Of each chunk when its first action ran, by part.
        fresh_s: Since the newest observation that it was judged at.
        refused: Chunks, by why.
        faults: By what they are.
        place: What was done to be in time, in words.
        num_starts: Of System 2.
    """

    start_s: float = float("nan")
    acted_at_s: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    costs_s: list[float] = field(default_factory=list)
    actions: list[NDArray[np.float32]] = field(default_factory=list)
    rungs: list[str] = field(default_factory=list)
    ages_s: list[dict[str, float]] = field(default_factory=list)
    fresh_s: list[float] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    place: str = ""
    num_starts: int = 1


class Notes:
    """Notes what each tick did, once the robot has been steered for a moment.

    Args:
        job: With how long it counts.
        robot: That is driven.
        clock: Of the loop.
        is_stopped: Asked after each tick.
    """

    def __init__(
        self, job: Job, robot: SharedRobot, clock: Clock, is_stopped: Callable[[], bool]
    ) -> None:
        self._job, self._robot, self._clock = job, robot, clock
        self._is_stopped = is_stopped
        self._begun_s, self._warm_s = clock.now_s(), float("inf")
        self._first, self._count = 0, 0
        self.lived = Lived()

    def note(self, ticked: Ticked) -> None:
        """Take a tick."""
        now_s, command, lived = self._clock.now_s(), ticked.command, self.lived
        self._count += 1
        number = self._count if ticked.tick is None else ticked.tick.number
        if np.isnan(lived.start_s):
            if np.isinf(self._warm_s) and command is not None and command.rung is Rung.STEERED:
                self._warm_s = now_s + _WARM_S
            if now_s >= self._warm_s:  # the next tick is the first that counts
                self._first = number + 1
                due_s = now_s if ticked.tick is None else ticked.tick.due_s
                lived.start_s = due_s + 1.0 / self._job.hz
            return
        lived.costs_s.append(ticked.cost_s)
        lived.rungs.append("NOTHING" if command is None else command.rung.name)
        if command is None:
            return
        lived.acted_at_s.append(self._robot.acted_at_s)
        lived.numbers.append(number - self._first)
        lived.actions.append(command.action)
        row = command.row
        if row is not None and row.is_first and row.chunk.spent is not None:
            parts = age_parts(row.chunk.spent, runs_at_s=self._robot.acted_at_s)
            lived.ages_s.append(dict(parts))
            lived.fresh_s.append(self._robot.acted_at_s - row.chunk.captured_at_s)

    def is_over(self, ticked: Ticked) -> bool:
        """Return whether the time is up.

        Raises:
            LateError: It was never steered.
        """
        del ticked
        now_s, start_s = self._clock.now_s(), self.lived.start_s
        if np.isnan(start_s):
            if now_s > self._begun_s + _MOST_WARM_S:
                raise LateError(f"run: expected a steered action within {_MOST_WARM_S:g} s")
            return self._is_stopped()
        return now_s >= start_s + self._job.seconds or self._is_stopped()
