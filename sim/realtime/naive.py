"""The loop that ours is compared with: relative sleep, and all that is asked in a thread beside it.

LeRobot's `RobotClient` is of this kind: one process, the control loop in one thread, the answers of
the server and what is computed on them in another.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from steer.client import SteerClient
from steer.clock import Clock
from steer.errors import SteerError
from steer.loop.chunks import Chunk
from steer.loop.fresh import decided
from steer.loop.loop import Loop, Ticked
from steer.loop.planner import Request, Sensed
from steer.loop.remote import Remote
from steer.loop.spent import spent_of

__all__ = ["ThreadPlanner", "drive_relative"]

logger = logging.getLogger(__name__)

_WAIT_S, _RETRY_S, _CLOSE_S = 0.1, 0.05, 10.0


class ThreadPlanner:
    """Does in a thread what `RemotePlanner` does in a process; implements `Planner`.

    Args:
        remote: What to ask.
        clock: Of the robot.
    """

    def __init__(self, remote: Remote, clock: Clock) -> None:
        self._remote, self._clock = remote, clock
        self._there, self._is_closed = threading.Condition(), False
        self._request: Request | None = None
        self._chunk: Chunk | None = None
        self._thread = threading.Thread(target=self._ask, name="naive", daemon=True)
        self._thread.start()

    def submit(self, request: Request) -> None:
        """Put a request in the place of the one before."""
        with self._there:
            self._request = request
            self._there.notify()

    def sense(self, sensed: Sensed) -> None:
        """Do nothing: what comes is run as it was asked for."""

    def poll(self) -> Chunk | None:
        """Return the newest chunk since the last call."""
        with self._there:
            chunk, self._chunk = self._chunk, None
        return chunk

    def close(self) -> None:
        """End the thread."""
        with self._there:
            self._is_closed = True
            self._there.notify()
        self._thread.join(_CLOSE_S)

    def _ask(self) -> None:
        remote = self._remote
        with SteerClient(remote.target, tls=remote.tls) as client:
            client.open_session(
                remote.embodiment,
                critic=remote.critic,
                policy=remote.policy,
                selection=remote.selection,
                robot=remote.robot,
            )
            while (request := self._next()) is not None:
                try:
                    chunk = self._answered(client, request)
                except SteerError as error:
                    logger.warning("no chunk: %s", error)
                    self._clock.sleep(_RETRY_S)
                    continue
                with self._there:
                    self._chunk = chunk

    def _answered(self, client: SteerClient, request: Request) -> Chunk:
        begun_s, remote = self._clock.now_s(), self._remote
        decision = client.steer(
            request.observations,
            budget_s=remote.budget_s,
            num_candidates=remote.num_candidates,
            noise_seed=request.noise_seed(remote.seed),
            epoch=request.epoch,
        )
        spent = spent_of(
            request.captured_at_s,
            decision.timings,
            begun_s=begun_s,
            answered_s=self._clock.now_s(),
        )
        return replace(decided(decision, request), spent=spent)

    def _next(self) -> Request | None:
        """Return the newest request once there is one; None once closed."""
        with self._there:
            while self._request is None and not self._is_closed:
                self._there.wait(_WAIT_S)
            request, self._request = self._request, None
            return None if self._is_closed else request


def drive_relative(
    loop: Loop,
    *,
    hz: float,
    clock: Clock,
    until: Callable[[Ticked], bool],
    on_tick: Callable[[Ticked], None],
) -> None:
    """Drive a loop as most are driven: sleep for what the tick has left of its period.

    What waking up late adds is never made up for.
    """
    while True:
        begun_s = clock.now_s()
        ticked = loop.step()
        on_tick(ticked)
        if until(ticked):
            return
        clock.sleep(1.0 / hz - (clock.now_s() - begun_s))
