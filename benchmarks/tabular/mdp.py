"""A line of slippery cells and the exact law of what comes of every chunk in it.

The robot stands in one of `NUM_CELLS` cells and says where it wants to go: back, stay, on. Grip,
drift and bounce of the cell decide where it gets, so the order of the same two actions matters, and
hardly two chunks are worth the same. The last cell is a dock: whatever the robot does there, it
succeeds. A tick costs the same until success, which ends the episode; after any other tick the
episode is stopped with probability `STOP`, a time-out. The data come from a robot that draws each
action by itself.

Why a dock: a chunk that success cuts short is recorded with its last action repeated. Were that
success luck, the luck would show in the chunk: `on, stay` would be recorded only where the first
`on` had failed, and the data would order chunks otherwise than the world does.

Shapes: `S` cells, `C` chunks, `H` horizon, `L` ticks until success.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ACTIONS",
    "BEHAVIOUR",
    "BOUNCE",
    "DRIFT",
    "GRIP",
    "NUM_CELLS",
    "START",
    "STOP",
    "Clock",
    "Line",
]

NUM_CELLS = 4
ACTIONS = (-1, 0, 1)
BEHAVIOUR = (0.25, 0.25, 0.5)
"""Probability of each action in the data."""
GRIP = (0.9, 0.6, 0.8)
"""Probability that an action moves the robot, by cell; the dock needs none."""
DRIFT = (0.0, 0.35, 0.15)
"""Probability that a robot that stays slides back, by cell."""
BOUNCE = 0.2
"""Probability that going back in the first cell throws the robot on."""
STOP = 0.05
"""Probability that an episode is stopped after a tick that did not succeed."""
START = (1 / 3, 1 / 3, 1 / 3, 0.0)
"""Where episodes begin."""
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Clock:
    """What time costs.

    Attributes:
        discount: Per tick.
        cost: Of a tick, > 0, in discounted return.
    """

    discount: float
    cost: float = 1.0

    @property
    def worst(self) -> float:
        """Return of never succeeding."""
        return -self.cost / (1 - self.discount)

    def of(self, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the discounted return of so many ticks without success."""
        weight: NDArray[np.float64] = np.power(self.discount, ticks, dtype=np.float64)
        return self.worst * (1 - weight)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The world as numbers, for one horizon and one way to act.

    Attributes:
        chunks: int64 [C, H], every sequence of actions.
        probability: float64 [C], of each chunk in the data.
        visits: float64 [S], rows of an episode that begin in each cell, on average.
        success: float64 [S, C, L], probability of success at tick 1, 2, …, acting as the data do
            after the chunk; what is missing from 1 was stopped before.
        place: float64 [S, C, S], probability of each cell after the chunk, neither succeeded nor
            stopped.
    """

    chunks: NDArray[np.int64]
    probability: NDArray[np.float64]
    visits: NDArray[np.float64]
    success: NDArray[np.float64]
    place: NDArray[np.float64]

    @classmethod
    def of(cls, horizon: int, *, behaviour: tuple[float, ...] = BEHAVIOUR) -> "Line":
        """Return the world for chunks of so many actions."""
        chunks = np.array(list(product(ACTIONS, repeat=horizon)), np.int64)
        odds = dict(zip(ACTIONS, behaviour, strict=True))
        mean = np.zeros((NUM_CELLS, NUM_CELLS))
        for action in ACTIONS:
            mean += odds[action] * _step(action)
        onward, _ = _succeed([mean] * _LONGEST)
        visits = np.array(START) @ np.linalg.inv(np.eye(NUM_CELLS) - (1 - STOP) * mean)
        success = np.zeros((NUM_CELLS, len(chunks), horizon + _LONGEST))
        place = np.zeros((NUM_CELLS, len(chunks), NUM_CELLS))
        for index, chunk in enumerate(chunks):
            within, place[:, index] = _succeed([_step(int(action)) for action in chunk])
            success[:, index] = np.concatenate([within, place[:, index] @ onward], axis=1)
        probability = np.array([np.prod([odds[int(a)] for a in chunk]) for chunk in chunks])
        return cls(chunks, probability, visits, success, place)

    @property
    def horizon(self) -> int:
        """Return H."""
        return self.chunks.shape[1]

    @property
    def kept(self) -> NDArray[np.float64]:
        """Return the probability [S, C] that the chunk teaches: it succeeded, or was not stopped.

        Success is seen even where a stop would have come before the chunk's end, so among what is
        kept it is more frequent than in the world, by a share of `STOP`. The fixed points are those
        of what is kept.
        """
        found: NDArray[np.float64] = self._within.sum(2) + self.place.sum(2)
        return found

    @property
    def whole(self) -> NDArray[np.float64]:
        """Return the probability [S, C] that all its actions were recorded, stopped then or not."""
        found: NDArray[np.float64] = self._within.sum(2) + self.place.sum(2) / (1 - STOP)
        return found

    @property
    def recorded(self) -> NDArray[np.float64]:
        """Return the probability [S, C] of each chunk among those of a cell that teach."""
        weight = self.probability * self.kept
        found: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
        return found

    @property
    def occupancy(self) -> NDArray[np.float64]:
        """Return the share [S, C] of each cell and chunk in all that teaches."""
        weight = self.visits[:, None] * self.probability * self.kept
        found: NDArray[np.float64] = weight / weight.sum()
        return found

    @property
    def _within(self) -> NDArray[np.float64]:
        return self.success[:, :, : self.horizon]

    def returned(self, clock: Clock) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and deviation [S, C] of the return that comes, a stop taken for a failure."""
        law = self.success / self.kept[:, :, None]
        value = clock.of(np.arange(law.shape[2])) - clock.worst  # the tick that succeeds is free
        mean, square = law @ value, law @ value**2
        return mean + clock.worst, np.sqrt(np.maximum(square - mean**2, 0.0))

    def backup(
        self, clock: Clock, *, followed: bool = False
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the parts of a target: reward [S, C] and weight of the next cell [S, C, S].

        Args:
            clock: What time costs.
            followed: Only of chunks whose successor was recorded whole too.
        """
        share = self.probability @ self.whole.T if followed else np.ones(NUM_CELLS)
        after, within = self.place * share, self._within
        total = within.sum(2) + after.sum(2)
        reward = within @ clock.of(np.arange(self.horizon))
        reward += after.sum(2) * clock.of(np.array(self.horizon))
        return reward / total, clock.discount**self.horizon * after / total[:, :, None]


def _succeed(
    steps: list[NDArray[np.float64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probability of success at each tick [S, L], and of each cell after them [S, S]."""
    place, success = np.eye(NUM_CELLS), []
    for step in steps:
        moved = place @ step
        success.append(place.sum(1) - moved.sum(1))
        place = (1 - STOP) * moved
    return np.stack(success, axis=1), place


def _step(action: int) -> NDArray[np.float64]:
    """Return the probability of each cell after an action, by cell; success is what is missing."""
    moves = np.zeros((NUM_CELLS, NUM_CELLS))
    for cell in range(NUM_CELLS - 1):
        if action == 0:
            wanted, odds = cell - 1, DRIFT[cell]
        elif action < 0 and cell == 0:
            wanted, odds = 1, BOUNCE
        else:
            wanted, odds = cell + action, GRIP[cell]
        moves[cell, cell] += 1 - odds
        moves[cell, wanted] += odds
    return moves
