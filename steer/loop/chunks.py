"""The chunk that runs and the one that comes next, spliced by what was consumed.

Shapes: `H` horizon, `A` action.

A robot that runs a chunk consumes one action a tick; one that holds its place consumes none. A
chunk was asked for at an observation before which so many actions had been consumed; its row 0 is
for the next one. When it arrives, others have been consumed in between: as many of its rows are
gone. Counting them, and not the time, keeps row and place together when a loop stalls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from steer.errors import InvalidInputError
from steer.loop.spent import Spent

__all__ = ["Chunk", "ChunkBuffer", "Refusal", "Row"]


_ROUND_S = 1e-6
"""Instants travel in nanoseconds."""


class Refusal(Enum):
    """Why a chunk was not taken."""

    EPOCH = "of another epoch"
    UNASKED = "for what was never asked"
    SEQUENCE = "not newer than the last one"
    SHAPE = "of another number of actions"
    NOT_FINITE = "not finite"
    FUTURE = "for an observation that has not been"
    OLD = "for an observation that is too old"
    TOO_SHORT = "consumed before it came"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Actions that were decided at one observation.

    Attributes:
        actions: float32 [H, A], in robot units.
        consumed: Actions of this epoch that had been consumed at the observation: what row 0
            follows.
        frozen: Rows from the first that shall not be replaced: until they have been consumed, what
            ran before goes on.
        commit: Rows meant to run from the first one that does, 1..H, as far as there are so many;
            those after them are for want of something better.
        captured_at_s: Instant of the observation, on the robot's monotonic clock.
        epoch: Of the robot, which begins a new one at each end of an episode.
        sequence: Of the request; a chunk replaces those of smaller numbers alone.
        fallback: Why no critic chose it, as `Reason` names it: it is what the policy alone would
            do. Empty where one did.
        alarm: Of the monitors about its decision, in words; empty for none.
        spent: Where the time went until it was handed over; None where that is not known.
    """

    actions: NDArray[np.float32]
    consumed: int
    frozen: int = 0
    commit: int
    captured_at_s: float
    epoch: int = 0
    sequence: int
    fallback: str = ""
    alarm: str = ""
    spent: Spent | None = None

    def __post_init__(self) -> None:
        shape = self.actions.shape
        if len(shape) != 2 or not self.actions.size:
            contract = "shape [H, A], each >= 1"
            raise InvalidInputError.expected("chunk.actions", contract, f"shape {list(shape)}")
        if self.actions.dtype != np.float32:
            raise InvalidInputError.expected("chunk.actions", "float32", self.actions.dtype)
        if not 1 <= self.commit <= len(self.actions):
            contract = f"1..{len(self.actions)}"
            raise InvalidInputError.expected("chunk.commit", contract, self.commit)
        if not 0 <= self.frozen < len(self.actions):
            contract = f"0..{len(self.actions) - 1}"
            raise InvalidInputError.expected("chunk.frozen", contract, self.frozen)
        if self.consumed < 0:
            raise InvalidInputError.expected("chunk.consumed", ">= 0", self.consumed)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The action for the next tick.

    Attributes:
        action: float32 [A].
        chunk: That it is of.
        index: Of its row.
        is_first: Whether it is the first of its chunk that runs: a seam lies before it.
        is_meant: Whether it is among the rows that were meant to run.
    """

    action: NDArray[np.float32]
    chunk: Chunk
    index: int
    is_first: bool
    is_meant: bool


class ChunkBuffer:
    """Holds the running chunk and at most one that waits for its turn: the newest.

    Args:
        action_dim: A.
        max_age_s: How long after its observation a chunk may still run, in seconds, by the robot's
            own clock.

    Attributes:
        consumed: Actions of this epoch that have been consumed.
        counts: How many chunks were refused, by why.
    """

    def __init__(self, action_dim: int, *, max_age_s: float) -> None:
        if not max_age_s > 0:
            raise InvalidInputError.expected("max_age_s", "> 0", max_age_s)
        self._action_dim, self._max_age_s = action_dim, max_age_s
        self.counts = dict.fromkeys(Refusal, 0)
        self._epoch = self._newest = -1
        self.begin(0)

    @property
    def epoch(self) -> int:
        """Which epoch this is."""
        return self._epoch

    def begin(self, epoch: int) -> None:
        """Forget everything; begin an epoch, whose number must not have been.

        Raises:
            InvalidInputError: It has been.
        """
        if epoch <= self._epoch:
            raise InvalidInputError.expected("epoch", f"> {self._epoch}", epoch)
        self._epoch, self.consumed = epoch, 0
        self._newest = -1
        self._running: Chunk | None = None
        self._waiting: Chunk | None = None
        self._has_run = self._had_run = False
        self._meant_until = 0

    def offer(self, chunk: Chunk, *, now_s: float, asked: int | None = None) -> Refusal | None:
        """Take a chunk to run from where its frozen rows end, or say why not.

        Whatever it is, nothing that runs is harmed.

        Args:
            chunk: That has come.
            now_s: On the robot's monotonic clock.
            asked: Largest sequence that was asked for in this epoch; None where nobody counts. A
                chunk beyond it is another robot's, or of another life of this one: it would keep
                out all that is asked for.
        """
        refusal = self._refusal(chunk, now_s, asked)
        if refusal is not None:
            self.counts[refusal] += 1
            return refusal
        self._switch(now_s)  # what has waited long enough runs, and is not replaced unseen
        self._newest, self._waiting = chunk.sequence, chunk
        return None

    def peek(self, *, now_s: float) -> Row | None:
        """Return the action for the next tick; None where there is none, or it is too old."""
        self._switch(now_s)
        chunk = self._running
        if chunk is None:
            return None
        index = self.consumed - chunk.consumed
        if index >= len(chunk.actions) or self._is_old(chunk, now_s):
            return None
        is_meant = self.consumed < self._meant_until
        return Row(chunk.actions[index], chunk, index, not self._has_run, is_meant)

    def consume(self) -> None:
        """Count one action as done: what `peek` returned."""
        self._had_run, self._has_run = self._has_run, True
        self.consumed += 1

    def give_back(self) -> None:
        """Count the action that was consumed last as not done: it comes again."""
        self._has_run = self._had_run
        self.consumed -= 1

    def rest(self, *, now_s: float) -> NDArray[np.float32] | None:
        """Return what would follow if nothing new came, [R, A]; None where nothing would.

        The running chunk, and from its turn on the one that waits.
        """
        row = self.peek(now_s=now_s)
        if row is None:
            return None
        runs, waiting = row.chunk.actions[row.index :], self._waiting
        if waiting is None:
            return runs
        until = min(len(runs), waiting.consumed + waiting.frozen - self.consumed)
        from_row = self.consumed + until - waiting.consumed
        return np.concatenate([runs[:until], waiting.actions[from_row:]])

    def left(self, *, now_s: float) -> int:
        """Return how many actions that were meant to run are left, >= 0."""
        self._switch(now_s)
        newest = self._waiting or self._running
        if newest is None or self._is_old(newest, now_s):
            return 0
        until = self._meant_until
        if newest is self._waiting:
            until = max(self.consumed, newest.consumed + newest.frozen) + newest.commit
        return max(0, min(until, newest.consumed + len(newest.actions)) - self.consumed)

    def _switch(self, now_s: float) -> None:
        """Let the waiting chunk run once what it leaves alone has been consumed, or has ended.

        A chunk that has become too old to run has ended, too: nothing of it is consumed any more.
        """
        waiting, running = self._waiting, self._running
        if waiting is None:
            return
        is_due = self.consumed >= waiting.consumed + waiting.frozen
        has_ended = (
            running is None
            or self._is_old(running, now_s)
            or self.consumed >= running.consumed + len(running.actions)
        )
        if is_due or has_ended:
            self._running, self._waiting, self._has_run = waiting, None, False
            self._meant_until = self.consumed + waiting.commit

    def _refusal(self, chunk: Chunk, now_s: float, asked: int | None) -> Refusal | None:
        rules: tuple[tuple[Refusal, Callable[[], bool]], ...] = (
            (Refusal.EPOCH, lambda: chunk.epoch != self._epoch),
            (Refusal.UNASKED, lambda: asked is not None and chunk.sequence > asked),
            (Refusal.SEQUENCE, lambda: chunk.sequence <= self._newest),
            (Refusal.SHAPE, lambda: chunk.actions.shape[1] != self._action_dim),
            (Refusal.NOT_FINITE, lambda: not np.isfinite(chunk.actions).all()),
            (Refusal.FUTURE, lambda: chunk.consumed > self.consumed),
            (Refusal.FUTURE, lambda: not chunk.captured_at_s <= now_s + _ROUND_S),
            (Refusal.OLD, lambda: self._is_old(chunk, now_s)),
            (Refusal.TOO_SHORT, lambda: chunk.consumed + len(chunk.actions) <= self.consumed),
        )
        return next((refusal for refusal, holds in rules if holds()), None)

    def _is_old(self, chunk: Chunk, now_s: float) -> bool:
        return now_s - chunk.captured_at_s > self._max_age_s
