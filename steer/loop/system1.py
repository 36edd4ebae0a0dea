"""One tick of System 1: the best action that there is, within the limits, whatever happens.

Shapes: `A` action.
"""

import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steer.embodiment import Embodiment
from steer.errors import InvalidInputError
from steer.limits import HOLDS, Limits, is_motion
from steer.loop.chunks import Chunk, ChunkBuffer, Refusal, Row
from steer.loop.ladder import Ladder, Rung
from steer.loop.limiter import Limiter
from steer.seldom import is_said

__all__ = ["Command", "System1"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """What is sent to the robot in one tick.

    Attributes:
        action: float32 [A], finite and within the limits.
        rung: Of the ladder that it comes from.
        row: Of the chunk; None where there was none.
        age_s: Since the observation that the chunk was decided at, in seconds; None likewise.
        broken: Limits that the chunk's action would have broken, by name: it was moved.
    """

    action: NDArray[np.float32]
    rung: Rung
    row: Row | None
    age_s: float | None
    broken: tuple[str, ...]


class System1:
    """The robot's side of the loop, but for its time and its place: both are the caller's.

    Call `offer` when a chunk comes and `step` once a tick. Neither waits, and neither raises for
    anything that a chunk holds.

    Args:
        embodiment: Of the robot, with its rate and whether its commands are relative.
        limits: Of its commands.
        max_age_s: How long after its observation a chunk may run, in seconds.
        ladder: With the time limits of its rungs.
        holds: Dimensions that stay as they were commanded when the robot holds, by name: places,
            even where all others are relative.
        brake_s: How long slowing down takes where the limits allow it, in seconds.
        alarm_ticks: Ticks in a row that a robot acts on chunks whose decision a monitor alarms
            about; then it holds until a decision comes without, and by the ladder it stops and a
            human is called. None only tells of alarms: no monitor has been shown to be worth a
            stop where nobody measured it.

    Attributes:
        buffer: The chunks.
        ladder: Where on the ladder it stands.
        limiter: What limits would have been broken.
        travelled: Sum of all motions that were commanded in the epoch, float64 [A].
        alarms: How many chunks came with which alarm.
        fallbacks: How many were the policy's own, by why no critic had chosen.
    """

    def __init__(
        self,
        embodiment: Embodiment,
        limits: Limits,
        *,
        max_age_s: float,
        ladder: Ladder | None = None,
        brake_s: float = 0.2,
        holds: Collection[str] = HOLDS,
        alarm_ticks: int | None = None,
    ) -> None:
        if len(limits) != embodiment.action_dim:
            contract = f"of {embodiment.action_dim} dimensions, as the embodiment"
            raise InvalidInputError.expected("limits", contract, len(limits))
        if not embodiment.control_hz:
            raise InvalidInputError.expected("embodiment.control_hz", "a rate > 0", 0)
        self.buffer = ChunkBuffer(embodiment.action_dim, max_age_s=max_age_s)
        self.ladder, self.limiter = ladder or Ladder(), Limiter(limits)
        if not embodiment.mode:
            raise InvalidInputError.expected("embodiment.mode", "delta or absolute", "not known")
        if alarm_ticks is not None and alarm_ticks < 0:
            raise InvalidInputError.expected("alarm_ticks", ">= 0, or None", alarm_ticks)
        self._alarm_ticks = alarm_ticks
        self.alarms: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()
        self._told = ""
        dims = embodiment.actions
        self._is_motion_A = np.array([is_motion(embodiment, dim.name, holds) for dim in dims])
        self._stays_A = np.array([dim.name in holds for dim in dims])
        self._brake_ticks = max(1, round(brake_s * embodiment.control_hz))
        self._sent: list[NDArray[np.float32]] = []
        self._held = self._alarmed = 0
        self.travelled: NDArray[np.float64] = np.zeros(len(dims))
        self._was_consumed = False
        self._before: tuple[list[NDArray[np.float32]], int, NDArray[np.float64]]
        self._before = (self._sent, self._held, self.travelled)

    def begin(self, epoch: int, *, rest: NDArray[np.float32] | None = None) -> None:
        """Begin an epoch: the robot stands still, and no chunk of before counts.

        Args:
            epoch: Larger than all before.
            rest: Command of where it stands, [A]; None where that is not known, which for motions
                is no command at all.
        """
        self.buffer.begin(epoch)
        if rest is None:
            rest = np.where(self._is_motion_A, np.float32(0.0), np.float32(np.nan))
        self.limiter.reset(rest)
        self._sent = [rest, rest] if np.isfinite(rest).all() else []
        self._held = self._alarmed = 0
        self.travelled = np.zeros(len(self._is_motion_A))

    def offer(self, chunk: Chunk, *, now_s: float, asked: int | None = None) -> Refusal | None:
        """Take a chunk, or say why not; a refused one is logged and counted.

        Args:
            chunk: That has come.
            now_s: On the robot's monotonic clock.
            asked: As `ChunkBuffer.offer` takes it.
        """
        refusal = self.buffer.offer(chunk, now_s=now_s, asked=asked)
        if refusal is not None:
            count = self.buffer.counts[refusal]
            if is_said(count):
                place = (chunk.sequence, chunk.epoch)
                text = "chunk refused sequence=%d epoch=%d: %s (%d times)"
                logger.warning(text, *place, refusal.value, count)
            return refusal
        if chunk.fallback:
            self.fallbacks[chunk.fallback] += 1
        if chunk.alarm:
            self.alarms[chunk.alarm] += 1
        if chunk.alarm != self._told:
            self._told = chunk.alarm
            logger.warning("alarm sequence=%d: %s", chunk.sequence, chunk.alarm or "over")
        return None

    @property
    def is_alarmed(self) -> bool:
        """Whether it holds because of an alarm."""
        return self._alarm_ticks is not None and self._alarmed > self._alarm_ticks

    def rest(self, *, now_s: float) -> NDArray[np.float32] | None:
        """Return what would follow if nothing new came, [R, A]; None where nothing would."""
        return None if self.is_alarmed else self.buffer.rest(now_s=now_s)

    def left(self, *, now_s: float) -> int:
        """Return how many actions that were meant to run will run, >= 0."""
        return 0 if self.is_alarmed else self.buffer.left(now_s=now_s)

    def step(self, *, now_s: float, trouble: str = "") -> Command | None:
        """Return what to send now.

        Args:
            now_s: On the robot's monotonic clock.
            trouble: What goes wrong, in words, for the log of a robot that has nothing to run.

        Returns:
            The command; None where nothing was ever sent or known, so that there is nothing to
            hold: the robot is left as it is.
        """
        self._was_consumed = False
        self._before = (self._sent, self._held, self.travelled)
        row = self.buffer.peek(now_s=now_s)
        there, cause = _best(row)
        if row is not None:
            self.ladder.begin(now_s=now_s)
            self._alarmed = self._alarmed + 1 if row.chunk.alarm else 0
            if self.is_alarmed:
                there, cause, trouble = Rung.HOLD, f"alarm of {row.chunk.alarm}", ""
        if trouble and there >= Rung.REST:
            cause = f"{cause}; {trouble}"
        rung = self.ladder.step(there, now_s=now_s, cause=cause)
        if row is not None and rung < Rung.HOLD:
            self._held, wanted = 0, row.action
            self.buffer.consume()
            self._was_consumed = True
        else:  # nothing is consumed while the robot stands: a chunk for here begins at its row 0
            row = None
            held = self._hold()
            if held is None:
                return None
            wanted = held
        limited = self.limiter.apply(wanted, is_counted=row is not None)
        self._sent = [limited.command, *self._sent[:1]]
        self.travelled = self.travelled + np.where(self._is_motion_A, limited.command, 0.0)
        if row is None:  # a stand comes as soon as limits let it: that breaks none
            return Command(limited.command, rung, None, None, ())
        self._tell_moved(row, limited.broken)
        age_s = now_s - row.chunk.captured_at_s
        return Command(limited.command, rung, row, age_s, limited.broken)

    def take_back(self) -> None:
        """Forget the last command, which the robot was not told: its row comes again.

        Else the next one would lie as far from what the robot was told last as limits allow twice.
        """
        self._sent, self._held, self.travelled = self._before
        self.limiter.take_back()
        if self._was_consumed:
            self.buffer.give_back()

    def _tell_moved(self, row: Row, broken: tuple[str, ...]) -> None:
        """Log the limits that an action would have broken."""
        for name in broken:
            count = self.limiter.counts[name]
            if is_said(count):
                text = "command moved chunk=%d row=%d: limit %s (%d times)"
                logger.warning(text, row.chunk.sequence, row.index, name, count)

    def _hold(self) -> NDArray[np.float32] | None:
        """Return the command that slows down over the brake's ticks, and then holds the place."""
        if not self._sent:
            return None
        if not self._held:
            last, before = self._sent[0], self._sent[-1]
            speed_A = np.where(self._is_motion_A, last, last - before)
            self._speed_A = np.where(self._stays_A, 0.0, speed_A)
        self._held += 1
        left = max(0.0, 1.0 - self._held / self._brake_ticks)
        speed_A = (left * self._speed_A).astype(np.float32)
        held: NDArray[np.float32] = np.where(
            self._is_motion_A, speed_A, self._sent[0] + speed_A
        ).astype(np.float32)
        return held


def _best(row: Row | None) -> tuple[Rung, str]:
    """Return the best rung that there is an action for, and why it is no better."""
    if row is None:
        return Rung.HOLD, "no chunk, or none that is young enough"
    if not row.is_meant:
        return Rung.REST, f"nothing newer than chunk {row.chunk.sequence} has come"
    if row.chunk.fallback:
        return Rung.POLICY, f"chunk {row.chunk.sequence} is the policy's own: {row.chunk.fallback}"
    return Rung.STEERED, f"chunk {row.chunk.sequence} was chosen"
