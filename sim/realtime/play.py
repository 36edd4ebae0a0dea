"""One episode of the bench in virtual time: real decisions, real physics, delays on purpose."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sim.realtime.delays import Delays, Network
from sim.realtime.methods import Method
from sim.realtime.robot import SimRobot
from sim.realtime.row import Row, jerk_of, largest_step, numbers_of
from sim.realtime.virtual import Answer, VirtualPlanner
from sim.tasks import Env
from sim.tasks.views import View
from steer.client import SteerClient
from steer.clock import FakeClock
from steer.errors import SessionError
from steer.forecast import Forecast
from steer.heads import NumpyHead
from steer.limits import Limits, is_motion
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.loop import Loop, Ticked
from steer.loop.monitors import Monitors
from steer.loop.signals import scale_of
from steer.loop.system1 import System1

__all__ = ["Bout", "play"]

_PATIENCE = 40
"""Ticks after which an answer is taken for lost."""
_AGE_TICKS = 48
"""How long a chunk may run after its observation: three times its rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """What is to be played.

    Attributes:
        cell: `POLICY/TASK`.
        method: How chunks follow each other.
        network: Delays of the answers; its rate is the task's.
        seed: Of the episode.
        num_candidates: N.
        limits: Of the robot; None for its range alone.
        stream: Of the noise.
        head: File of the head of the fast half; empty for none.
        forecast: Likewise.
    """

    cell: str
    method: Method
    network: Network
    seed: int
    num_candidates: int
    limits: Limits | None
    stream: int = 0
    head: str = ""
    forecast: str = ""


@dataclass(slots=True)
class _Seen:
    """What the ticks of an episode leave behind."""

    rungs: Counter[str] = field(default_factory=Counter)
    seams: list[int] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    broken: int = 0

    def note(self, number: int, ticked: Ticked) -> None:
        """Take a tick."""
        command = ticked.command
        self.rungs["NOTHING" if command is None else command.rung.name] += 1
        if command is None:
            return
        self.broken += bool(command.broken)
        if command.age_s is not None:
            self.ages_s.append(command.age_s)
        if command.row is not None and command.row.is_first:
            self.seams.append(number)


def play(
    env: Env,
    client: SteerClient,
    bout: Bout,
    *,
    views: Sequence[View] = (),
    head: NumpyHead | None = None,
    forecast: Forecast | None = None,
    on_tick: Callable[[int, Ticked], object] | None = None,
    on_answer: Callable[[Answer], object] | None = None,
) -> tuple[Row, SimRobot]:
    """Play an episode.

    Args:
        env: The robot.
        client: With a session of its body.
        bout: What to play.
        views: Pictures and clouds that policy and critic need.
        head: That the bout names, read.
        forecast: Likewise.
        on_tick: Called after each tick, with its number.
        on_answer: Called with each answer as it is asked for.

    Returns:
        Its row, and the robot with all that it was told.

    Raises:
        SteerError: The server failed; nothing of it counts.
    """
    clock, body = FakeClock(), env.spec.embodiment
    robot = SimRobot(env, bout.seed, clock, views)
    system = System1(body, bout.limits or Limits.of(body), max_age_s=_AGE_TICKS / body.control_hz)
    planner = VirtualPlanner(
        client,
        bout.method,
        Delays(bout.network, seed=bout.seed),
        system.buffer,
        seed=bout.seed,
        num_candidates=bout.num_candidates,
        limits=bout.limits,
        body=body,
        clock=clock,
        monitors=Monitors(scale_of(body)),
        stream=bout.stream,
        head=head,
        forecast=forecast,
        note=on_answer,
    )
    loop, seen = _loop(client, bout, robot, planner, system, clock), _Seen()
    # Nobody can act before the first answer: that much time is not the method's.
    limit = env.spec.max_steps + bout.network.ticks
    while not robot.is_success and robot.steps < limit:
        ticked = loop.step()
        seen.note(robot.steps, ticked)
        if on_tick is not None:
            on_tick(robot.steps, ticked)
        robot.tick()
        planner.tick()
        clock.advance(1.0 / body.control_hz)
    return _row(bout, robot, planner, system, seen), robot


def _loop(
    client: SteerClient,
    bout: Bout,
    robot: SimRobot,
    planner: VirtualPlanner,
    system: System1,
    clock: FakeClock,
) -> Loop:
    """Return a robot's loop whose epoch has begun.

    Raises:
        SessionError: The client has no session.
    """
    session, hz = client.session, robot.body.control_hz
    if session is None:
        raise SessionError("episode: expected a session, got none")
    most = session.commit_horizon if bout.method.asks_ahead else 0
    loop = Loop(
        robot,
        planner,
        system,
        guard=ObservationGuard(robot.body, max_age_s=1.0 / hz),
        delay=DelayEstimate(first=min(bout.network.ticks, most), most=most),
        num_observations=session.policy.num_observations if session.policy else 1,
        replan_ticks=bout.method.every,
        patience_ticks=_PATIENCE,
        clock=clock,
    )
    loop.begin()
    return loop


def _row(bout: Bout, robot: SimRobot, planner: VirtualPlanner, system: System1, seen: _Seen) -> Row:
    body = robot.body
    is_motion_A = np.array([is_motion(body, dim.name) for dim in body.actions])
    commands_TA = np.array(robot.sent)
    ages_ms = np.array(seen.ages_s or [0.0]) * 1000
    return Row(
        cell=bout.cell,
        method=bout.method.name,
        delay=bout.network.ticks,
        jitter=bout.network.jitter,
        drop=bout.network.drop,
        seed=bout.seed,
        num_candidates=bout.num_candidates,
        is_success=robot.is_success,
        steps=robot.steps,
        decisions=len(planner.decisions),
        overrides=sum(item.index != 0 for item in planner.decisions),
        again=planner.num_again,
        moved=planner.num_moved,
        broken=seen.broken,
        broken_by=dict(system.limiter.counts),
        rungs=dict(seen.rungs),
        refused={why.value: count for why, count in system.buffer.counts.items() if count},
        delays_ticks=planner.delays_ticks,
        ages_ms=(round(float(ages_ms.mean()), 2), round(float(ages_ms.max()), 2)),
        seam=round(largest_step(commands_TA, seen.seams, is_motion_A), 4),
        jerk=round(jerk_of(commands_TA, is_motion_A), 5),
        signals=[numbers_of(item) for item in planner.signals],
        unread=dict(planner.monitors.counts),
    )
