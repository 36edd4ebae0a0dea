"""System 1 on the wall clock, in a process of its own, driving a world that does not wait."""

import logging
import multiprocessing
import os
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from sim.realtime.job import Job, Lived, Notes
from sim.realtime.naive import ThreadPlanner, drive_relative
from sim.realtime.shared import SharedRobot
from sim.realtime.wide import WidePlanner, WideRobot, wide_body, wide_limits
from steer.clock import MonotonicClock
from steer.errors import LateError, UnreachableError
from steer.limits import Limits
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.ladder import Change, Ladder, Rung
from steer.loop.loop import Loop
from steer.loop.process import settled
from steer.loop.remote import RemotePlanner
from steer.loop.running import act_after, drive
from steer.loop.system1 import System1

__all__ = ["Living"]

_SEEN_S = 0.5
"""How old an observation may be: the world has its own beat."""
_MAX_AGE_S, _PATIENCE_S = 3.0, 2.0
_HOLD_S = 3600.0
"""A robot may hold so long: what is looked at is how it comes back by itself."""


def _live(job: Job, is_stopped: Callable[[], bool], on_change: Callable[[Change], object]) -> Lived:
    """Do a job in this process."""
    logging.getLogger("steer").setLevel(logging.CRITICAL)  # a line for each rung, at 200 Hz
    clock, size = MonotonicClock(), job.remote.embodiment.action_dim
    body = wide_body(job.remote.embodiment, max(job.wide, size), hz=job.hz)
    limits = wide_limits(job.wide) if job.wide else job.limits or Limits.of(body)
    ladder = Ladder({Rung.HOLD: _HOLD_S})
    system = System1(body, limits, max_age_s=_MAX_AGE_S, ladder=ladder)
    is_ours = job.kind == "ours"
    if job.cores:
        os.sched_setaffinity(0, job.cores)  # and of what is started from here
    maker = RemotePlanner(job.remote) if is_ours else ThreadPlanner(job.remote, clock)
    with closing(maker) as planner, closing(SharedRobot(job.world, clock)) as robot:
        notes = Notes(job, robot, clock, is_stopped)
        loop = Loop(
            WideRobot(robot, size) if job.wide else robot,
            WidePlanner(planner, size, job.wide) if job.wide else planner,
            system,
            guard=ObservationGuard(body, max_age_s=_SEEN_S),
            delay=DelayEstimate(most=round(job.hz * _MAX_AGE_S)),
            num_observations=job.num_observations,
            replan_ticks=job.replan_ticks,
            patience_ticks=round(job.hz * _PATIENCE_S),
            act_after_s=act_after(job.hz),
            on_change=on_change,
            clock=clock,
        )
        loop.begin()
        if is_ours:
            with settled(
                job.core, priority=job.priority, is_kept_awake=job.is_kept_awake
            ) as notes.lived.place:
                drive(loop, hz=job.hz, clock=clock, until=notes.is_over, on_tick=notes.note)
        else:
            drive_relative(loop, hz=job.hz, clock=clock, until=notes.is_over, on_tick=notes.note)
    lived = notes.lived
    lived.refused = {why.value: count for why, count in system.buffer.counts.items() if count}
    lived.faults = dict(loop.counts)
    lived.num_starts = maker.num_starts if isinstance(maker, RemotePlanner) else 1
    return lived


def _process(job: Job, to_parent: Connection, stop: Event) -> None:
    try:
        lived = _live(
            job, stop.is_set, lambda change: to_parent.send((change.after.name, change.now_s))
        )
        to_parent.send(lived)
    finally:
        to_parent.close()


class Living:
    """A job in a process of its own. A context manager: leaving it ends the process.

    Args:
        job: To do.
    """

    def __init__(self, job: Job) -> None:
        context = multiprocessing.get_context("spawn")
        self._from_child, to_parent = context.Pipe(duplex=False)
        self._stop = context.Event()
        self._process = context.Process(target=_process, args=(job, to_parent, self._stop))
        self._process.start()
        to_parent.close()
        self._clock = MonotonicClock()
        self._lived: Lived | None = None
        self.changes: list[tuple[str, float]] = []

    def __enter__(self) -> "Living":
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self._stop.set()
        self._process.join(20.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def wait_for(self, rung: Rung, *, after_s: float = 0.0, budget_s: float) -> float:
        """Return the instant at which the robot came to a rung, not before another one.

        Raises:
            LateError: It did not within `budget_s` seconds.
            UnreachableError: The process is gone.
        """
        end_s = self._clock.now_s() + budget_s
        while True:
            found = [at for name, at in self.changes if name == rung.name and at >= after_s]
            if found:
                return found[0]
            left_s = end_s - self._clock.now_s()
            if left_s <= 0:
                raise LateError(f"robot: expected {rung.name} within {budget_s:g} s, got none")
            self._take(left_s)

    def lived(self, *, budget_s: float, is_stopped: bool = False) -> Lived:
        """Return what it did, once it is over; with `is_stopped` that is now.

        Raises:
            LateError: It was not over within `budget_s` seconds.
            UnreachableError: The process is gone.
        """
        if is_stopped:
            self._stop.set()
        end_s = self._clock.now_s() + budget_s
        while self._lived is None:
            left_s = end_s - self._clock.now_s()
            if left_s <= 0:
                raise LateError(f"robot: expected it to end within {budget_s:g} s, got no end")
            self._take(left_s)
        return self._lived

    def _take(self, budget_s: float) -> None:
        if not self._from_child.poll(budget_s):
            return
        try:
            told = self._from_child.recv()
        except EOFError as error:
            raise UnreachableError("robot: expected its process, got its end") from error
        if isinstance(told, Lived):
            self._lived = told
        else:
            self.changes.append(told)
