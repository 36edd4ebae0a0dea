"""Anything that observes and acts, driven by a planner: the whole of System 1 in one call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from steer.clock import Clock, MonotonicClock
from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.limits import Limits
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.ladder import Change, Ladder
from steer.loop.loop import Loop, Ticked
from steer.loop.planner import Planner
from steer.loop.robot import Robot
from steer.loop.system1 import System1
from steer.loop.ticker import Ticker

__all__ = ["Ran", "act_after", "drive", "run"]

_SEEN_S, _SEEN_TICKS = 0.1, 3
"""How old an observation may be; the larger one counts."""
_ACT_SHARE, _ACT_S = 0.25, 0.002
"""When in its period an action goes out; the smaller one counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """What a run leaves behind.

    Attributes:
        ticker: With the ticks that were missed.
        loop: With faults by what they are.
        system: With ladder, limits and refused chunks.
    """

    ticker: Ticker
    loop: Loop
    system: System1


def run(
    robot: Robot,
    planner: Planner,
    embodiment: Embodiment,
    *,
    until: Callable[[Ticked], bool],
    limits: Limits | None = None,
    ladder: Ladder | None = None,
    rest: NDArray[np.float32] | None = None,
    num_observations: int = 1,
    max_age_s: float = 2.0,
    max_frozen_s: Mapping[str, float] | None = None,
    patience_s: float = 1.0,
    replan_ticks: int = 1,
    alarm_ticks: int | None = None,
    act_after_s: float | None = None,
    on_tick: Callable[[Ticked], None] | None = None,
    on_change: Callable[[Change], object] | None = None,
    clock: Clock | None = None,
) -> Ran:
    """Drive a robot at its own rate: whatever happens, an action a tick, within the limits.

    Args:
        robot: Anything with `observe()` and `act(action)`, each within a fraction of a tick.
        planner: Who is asked for chunks; `RemotePlanner` asks a server.
        embodiment: Of the robot, with its rate and whether its commands are relative.
        until: Asked after each tick whether to end.
        limits: Of its commands; None for its range and largest steps alone.
        ladder: With the time limits of its rungs; None for the default ones.
        rest: Command of where it stands, [A]; None where nobody knows, or commands are motions.
        num_observations: How many of the last observations the policy looks at.
        max_age_s: How long after its observation a chunk may run, in seconds.
        max_frozen_s: As `ObservationGuard` takes it, for sensors that hang.
        patience_s: Take a request that was not answered for so long as lost, in seconds.
        replan_ticks: Ask again so many ticks after the last time; 0: as late as an answer allows.
        alarm_ticks: As `System1` takes it, for monitors.
        act_after_s: As `Loop` takes it, at most half a period; None for a quarter of one, or 2 ms
            where that is less.
        on_tick: Told of each tick; it must return at once.
        on_change: Told of each step on the ladder; it must return at once.
        clock: Of all instants, `captured_at_s` of the observations among them.

    Raises:
        InvalidInputError: The embodiment lacks its rate or mode; a number is out of its range.
    """
    hz, clock = _rate(embodiment, patience_s), clock or MonotonicClock()
    new = partial(System1, embodiment, max_age_s=max_age_s, ladder=ladder, alarm_ticks=alarm_ticks)
    system = new(limits or Limits.of(embodiment))
    made = partial(Loop, robot, planner, system, on_change=on_change, clock=clock)
    loop = made(
        guard=_guard(embodiment, hz, max_frozen_s),
        delay=DelayEstimate(most=_ticks(hz, max_age_s)),
        num_observations=num_observations,
        replan_ticks=replan_ticks,
        patience_ticks=_ticks(hz, patience_s),
        act_after_s=act_after(hz) if act_after_s is None else _within(act_after_s, 0.5 / hz),
    )
    loop.begin(rest=rest)
    return Ran(drive(loop, hz=hz, clock=clock, until=until, on_tick=on_tick), loop, system)


def act_after(hz: float) -> float:
    """Return when an action goes out by default, in seconds after its tick was due."""
    return min(_ACT_SHARE / hz, _ACT_S)


def drive(
    loop: Loop,
    *,
    hz: float,
    clock: Clock,
    until: Callable[[Ticked], bool],
    on_tick: Callable[[Ticked], None] | None = None,
) -> Ticker:
    """Drive a loop in real time until `until` says so; return its ticker.

    Args:
        loop: Whose epoch has begun.
        hz: Ticks a second.
        clock: Of the loop.
        until: Asked after each tick.
        on_tick: Told of each tick; it must return at once.
    """
    ticker = Ticker(hz, clock, act_after_s=loop.act_after_s)
    while True:
        ticked = loop.step(ticker.wait())
        if ticked.acted_s is not None:
            ticker.acted(ticked.acted_s)
        if on_tick is not None:
            loop.guarded("on_tick", partial(on_tick, ticked))
        if until(ticked):
            return ticker


def _guard(
    embodiment: Embodiment, hz: float, max_frozen_s: Mapping[str, float] | None
) -> ObservationGuard:
    seen_s = max(_SEEN_S, _SEEN_TICKS / hz)
    return ObservationGuard(embodiment, max_age_s=seen_s, max_frozen_s=max_frozen_s)


def _ticks(hz: float, duration_s: float) -> int:
    return max(1, round(duration_s * hz))


def _rate(embodiment: Embodiment, patience_s: float) -> float:
    if not embodiment.control_hz:
        raise InvalidInputError.expected("embodiment.control_hz", "a rate > 0", 0)
    if not patience_s > 0:
        raise InvalidInputError.expected("patience_s", "> 0", patience_s)
    return embodiment.control_hz


def _within(act_after_s: float, most_s: float) -> float:
    if not 0 <= act_after_s <= most_s:
        contract = f"0 to {most_s:g} s, half a period"
        raise InvalidInputError.expected("act_after_s", contract, act_after_s)
    return act_after_s
