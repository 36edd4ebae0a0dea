"""`steer novelty`: from a critic and episodes to how new a chunk is in a state.

Shape legend: M pairs of observation and chunk, H horizon, A action, D context, J = D + H x A.
"""

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from steer.critics.artefact import load_critic
from steer.errors import ConfigError
from steer.rank.scorers.novelty import NOVELTY_FILE, Novelty, pair_features
from steer.train.audit_data import Questions, contexts
from steer.train.critic_data import load_for
from steer.train.novelty_config import NoveltyFitConfig
from steer.train.targets import build_chunks
from steer.train.visible import seen_chunks

__all__ = ["run"]

logger = logging.getLogger(__name__)

_MAX_ASKED = 4096


def run(config: NoveltyFitConfig) -> Novelty:
    """Fit a novelty on all chunks that the data could teach the critic, and write it beside it.

    Returns:
        What was written.

    Raises:
        ArtefactError: The critic cannot be loaded, or the file not be written.
        ConfigError: Options do not go together.
        DatasetError: The data cannot be read, lack what the critic sees, or hold no whole chunk.
    """
    torch.set_num_threads(config.threads)
    critic = load_critic(config.critic)
    card = critic.card
    if card.sentence_encoder:
        raise ConfigError(
            f"--critic: expected one that hashes its instruction, got {config.critic}, which reads "
            "a sentence encoder's vectors; novelty cannot be fitted for those yet"
        )
    episodes = load_for(
        [card],
        config.dataset,
        tasks=(config.task,) if config.task else (),
        success=config.success,
        assume_success=config.assume_success,
        frames=config.frames,
    )
    chunks = build_chunks(episodes, horizon=card.horizon, discount=card.discount)
    chunks = seen_chunks(chunks, episodes, looks_ahead=False)
    questions = Questions(critic, episodes, chunks)
    with tqdm(total=len(chunks), desc="observations", mininterval=1.0) as bar:
        context_MD = contexts(questions, chunks.row, on_batch=bar.update)
    chunk_MHA = episodes.actions[chunks.action_rows]
    feature_MJ = pair_features(context_MD, chunk_MHA, card.embodiment)
    about = {
        "task": episodes.task,
        "fingerprint": episodes.fingerprint(),
        "num_episodes": len(episodes),
        "num_pairs": len(chunks),
        "seed": config.seed,
    }
    with tqdm(total=config.fit.num_steps, desc="novelty", mininterval=1.0) as bar:
        novelty = Novelty.fit(
            feature_MJ, seed=config.seed, config=config.fit, about=about, on_step=bar.update
        )
    _tell(novelty, feature_MJ, context_dim=context_MD.shape[1], seed=config.seed)
    path = config.critic / NOVELTY_FILE
    novelty.save(path, critic=card.weights_sha256)
    logger.info("wrote novelty=%s pairs=%d episodes=%d", path, len(chunks), len(episodes))
    return novelty


def _tell(
    novelty: Novelty, feature_MJ: NDArray[np.float32], *, context_dim: int, seed: int
) -> None:
    """Say how new the data's own pairs are, and the same chunks in other states of the data."""
    rng = np.random.default_rng(seed)
    asked = rng.permutation(len(feature_MJ))[:_MAX_ASKED]
    own_MJ = feature_MJ[asked]
    other_MJ = own_MJ.copy()
    other_MJ[:, context_dim:] = np.roll(own_MJ[:, context_dim:], 1, axis=0)
    own, other = (float(np.median(novelty.novelty(item))) for item in (own_MJ, other_MJ))
    logger.info("novelty own=%.3g swapped=%.3g: medians of 1 / count", own, other)
    if not own < other:
        logger.warning(
            "novelty: expected chunks in the states of others to be newer than in their own, got "
            "%.3g and %.3g; it tells little apart: take more --fit.num-steps, or more data",
            other,
            own,
        )
