"""Episodes recorded in the line of cells, and candidates drawn in each of their states.

Shapes: `E` episodes, `T` rows of all, `N` candidates, `H` horizon.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.tabular.mdp import ACTIONS, BEHAVIOUR, BOUNCE, DRIFT, GRIP, NUM_CELLS, START, STOP
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.train.datasets import Episodes

__all__ = ["BODY", "STATE", "cells_of", "draw_candidates", "record"]

STATE = "observation.state"
BODY = Embodiment(
    name="line",
    control_hz=10.0,
    actions=(ActionDim(name="dx", low=-1.0, high=1.0),),
    observations=(ObservationField(name=STATE, dtype="float32", shape=(NUM_CELLS + 1,)),),
)
_TREMBLE = 1e-3
"""Range of the last number of the state. It says nothing, and is too small for a critic to see; it
keeps the rows of a cell apart for the search for those most like each."""
_GRIP, _DRIFT = np.array([*GRIP, 0.0]), np.array([*DRIFT, 0.0])


def record(
    num_episodes: int,
    *,
    seed: int,
    spread: float = 0.0,
    behaviour: tuple[float, ...] = BEHAVIOUR,
) -> Episodes:
    """Return episodes of the robot that draws each action by itself.

    Args:
        num_episodes: E.
        seed: Of everything.
        spread: Actions are recorded up to so far from -1, 0 and 1, never beyond -1 and 1; the world
            rounds them.
        behaviour: Probability of each action.
    """
    generator = np.random.default_rng(seed)
    cell = generator.choice(NUM_CELLS, num_episodes, p=START)
    running = np.arange(num_episodes)
    rows: list[tuple[NDArray[np.int64], ...]] = []
    won: list[NDArray[np.bool_]] = []
    while len(running):
        action = generator.choice(ACTIONS, len(running), p=behaviour)
        succeeded = cell == NUM_CELLS - 1
        rows.append((running, cell, action))
        won.append(succeeded)
        stopped = ~succeeded & (generator.random(len(running)) < STOP)
        moved = _move(cell, action, generator.random(len(running)))
        goes_on = ~(succeeded | stopped)
        running, cell = running[goes_on], moved[goes_on]
    owner, cells, actions = (np.concatenate(column) for column in zip(*rows, strict=True))
    order = np.argsort(owner, kind="stable")  # of one episode, ticks are in order already
    return _episodes(
        owner[order],
        cells[order],
        _spread(actions[order], spread, generator),
        np.concatenate(won)[order],
        generator,
    )


def cells_of(episodes: Episodes) -> NDArray[np.int64]:
    """Return the cell of each row, int64 [T]."""
    found: NDArray[np.int64] = episodes.observations[STATE][:, :NUM_CELLS].argmax(axis=1)
    return found


def draw_candidates(
    episodes: Episodes,
    *,
    num_candidates: int,
    horizon: int,
    seed: int,
    spread: float = 0.0,
) -> NDArray[np.float32]:
    """Return chunks drawn as the robot draws them, float32 [T, N, H, 1].

    In the dock the first action is repeated, as it is where one is recorded there.
    """
    generator = np.random.default_rng(seed)
    shape = (len(episodes.actions), num_candidates, horizon)
    drawn = _spread(generator.choice(ACTIONS, size=shape, p=BEHAVIOUR), spread, generator)
    in_dock = cells_of(episodes) == NUM_CELLS - 1
    drawn[in_dock] = drawn[in_dock][:, :, :1]
    return drawn[..., None]


def _move(
    cell: NDArray[np.int64], action: NDArray[np.int64], luck: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return where actions lead; the same odds as `Line` computes with."""
    bounces = (action < 0) & (cell == 0)
    wanted = np.where(action == 0, cell - 1, np.where(bounces, 1, cell + action))
    odds = np.where(action == 0, _DRIFT[cell], np.where(bounces, BOUNCE, _GRIP[cell]))
    return np.where(luck < odds, wanted, cell)


def _spread(
    action: NDArray[np.int64], spread: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return actions up to so far from their third of the range, within it."""
    noise = generator.uniform(-spread, spread, action.shape)
    # The middle of the outer thirds of [-1, 1] is at 2 / 3.
    middle = action * (1.0 if spread == 0.0 else 2 / 3)
    return (middle + noise).astype(np.float32)


def _episodes(
    owner: NDArray[np.int64],
    cells: NDArray[np.int64],
    actions: NDArray[np.float32],
    is_success: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Episodes:
    lengths = np.bincount(owner)
    end = np.cumsum(lengths)
    is_timeout = np.zeros_like(is_success)
    is_timeout[end - 1] = ~is_success[end - 1]
    state = np.zeros((len(cells), NUM_CELLS + 1), np.float32)
    state[np.arange(len(cells)), cells] = 1.0
    state[:, -1] = generator.uniform(0.0, _TREMBLE, len(cells))
    return Episodes(
        embodiment=BODY,
        task="line",
        instruction="go to the end of the line",
        observations={STATE: state},
        actions=actions[:, None],
        is_success=is_success,
        is_timeout=is_timeout,
        start=end - lengths,
        end=end,
        episode=np.arange(len(lengths)),
        seed=np.full(len(lengths), -1),
        noise=np.full(len(lengths), np.nan, np.float32),
    )
