"""Training of a forecast: what is observed a tick after an action.

Shape legend: T rows of all episodes, B of them in a batch, O numbers of an observation, A action, S
ticks ahead.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from steer.forecast import Forecast
from steer.heads import HeadCard
from steer.train.datasets import Episodes
from steer.train.deviations import deviations
from steer.train.head_config import HeadConfig
from steer.train.head_network import HeadNetwork
from steer.types import Observation

__all__ = ["AHEAD", "fit_forecast", "observed", "worst_difference"]

AHEAD = 5
"""Ticks that a forecast learns to see ahead, run again on what it has foreseen."""
_FLOOR = 1e-4
"""Least deviation of a change, in its unit: what never changes is not blown up."""


def observed(episodes: Episodes, keys: tuple[str, ...]) -> NDArray[np.float32]:
    """Return the vectors of all rows one behind the other, [T, O]."""
    flat = [episodes.observations[key].reshape(len(episodes.actions), -1) for key in keys]
    return np.concatenate(flat, axis=1)


def _begins(episodes: Episodes, which: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that have `AHEAD` more behind them in their episode."""
    spans = [np.arange(episodes.start[i], episodes.end[i] - AHEAD) for i in which]
    return np.concatenate([*spans, np.zeros(0, np.int64)])


def fit_forecast(
    config: HeadConfig,
    card: HeadCard,
    statistics: dict[str, NDArray[np.float32]],
    episodes: Episodes,
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[HeadNetwork, str]:
    """Train a forecast; return it, and what it is worth on episodes that were held out.

    Args:
        config: Of the training.
        card: Of the head.
        statistics: Of observations and actions.
        episodes: All of them.
        split: Positions of those to learn from, and of the others.
    """
    seen_TO = observed(episodes, card.keys)
    learn, held = (_begins(episodes, which) for which in split)
    change_TO = seen_TO[learn + 1] - seen_TO[learn]
    scale = {
        "change_mean": change_TO.mean(0),
        "change_std": np.maximum(change_TO.std(0), _FLOOR),
    }
    network = HeadNetwork(card, {**statistics, **scale}, hidden=config.hidden)
    seen, actions = torch.from_numpy(seen_TO), torch.from_numpy(episodes.actions)
    weight_O = 1 / torch.from_numpy(scale["change_std"].astype(np.float32))
    optimiser = torch.optim.Adam(network.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, config.steps)
    rng = np.random.default_rng(config.seed)
    with tqdm(total=config.steps, desc="forecast", mininterval=1.0) as bar:
        for _ in range(config.steps):
            row_B = torch.from_numpy(learn[rng.integers(len(learn), size=config.batch_size)])
            now_BO, loss = seen[row_B], torch.zeros(())
            for tick in range(AHEAD):
                now_BO = network.ahead(now_BO, actions[row_B + tick])
                missed_BO = (now_BO - seen[row_B + tick + 1]) * weight_O
                loss = loss + torch.nn.functional.huber_loss(missed_BO, torch.zeros_like(missed_BO))
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            bar.update()
            if bar.n % 100 == 0:
                bar.set_postfix(loss=f"{loss.item() / AHEAD:.4g}", refresh=False)
    return network, _worth(network, seen, actions, held)


@torch.no_grad()
def _worth(network: HeadNetwork, seen: Tensor, actions: Tensor, rows: NDArray[np.int64]) -> str:
    """Return the error ahead beside that of taking nothing to change, in words."""
    row_B = torch.from_numpy(rows)
    now_BO = seen[row_B]
    for tick in range(AHEAD):
        now_BO = network.ahead(now_BO, actions[row_B + tick])
    then_BO, std_O = seen[row_B + AHEAD], torch.from_numpy(deviations(seen.numpy()))
    missed, stood = (
        ((item - then_BO) / std_O).abs().mean().item() for item in (now_BO, seen[row_B])
    )
    return (
        f"held out, {AHEAD} ticks ahead, off by {missed:.4f} deviations on average, "
        f"{stood:.4f} if nothing changed"
    )


@torch.no_grad()
def worst_difference(network: HeadNetwork, episodes: Episodes, rows: NDArray[np.int64]) -> float:
    """Return by how much NumPy and torch differ at most over some rows, in deviations."""
    forecast = Forecast(network.head())
    keys = network.card.keys
    seen = torch.from_numpy(observed(episodes, keys))
    std_O = deviations(seen.numpy())
    worst = 0.0
    for row in rows:
        vectors = {key: episodes.observations[key][row] for key in keys}
        actions_TA = episodes.actions[row : row + 1]
        found = forecast.ahead(Observation(vectors), actions_TA)[-1].arrays
        flat = np.concatenate([np.asarray(found[key]).reshape(-1) for key in keys])
        wanted = network.ahead(seen[row : row + 1], torch.from_numpy(actions_TA))[0].numpy()
        worst = max(worst, float((np.abs(flat - wanted) / std_O).max()))
    return worst
