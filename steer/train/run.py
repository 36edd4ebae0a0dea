"""`steer train`: data in, critic out."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from steer.critics.artefact import load_critic, save_critic
from steer.critics.card import CriticCard, DatasetSummary, SelectionDefaults
from steer.critics.critic import Critic
from steer.critics.encoders.instructions import Instructions
from steer.critics.encoders.language import SentenceEncoder, sentence_digest
from steer.errors import ArtefactError, ConfigError, DatasetError
from steer.train.batches import usable_chunks
from steer.train.config import AUTO, TrainConfig
from steer.train.datasets import Episodes
from steer.train.fit import fit
from steer.train.joined import load_datasets
from steer.train.recipes import RECIPES, kind_of, settled
from steer.train.split import learnt_and_held
from steer.train.targets import Chunks, build_chunks
from steer.train.tasks import check_instructions, first_of_each
from steer.train.visible import seen_chunks

__all__ = ["train"]

logger = logging.getLogger(__name__)


def train(config: TrainConfig) -> CriticCard:
    """Train a critic and save it.

    Returns:
        The critic's card.

    Raises:
        DatasetError: The data cannot be read, or cannot teach what was asked.
        ConfigError: An option makes no sense, or something is in the way at `--output`; nothing has
            been done yet.
        ArtefactError: The critic cannot be written.
    """
    _check_device(config.device)
    _check_output(config)
    torch.set_num_threads(config.threads or 1)
    torch.manual_seed(config.seed)
    episodes = load_datasets(
        config.dataset,
        tasks=config.task,
        success=config.success,
        assume_success=config.assume_success,
        observations=config.observation,
        frames=config.frames,
    )
    episodes = _chosen(episodes, config)
    config, selection = _settled(config, episodes)
    config, episodes = _told(config, episodes)
    _check_horizon(episodes, config)
    _warn_of_outcomes(episodes, config)
    if episodes.pairs is not None:
        used = "learnt from" if config.algorithm == "preference" else "not looked at"
        logger.info("labelled preferences=%d: %s", len(episodes.pairs), used)
    _make_room(config.training_directory)
    learnt, held_out = learnt_and_held(episodes, config)
    chunks = usable_chunks(_chunks(learnt, config), config)
    summary = _summary(config, episodes, learnt, held_out)
    summary = replace(summary, num_chunks=len(chunks))
    logger.info(
        "data task=%r episodes=%d successes=%d chunks=%d held_out=%d",
        episodes.task,
        summary.num_episodes,
        summary.num_successes,
        summary.num_chunks,
        len(held_out),
    )
    config = replace(config, steps=config.steps_for(len(chunks)))
    held = episodes.select(held_out) if config.patience else None
    watched = (held, _chunks(held, config)) if held is not None else None
    critic, last = fit(config, learnt, chunks, summary, held=watched)
    critic.card = replace(critic.card, selection=selection)
    return _saved(config, learnt, critic, last)


def _chunks(episodes: Episodes, config: TrainConfig) -> Chunks:
    chunks = build_chunks(
        episodes,
        horizon=config.chunk_horizon,
        discount=config.tick_discount,
        worst=config.head_config.v_min,
    )
    return seen_chunks(chunks, episodes, looks_ahead=config.looks_ahead)


def _settled(config: TrainConfig, episodes: Episodes) -> tuple[TrainConfig, SelectionDefaults]:
    """Return the options with nothing left open, and how to decide with what comes of them.

    Says what was chosen and why. Other algorithms and rewards make values of other kinds, for which
    no way to decide was tuned.
    """
    recipe, found = RECIPES[kind_of(episodes)], settled(config, episodes)
    if config.algorithm == AUTO:
        logger.info(
            "recipe algorithm=%s reward_per=%s: %s; --algorithm takes another",
            found.algorithm,
            found.reward_per,
            recipe.why,
        )
    is_recipe = (found.algorithm, found.reward_per) == (recipe.algorithm, recipe.reward_per)
    return found, recipe.selection if is_recipe else SelectionDefaults()


def _told(config: TrainConfig, episodes: Episodes) -> tuple[TrainConfig, Episodes]:
    """Return options and episodes with the vectors of instructions, and say what is read.

    Raises:
        ArtefactError: There is no sentence encoder where one was said to be.
        ConfigError: Its vectors are of another length than the network was to read.
        DatasetError: An instruction is empty, or longer than robots can send.
    """
    if not config.reads_instructions:
        return config, episodes
    tasks = episodes.told()
    check_instructions(tasks)
    if len(tasks.distinct) > 1 and config.other_instructions != 0:
        logger.info(
            "instructions=%d tasks=%d: part of each batch is shown with another task's, as a "
            "failure; --other-instructions 0 if several tasks mean the same",
            len(tasks.names),
            len(tasks.distinct),
        )
    if config.sentence_encoder is None:
        return config, episodes
    encoder = SentenceEncoder(config.sentence_encoder, device=config.device)
    if config.network.language_dim not in (0, encoder.size):
        raise ConfigError(
            f"--network.language-dim: expected {encoder.size}, as --sentence-encoder has it, or "
            f"none, got {config.network.language_dim}"
        )
    vectors = Instructions(encoder.size, encoder).vectors(tasks.instructions)
    digest = sentence_digest(config.sentence_encoder)
    network = replace(config.network, language_dim=encoder.size)
    told = replace(tasks, vectors=vectors, encoder=digest)
    return replace(config, network=network), replace(episodes, tasks=told)


def _saved(
    config: TrainConfig, learnt: Episodes, critic: Critic, last: Mapping[str, float]
) -> CriticCard:
    """Write the critic, and return its card."""
    training = json.loads(json.dumps(asdict(config), default=str))
    training["sentence_encoder"] = learnt.told().encoder  # by what it is, not where it was
    if learnt.frames:
        training["seen"] = learnt.views()
    critic.card = replace(critic.card, training={**training, "last": last})
    before = _same_weights(critic, config.output)
    if before is not None:
        # A finished run was resumed: what was found out about these weights still holds.
        found = {name: getattr(before, name) for name in ("audit", "measured", "selection")}
        critic.card = replace(critic.card, **found)
    save_critic(critic, config.output)
    logger.info("wrote critic=%s digest=%s", config.output, critic.digest)
    return critic.card


def _summary(
    config: TrainConfig, episodes: Episodes, learnt: Episodes, held_out: NDArray[np.int64]
) -> DatasetSummary:
    """Say what is learnt from; chunks are counted later."""
    several = episodes.told().distinct
    return DatasetSummary(
        name=", ".join(name.rstrip("/").rpartition("/")[2] for name in config.dataset),
        task=episodes.task,
        instruction=episodes.instruction,
        tasks=several if len(several) > 1 else (),
        fingerprint=episodes.fingerprint(),
        num_episodes=len(learnt),
        num_successes=int(learnt.success.sum()),
        held_out=tuple(int(number) for number in episodes.episode[held_out]),
        learnt=tuple(sorted(set(learnt.digests()))),
        seeds=_seed_range(episodes),
    )


def _chosen(episodes: Episodes, config: TrainConfig) -> Episodes:
    """Return the episodes to learn from.

    Raises:
        DatasetError: There are not so many, or none succeeded.
    """
    tasks = episodes.told()
    fewest = min(len(tasks.named(name)) for name in tasks.distinct)
    if config.episodes is not None and config.episodes > fewest:
        raise DatasetError(
            f"--episodes: expected at most the {fewest} of the dataset, got {config.episodes}"
        )
    first = first_of_each(tasks, config.episodes)
    if config.successes_only:
        first = first[episodes.success[first]]
        if not len(first):
            raise DatasetError("--successes-only: expected episodes that succeeded, got none")
    return episodes if len(first) == len(episodes) else episodes.select(first)


def _seed_range(episodes: Episodes) -> tuple[int, ...]:
    """Return the smallest and the largest seed, or nothing where some are not known."""
    if (episodes.seed < 0).any():
        return ()
    return int(episodes.seed.min()), int(episodes.seed.max())


def _same_weights(critic: Critic, directory: Path) -> CriticCard | None:
    """Return the card of the critic that is there already, if it has these very weights."""
    try:
        there = load_critic(directory)
    except ArtefactError:
        return None
    mine, theirs = critic.state_dict(), there.state_dict()
    if mine.keys() != theirs.keys() or not all(torch.equal(mine[k], theirs[k]) for k in mine):
        return None
    return there.card


def _check_device(device: str) -> None:
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ConfigError(f"--device: expected `cpu` or `cuda`, got {device!r}")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError("--device: expected a CUDA device for 'cuda', got a machine without one")


def _check_horizon(episodes: Episodes, config: TrainConfig) -> None:
    longest, horizon = int((episodes.end - episodes.start).max()), config.chunk_horizon
    if horizon > longest:
        option = "--dqc.long-horizon" if config.algorithm == "dqc" else "--horizon"
        contract = f"at most the longest episode, {longest} ticks"
        raise ConfigError(f"{option}: expected {contract}, got {horizon}")


def _check_output(config: TrainConfig) -> None:
    """Refuse at once what would else be refused after hours, or overwrite somebody's critic."""
    output, state = config.output, config.training_directory / "state.safetensors"
    is_critic = (output / "card.json").exists()
    if is_critic and not (config.resume and state.exists()):
        why = "; the state of its run is gone" if config.resume else ""
        raise ConfigError(
            f"--output: expected a new directory, got {output}, which holds a critic{why}"
        )
    if output.exists() and not is_critic and not (output.is_dir() and not any(output.iterdir())):
        raise ConfigError(
            f"--output: expected a new directory, got {output}, which holds something else"
        )
    if state.exists() and not config.resume:
        raise ConfigError(
            f"--output: a stopped run left its state in {config.training_directory}; go on with "
            "--resume, or delete that directory"
        )
    if config.resume and not state.exists():
        logger.info("nothing to resume in %s; begins anew", config.training_directory)


def _make_room(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--output: expected a place to write to, got {directory}: {error.strerror}"
        ) from error


def _warn_of_outcomes(episodes: Episodes, config: TrainConfig) -> None:
    if not episodes.success.any():
        raise DatasetError(
            f"dataset: expected at least one episode that succeeds, got {len(episodes)} that do not"
        )
    if episodes.success.all():
        given = ", by --assume-success" if config.assume_success else ""
        logger.warning(
            "all %d episodes succeed%s: such data teach how far success is, but not what fails; a "
            "critic of them ranks candidates poorly. Add episodes that failed.",
            len(episodes),
            given,
        )
