"""`steer candidates`: what a policy would have done in every recorded state.

Drawn once, they serve every training that asks what else could be done: algorithms that bootstrap
from a choice, or hold down what was not done. Episode by episode, so that a stopped run goes on.

Shape legend: T rows, N candidates, H horizon, A action.
"""

import hashlib
import json
import logging
import shutil
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steer.errors import ConfigError, DatasetError
from steer.train.audit_data import Draw
from steer.train.candidates import save_candidates
from steer.train.datasets import Episodes
from steer.train.draw_config import CandidatesConfig
from steer.train.joined import load_datasets

__all__ = ["CandidatesConfig", "run"]

logger = logging.getLogger(__name__)

_ABOUT = "about.json"


def run(config: CandidatesConfig, draw: Draw) -> Path:
    """Draw the candidates of all episodes that were not drawn yet, and write them as one file.

    Args:
        config: What to draw, and where to.
        draw: Of the policy.

    Returns:
        The file.

    Raises:
        DatasetError: The data cannot be read.
        ConfigError: What a stopped run left was drawn with other options or for other data.
        PolicyError: The policy fails.
    """
    episodes = load_datasets(config.dataset, tasks=(config.task,) if config.task else ())
    parts = config.output.with_name(config.output.name + ".parts")
    _agree(parts, config, episodes)
    for index in tqdm(
        range(len(episodes)), desc=f"candidates {config.output.name}", unit="episode"
    ):
        path = parts / f"{episodes.episode[index]}.npy"
        if not path.exists():
            _write(path, _episode(config, episodes, index, draw))
    found = [np.load(parts / f"{number}.npy", allow_pickle=False) for number in episodes.episode]
    drawn: NDArray[np.float32] = np.concatenate(found)
    save_candidates(config.output, drawn, episodes, policy=config.policy)
    shutil.rmtree(parts)
    rows, count, horizon, _ = drawn.shape
    sys.stdout.write(f"{rows} states, {count} candidates of {horizon} actions: {config.output}\n")
    return config.output


def _episode(
    config: CandidatesConfig, episodes: Episodes, index: int, draw: Draw
) -> NDArray[np.float32]:
    """Return the candidates in every row of an episode, float32 [t, N, H, A]."""
    first, end = int(episodes.start[index]), int(episodes.end[index])
    chunks = []
    for row in range(first, end):
        history = {key: value[first : row + 1] for key, value in episodes.observations.items()}
        drawn = draw(history, config.num_candidates, _noise(config.seed, episodes, index, row))
        if len(drawn) < config.num_candidates:
            wanted = f"{config.num_candidates} candidates"
            raise DatasetError(f"policy: expected {wanted} in time, got {len(drawn)}")
        chunks.append(drawn[:, : config.horizon])
    return np.stack(chunks)


def _noise(seed: int, episodes: Episodes, index: int, row: int) -> int:
    """Return the seed of one state's draws: the same however the run was stopped."""
    text = f"{seed}:{episodes.episode[index]}:{row - episodes.start[index]}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _agree(parts: Path, config: CandidatesConfig, episodes: Episodes) -> None:
    """Make the directory of the parts, or check that what is there belongs to this run."""
    about = {
        "policy": config.policy,
        "num_candidates": config.num_candidates,
        "horizon": config.horizon,
        "seed": config.seed,
        "data": episodes.fingerprint(),
    }
    path = parts / _ABOUT
    if not path.exists():
        parts.mkdir(parents=True, exist_ok=True)
        _write_text(path, json.dumps(about))
        return
    known = json.loads(path.read_text())
    odd = sorted(name for name in about if known.get(name) != about[name])
    if odd:
        raise ConfigError(
            f"{parts}: expected what a run with these options left, got another {', '.join(odd)}; "
            "delete that directory to begin anew"
        )
    logger.info("going on with %d episodes drawn", len(list(parts.glob("*.npy"))))


def _write(path: Path, array: NDArray[np.float32]) -> None:
    fresh = path.with_name(path.name + ".partial")
    with fresh.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    fresh.replace(path)


def _write_text(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".partial")
    fresh.write_text(text)
    fresh.replace(path)
