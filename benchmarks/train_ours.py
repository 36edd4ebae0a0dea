"""Times steps of our IQL trainer, on random episodes: the counterpart of `train_peer.py`.

    python -m benchmarks.train_ours '{"hidden": [512, 512], ...}'

A step is the trainer's own: batch, losses, backward, Adam, target networks. `"way"` is `plain` (the
default, and what `steer train` does), `bfloat16` or `compile`, see `benchmarks.train_ways`. Speaks
on stdin and stdout as `train_peer.py` does.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.train_peer import answer
from sim.interrupt import run
from steer.critics.card import DatasetSummary, NetworkConfig
from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.train.algorithms.base import Learner
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes
from steer.train.fit import make_trainer
from steer.train.targets import build_chunks
from steer.train.trainer import Trainer

__all__ = ["main", "make_random_episodes", "make_random_trainer", "steps_of"]

WARM_STEPS = 5
NUM_EPISODES, NUM_TICKS = 100, 100


def make_random_episodes(case: Mapping[str, Any]) -> Episodes:
    """Return episodes of noise, of which every other one succeeds."""
    rng = np.random.default_rng(0)
    total = NUM_EPISODES * NUM_TICKS
    end = np.arange(1, NUM_EPISODES + 1) * NUM_TICKS
    is_success, is_timeout = np.zeros(total, np.bool_), np.zeros(total, np.bool_)
    is_success[end[::2] - 1] = True
    is_timeout[end[1::2] - 1] = True
    field = ObservationField(name="observation.state", dtype="float32", shape=(case["state"],))
    names = [f"a{index}" for index in range(case["action_dim"])]
    actions = tuple(ActionDim(name=name, low=-1.0, high=1.0) for name in names)
    return Episodes(
        embodiment=Embodiment(
            name="noise", control_hz=10.0, actions=actions, observations=(field,)
        ),
        task="noise",
        instruction="",
        observations={field.name: rng.normal(size=(total, case["state"])).astype(np.float32)},
        actions=rng.uniform(-1, 1, (total, case["action_dim"])).astype(np.float32),
        is_success=is_success,
        is_timeout=is_timeout,
        start=end - NUM_TICKS,
        end=end,
        episode=np.arange(NUM_EPISODES),
        seed=np.full(NUM_EPISODES, -1),
        noise=np.full(NUM_EPISODES, np.nan, np.float32),
    )


def make_random_trainer(case: Mapping[str, Any]) -> tuple[Trainer, Learner]:
    """Return a trainer of IQL on such episodes, and what it trains."""
    config = TrainConfig(
        dataset=("noise",),
        output=Path("noise"),  # never written: only steps are done
        algorithm="iql",
        reward_per="tick",
        horizon=case["horizon"],
        batch_size=case["batch_size"],
        num_members=case["members"],
        discount=case["discount"],
        head=case["head"],
        network=NetworkConfig(member_hidden=tuple(case["hidden"])),
    )
    episodes = make_random_episodes(case)
    chunks = build_chunks(
        episodes,
        horizon=config.horizon,
        discount=config.discount,
        worst=config.head_config.v_min,
    )
    torch.manual_seed(config.seed)
    learner, trainer = make_trainer(config, episodes, chunks, DatasetSummary())
    return trainer, learner


def steps_of(trainer: Trainer, learner: Learner, way: str) -> Callable[[int], object]:
    """Return the step of a trainer, done in a way.

    Args:
        trainer: With the learner.
        learner: Whose losses are compiled.
        way: `plain`, `bfloat16` (products of matrices, the weights stay float32) or `compile`.
    """
    if way == "compile":
        learner.loss = torch.compile(learner.loss)  # type: ignore[method-assign]  # of this one
    if way != "bfloat16":
        return trainer.step

    def step(number: int) -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return trainer.step(number)

    return step


def main() -> None:
    """Build, say so, and answer until stdin ends."""
    case = json.loads(sys.argv[1])
    torch.set_num_threads(case["cores"])
    trainer, learner = make_random_trainer(case)
    step, done = steps_of(trainer, learner, case.get("way", "plain")), 0
    parameters = sum(item.numel() for item in learner.parameters() if item.requires_grad)

    def update(count: int) -> None:
        nonlocal done
        for _ in range(count):
            step(done)
            done += 1

    update(WARM_STEPS)
    answer(update, {"parameters": parameters, "library": f"torch {torch.__version__}"})


if __name__ == "__main__":
    run(main)
