"""From chunks to a critic: networks, algorithm, loop."""

from collections.abc import Callable, Mapping
from importlib.metadata import version

import torch

from steer import __version__
from steer.clock import MonotonicClock
from steer.critics.card import CriticCard, DatasetSummary
from steer.critics.critic import Critic
from steer.critics.encoding import kind_of
from steer.train.algorithms.aloe import Aloe
from steer.train.algorithms.base import Learner
from steer.train.algorithms.cal_ql import CalQl
from steer.train.algorithms.dqc import Dqc
from steer.train.algorithms.iql import Iql
from steer.train.algorithms.preference import Preference
from steer.train.algorithms.qc import Qc
from steer.train.algorithms.ravl import Ravl
from steer.train.algorithms.sarsa import Sarsa
from steer.train.algorithms.vgas import Vgas
from steer.train.config import TrainConfig
from steer.train.datasets import Episodes
from steer.train.early import EarlyStop
from steer.train.pace import fastest_threads
from steer.train.targets import Chunks
from steer.train.trainer import Trainer

__all__ = ["ALGORITHMS", "fit", "make_trainer"]

_FITTED = 1024
"""Clouds that centre and scale are taken from."""
_PACKAGES = ("torch", "numpy", "safetensors")


def fit(
    config: TrainConfig,
    episodes: Episodes,
    chunks: Chunks,
    summary: DatasetSummary,
    *,
    held: tuple[Episodes, Chunks] | None = None,
) -> tuple[Critic, dict[str, float]]:
    """Train a critic on chunks.

    Args:
        config: Of the run; its `steps` are those that are done.
        episodes: That the chunks point into.
        chunks: Of `config.chunk_horizon` actions.
        summary: For the card.
        held: Episodes and chunks that are not learnt from; needed where `config.patience` is set.

    Returns:
        The critic on the CPU, ready to score, and the last point of the curve.
    """
    if not config.threads:
        with torch.random.fork_rng(devices=[]):
            _, trial = make_trainer(config, episodes, chunks, summary)
            fastest_threads(trial.step, now_s=MonotonicClock().now_s)
    learner, trainer = make_trainer(config, episodes, chunks, summary)
    watch = None
    if config.patience and held is not None:
        watch = EarlyStop(learner, held[1], held[0], config)
    last = trainer.run(watch)
    return learner.critic.cpu().eval(), last


def make_trainer(
    config: TrainConfig, episodes: Episodes, chunks: Chunks, summary: DatasetSummary
) -> tuple[Learner, Trainer]:
    """Return what `fit` trains, with weights from torch's present seed, and what trains it."""
    learner = _LEARNERS[config.algorithm](
        _build_critic(config, episodes, summary),
        getattr(config, config.algorithm),
        target_rate=config.target_rate,
    )
    return learner, Trainer(learner, chunks, episodes, config)


def _build_critic(config: TrainConfig, episodes: Episodes, summary: DatasetSummary) -> Critic:
    card = CriticCard(
        algorithm=config.algorithm,
        embodiment=episodes.embodiment,
        horizon=config.horizon,
        num_members=config.num_members,
        network=config.network,
        head=config.head_config,
        discount=config.tick_discount,
        dataset=summary,
        versions={"steer": __version__, **{name: version(name) for name in _PACKAGES}},
        sentence_encoder=episodes.told().encoder,
    )
    critic = Critic(card)
    points = {
        key: value.sample(_FITTED)
        for key, value in episodes.frames.items()
        if kind_of(value.field) == "points"  # images are not normalised
    }
    critic.fit_normalisation(
        {key: torch.from_numpy(v) for key, v in {**episodes.observations, **points}.items()},
        torch.from_numpy(episodes.actions),
    )
    return critic.train()


_LEARNERS: Mapping[str, Callable[..., Learner]] = {
    "aloe": Aloe,
    "cal_ql": CalQl,
    "dqc": Dqc,
    "iql": Iql,
    "preference": Preference,
    "qc": Qc,
    "ravl": Ravl,
    "sarsa": Sarsa,
    "vgas": Vgas,
}

ALGORITHMS = tuple(_LEARNERS)
"""Their names."""
