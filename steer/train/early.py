"""Ending a training once the audit's data say that it only gets worse.

Shape legend: K members, B states.
"""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from scipy.stats import rankdata

from steer.errors import ConfigError
from steer.train.algorithms.base import Learner
from steer.train.batches import Batches
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes
from steer.train.targets import Chunks

__all__ = ["EarlyStop"]

logger = logging.getLogger(__name__)

_FILE = "best.safetensors"
_BATCHES = 4
_FIRST = 2**31
"""Numbers of the batches that are held out: no step has one of them."""


class EarlyStop:
    """Watches how a critic orders chunks that it does not learn from, and keeps the best one.

    What is watched is Spearman's correlation of the members' mean value with the return that really
    came, over chunks of the episodes that are kept for the audit: it means the same for algorithms
    whose values are returns and for those whose values are only an order.

    Args:
        learner: In training.
        chunks: Of the held-out episodes.
        episodes: Those.
        config: Of the run; its `patience` is how many checks may bring nothing new.
    """

    def __init__(
        self, learner: Learner, chunks: Chunks, episodes: Episodes, config: TrainConfig
    ) -> None:
        self._critic, self._config = learner.critic, config
        self._path = config.training_directory / _FILE
        # A learner that asks for nothing: only observations, chunks and returns are looked at.
        held = Batches(chunks, episodes, config, Learner(learner.critic, target_rate=0.5))
        self._batches = [held.of(_FIRST + number) for number in range(_BATCHES)]
        self._best, self._best_step = -np.inf, 0

    def resume(self, step: int) -> bool:
        """Go on from what a stopped run had found by `step`; return whether it was over then.

        Raises:
            ConfigError: The file is damaged.
        """
        if not step or not self._path.exists():
            return False
        try:
            with safe_open(self._path, framework="pt") as file:
                found = file.metadata() or {}
            best, best_step = float(found["best"]), int(found["step"])
        except (SafetensorError, KeyError, ValueError) as error:
            raise ConfigError(f"{self._path}: expected the best weights, got {error!r}") from error
        if best_step <= step:  # else of steps that are done again
            self._best, self._best_step = best, best_step
        return self._is_over(step)

    def check(self, step: int) -> tuple[float, bool]:
        """Return how well the critic orders what it does not know, and whether to end.

        Args:
            step: Steps done; the weights are kept where they are the best so far.

        Raises:
            OSError: The disk refused them.
        """
        order = self._order()
        if order > self._best:
            self._best, self._best_step = order, step
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_name(_FILE + ".partial")
            state = {name: t.detach().contiguous() for name, t in self._critic.state_dict().items()}
            save_file(state, fresh, metadata={"best": repr(order), "step": str(step)})
            fresh.replace(self._path)
        return order, self._is_over(step)

    def restore(self) -> None:
        """Give the critic the best weights."""
        if not self._best_step:
            return
        with safe_open(self._path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self._critic.load_state_dict(state)
        logger.info("kept the weights of step=%d held_out_order=%.3f", self._best_step, self._best)

    def _is_over(self, step: int) -> bool:
        waited = (step - self._best_step) // self._config.save_every
        return bool(self._best_step) and waited >= self._config.patience

    def _order(self) -> float:
        values, returns = [], []
        with torch.no_grad():
            for batch in self._batches:
                context_BD = self._critic.embed(batch.observations)
                value_KB1 = self._critic.score(context_BD, batch.chunks_BHA.unsqueeze(1))
                values.append(value_KB1.mean((0, 2)).cpu().numpy())
                returns.append(batch.monte_carlo_B.cpu().numpy())
        return _correlation(np.concatenate(values), np.concatenate(returns))


def _correlation(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Return Spearman's correlation; 0 where one of them is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
