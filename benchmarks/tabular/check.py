"""One algorithm, trained in the line of cells and held against its own fixed point.

Shapes: `S` cells, `C` chunks, `T` rows, `M` chunks of the data.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.tabular.cases import CASES, DISCOUNT, HORIZON, Case
from benchmarks.tabular.mdp import ACTIONS, NUM_CELLS, Line
from benchmarks.tabular.plants import PLANTS, Plant
from benchmarks.tabular.world import STATE, cells_of, draw_candidates, record
from steer.critics.card import DatasetSummary, NetworkConfig
from steer.critics.critic import Critic
from steer.errors import ConfigError
from steer.train.candidates import save_candidates
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes
from steer.train.fit import fit
from steer.train.targets import build_chunks, row_windows

__all__ = ["LARGEST_ERROR", "LEAST_TAU", "Check", "check"]

NUM_EPISODES, NUM_DRAWN = 40_000, 8
LEAST_TAU = 0.95
"""Kendall's tau of an algorithm that orders chunks right."""
LARGEST_ERROR = 0.5
"""Of any value, in discounted return: half of what a tick costs. What is planted costs more."""
_CLOSE = 3.0
"""Chunks whose values differ by less standard errors of the data are not compared."""


@dataclass(frozen=True, slots=True)
class Check:
    """How well values agree with the fixed point.

    Attributes:
        tau: Kendall's, over the pairs of chunks of one cell that the data can tell apart.
        num_pairs: How many those are, over all cells.
        num_close: How many were recorded, but too close to tell apart.
        error: Largest difference of a recorded chunk's value, in discounted return.
    """

    tau: float
    num_pairs: int
    num_close: int
    error: float

    @property
    def is_right(self) -> bool:
        """Whether order and values are both what they ought to be."""
        return self.tau >= LEAST_TAU and self.error <= LARGEST_ERROR


def check(name: str, *, seed: int = 0, planted: str | None = None, steps: int = 1_500) -> Check:
    """Train one algorithm and compare it with its fixed point.

    Args:
        name: One of `CASES`.
        seed: Of data and training.
        planted: One of `PLANTS`, an error to make; None for none.
        steps: Of training; fewer are enough for some algorithms.

    Raises:
        ConfigError: There is no such algorithm, or error.
    """
    if name not in CASES:
        raise ConfigError(f"--algorithms: expected of {', '.join(CASES)}, got {name!r}")
    if planted is not None and planted not in PLANTS:
        raise ConfigError(f"--plant: expected of {', '.join(PLANTS)}, got {planted!r}")
    case = CASES[name]
    line = Line.of(HORIZON, behaviour=case.behaviour)
    episodes = record(NUM_EPISODES, seed=seed, spread=case.spread, behaviour=case.behaviour)
    plant = Plant() if planted is None else PLANTS[planted]
    with TemporaryDirectory() as directory:
        config = _config(case, Path(directory), seed=seed, steps=steps)
        critic = _train(case, config, episodes, plant)
    found = _values(critic, line, case)
    return _compare(found, _truth(name), _uncertainty(case, line, episodes))


@cache
def _truth(name: str) -> NDArray[np.float64]:
    case = CASES[name]
    return case.truth(Line.of(HORIZON, behaviour=case.behaviour))


def _config(case: Case, directory: Path, *, seed: int, steps: int) -> TrainConfig:
    return TrainConfig(
        dataset=("line",),
        output=directory / "critic",
        algorithm=case.algorithm,  # type: ignore[arg-type]  # one of the literals
        horizon=HORIZON,
        steps=steps,
        batch_size=768,
        seed=seed,
        num_members=2,
        discount=DISCOUNT,
        learning_rate=4e-3,
        target_rate=0.03,
        log_every=steps,
        save_every=steps + 1,
        network=NetworkConfig(encoder_hidden=32, context_dim=16, member_hidden=(64, 64)),
        **{"reward_per": "tick", **case.options},
    )


def _train(case: Case, config: TrainConfig, episodes: Episodes, plant: Plant) -> Critic:
    marked = plant.episodes(episodes)
    if case.draws:
        drawn = draw_candidates(
            episodes,
            num_candidates=NUM_DRAWN,
            horizon=HORIZON,
            seed=config.seed + 1,
            spread=case.spread,
        )
        path = config.output.with_name("candidates.safetensors")
        save_candidates(path, drawn, marked, about={"policy": "behaviour"})
        config = replace(config, candidates=path)
    horizon = config.chunk_horizon
    chunks = build_chunks(
        marked, horizon=horizon, discount=config.tick_discount, worst=config.head_config.v_min
    )
    chunks = plant.chunks(chunks, marked, horizon, case.clock)
    config.training_directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    critic, _ = fit(config, marked, chunks, DatasetSummary())
    return critic


def _values(critic: Critic, line: Line, case: Case) -> NDArray[np.float64]:
    """Return the mean value over members of each chunk in each cell, [S, C]."""
    middle = 1.0 if case.spread == 0.0 else 2 / 3
    chunks = torch.from_numpy((line.chunks * middle).astype(np.float32))[None, :, :, None]
    state = torch.eye(NUM_CELLS, NUM_CELLS + 1)
    with torch.inference_mode():
        values = critic.score(critic.embed({STATE: state}), chunks.expand(NUM_CELLS, -1, -1, -1))
    return np.asarray(values.mean(0).numpy(), np.float64)


def _uncertainty(case: Case, line: Line, episodes: Episodes) -> NDArray[np.float64]:
    """Return the standard error [S, C] that these data leave, infinite where there are none.

    Of what came of a chunk, only draws from different episodes are independent: their number, not
    that of rows, divides the deviation of the return. (What is bootstrapped deviates less.) Of
    pairs, the log odds of a share near one half have the error 2 / sqrt(n).
    """
    count = _num_episodes(episodes, line)
    if case.noise == "none":
        exact = np.zeros(count.shape)
        exact[-1] = np.inf
        return exact
    deviation = line.returned(case.clock)[1] if case.noise == "returns" else np.full(count.shape, 2)
    found: NDArray[np.float64] = np.where(
        count > 0, deviation / np.sqrt(np.maximum(count, 1)), np.inf
    )
    return found


def _num_episodes(episodes: Episodes, line: Line) -> NDArray[np.int64]:
    """Return in how many episodes each chunk was run in each cell, int64 [S, C]."""
    owner = np.repeat(np.arange(len(episodes)), episodes.end - episodes.start)
    thirds = np.floor((episodes.actions[:, 0] + 1) * len(ACTIONS) / 2)
    label = np.clip(thirds, 0, len(ACTIONS) - 1).astype(np.int64)
    digits = len(ACTIONS) ** np.arange(line.horizon)[::-1]
    chunk = label[row_windows(episodes, horizon=line.horizon)] @ digits
    shape = (len(episodes), NUM_CELLS, len(line.chunks))
    ran = np.zeros(shape, np.bool_)
    ran[owner, cells_of(episodes), chunk] = True
    found: NDArray[np.int64] = ran.sum(axis=0)
    return found


def _compare(
    found_SC: NDArray[np.float64], true_SC: NDArray[np.float64], error_SC: NDArray[np.float64]
) -> Check:
    agree: list[float] = []
    close = 0
    for found_C, true_C, error_C in zip(found_SC, true_SC, error_SC, strict=True):
        first, second = np.triu_indices(len(found_C), k=1)
        is_recorded = np.isfinite(error_C[first] + error_C[second])
        first, second = first[is_recorded], second[is_recorded]
        gap = true_C[first] - true_C[second]
        is_clear = np.abs(gap) > 1e-9 + _CLOSE * np.hypot(error_C[first], error_C[second])
        order = np.sign(gap) * np.sign(found_C[first] - found_C[second])
        agree += list(order[is_clear])
        close += int((~is_clear).sum())
    off = np.abs(found_SC - true_SC)[np.isfinite(error_SC)]
    return Check(float(np.mean(agree)), len(agree), close, float(off.max()))
