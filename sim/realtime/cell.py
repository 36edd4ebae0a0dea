"""What a cell's robot asks a server for on the wall clock, and where its processes may run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sim.evaluation.tuned import Tuned
from sim.origin import code_digest
from sim.realtime.bouts import FORECAST, HEADS, found_head
from sim.realtime.limits import read_limits
from sim.suite import source_of
from sim.tasks import spec_of
from steer.client import SteerClient
from steer.embodiment import Embodiment
from steer.errors import ConfigError
from steer.limits import Limits
from steer.loop.process import cores
from steer.loop.remote import Remote
from steer.types import Selection

__all__ = ["LIVE_CODE", "LiveCell", "Places", "apart", "check_code"]

LIVE_CODE = ("sim/realtime", "steer/loop")
"""What a run on the wall clock goes through beside what every episode does."""
_BUDGET_S, _RESCORE_S = 10.0, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCell:
    """A cell on the wall clock.

    Attributes:
        cell: `POLICY/TASK`.
        num_candidates: N.
        limits_file: With the limits of its robot.
    """

    cell: str
    num_candidates: int
    limits_file: Path

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.cell.split("/", 1)[1]

    @property
    def body(self) -> Embodiment:
        """That of the robot."""
        return spec_of(self.task).embodiment

    def limits(self) -> Limits:
        """Return the robot's limits.

        Raises:
            ConfigError: They were never fitted.
        """
        return read_limits(self.limits_file, [self.cell])[self.cell]

    def remote(self, server: str, limits: Limits) -> Remote:
        """Return what is asked of a server, `HOST:PORT`: as tuned, and as the bench's `ours` does.

        Raises:
            ConfigError: There is no forecast of its task.
        """
        policy, tuned = self.cell.split("/", 1)[0], Tuned.load().settings
        return Remote(
            target=server,
            embodiment=self.body,
            budget_s=_BUDGET_S,
            num_candidates=self.num_candidates,
            critic=spec_of(self.task).name,
            policy=source_of(policy, self.task),
            selection=Selection(margin=tuned.margin, beta=tuned.beta, weights=tuned.weights),
            robot=f"sim.realtime/{self.cell}"[-120:],
            rescore_s=_RESCORE_S,
            limits=limits,
            forecast=found_head(HEADS, FORECAST, self.cell),
        )

    def num_observations(self, server: str) -> int:
        """Return how many of the last observations the policy looks at.

        Raises:
            SteerError: The server does not say, or does not have it.
        """
        name = source_of(self.cell.split("/", 1)[0], self.task)
        with SteerClient(server) as client:
            for policy in client.describe().policies:
                if policy.name == name:
                    return policy.num_observations
        raise ConfigError(f"server: expected the policy {name!r}, got none of that name")


@dataclass(frozen=True, slots=True)
class Places:
    """Where processes run.

    Attributes:
        own: Core of System 1; None where there is none to spare, or no way to say so.
        others: Cores of all else; empty for any.
        every: All cores; empty where the system does not say.
    """

    own: int | None
    others: tuple[int, ...] = field(default=())
    every: tuple[int, ...] = field(default=())


@contextmanager
def apart() -> Iterator[Places]:
    """Keep this process, and what it starts, off one core for as long as the block lasts."""
    every = cores()
    if len(every) < 2:
        yield Places(None, (), every)
        return
    own, others = every[-1], every[:-1]
    os.sched_setaffinity(0, others)
    try:
        yield Places(own, others, every)
    finally:
        os.sched_setaffinity(0, every)


def check_code(digest: str) -> None:
    """Refuse what was measured while the code changed: each run begins processes anew.

    Raises:
        ConfigError: It is not the code of this digest any more.
    """
    if (now := code_digest(LIVE_CODE)) != digest:
        raise ConfigError(f"code: expected that of the first run, {digest}, got {now}")
