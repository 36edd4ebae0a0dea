"""`steer candidates`: what a policy would have done in every recorded state.

Drawn once, they serve every training that asks what else could be done: algorithms that bootstrap
from a choice, or hold down what was not done. With `--edit` what a head makes of each draw stands
beside it, so that the choice in a target is the one on the robot, among originals and edits (EXPO).
Episode by episode, so that a stopped run goes on.

Shape legend: T rows, N candidates, H horizon, A action.
"""

import hashlib
import json
import logging
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from steer.errors import ConfigError, DatasetError
from steer.heads import NumpyHead, load_head
from steer.train.audit_data import Draw, draw_at
from steer.train.candidates import read_about, save_candidates
from steer.train.datasets import Episodes
from steer.train.draw_config import CandidatesConfig
from steer.train.joined import load_datasets
from steer.types import Observation

__all__ = ["CandidatesConfig", "run"]

logger = logging.getLogger(__name__)

_ABOUT = "about.json"


def run(config: CandidatesConfig, draw: Draw, *, digest: str) -> Path:
    """Draw the candidates of all episodes that were not drawn yet, and write them as one file.

    A file that is there is left as it is.

    Args:
        config: What to draw, and where to.
        draw: Of the policy.
        digest: Identity of the policy's checkpoint.

    Returns:
        The file.

    Raises:
        DatasetError: The data cannot be read.
        ConfigError: What a stopped run left, or the file that is there, was drawn from another
            policy, with other options or for other data; or the head edits other chunks.
        ArtefactError: The head cannot be read.
        InvalidInputError: It edits nothing, or the data lack what it sees.
        PolicyError: The policy fails, or is too slow or too short for what was asked.
    """
    # What came of an episode says nothing about what else could have been done in it.
    tasks = (config.task,) if config.task else ()
    episodes = load_datasets(config.dataset, tasks=tasks, assume_success=True)
    head = None if config.edit is None else _head(config.edit, episodes)
    parts = config.output.with_name(config.output.name + ".parts")
    about: dict[str, Any] = {
        "policy": digest,
        "num_candidates": config.num_candidates,
        "horizon": config.horizon,
        "seed": config.seed,
        "data": episodes.fingerprint(),
    }
    if config.edit is not None:
        about["edit"] = f"sha256:{hashlib.sha256(config.edit.read_bytes()).hexdigest()}"
    if config.output.exists():
        _check_same(config.output, about)
        shutil.rmtree(parts, ignore_errors=True)
        sys.stdout.write(f"complete already, and left as it is: {config.output}\n")
        return config.output
    _agree(parts, about)
    for index in tqdm(
        range(len(episodes)), desc=f"candidates {config.output.name}", unit="episode"
    ):
        path = parts / f"{episodes.episode[index]}.npy"
        if not path.exists():
            _write(path, _episode(config, episodes, index, draw, head))
    found = [np.load(parts / f"{number}.npy", allow_pickle=False) for number in episodes.episode]
    drawn: NDArray[np.float32] = np.concatenate(found)
    save_candidates(config.output, drawn, episodes, about=about)
    shutil.rmtree(parts)
    rows, count, horizon, _ = drawn.shape
    sys.stdout.write(f"{rows} states, {count} candidates of {horizon} actions: {config.output}\n")
    return config.output


def _head(path: Path, episodes: Episodes) -> NumpyHead:
    """Return a head that edits chunks of these data's robot."""
    head = NumpyHead(load_head(path))
    if head.card.action_dim != (expected := episodes.actions.shape[1]):
        got = head.card.action_dim
        raise ConfigError(f"--edit: expected a head of {expected} action dimensions, got {got}")
    return head


def _episode(
    config: CandidatesConfig, episodes: Episodes, index: int, draw: Draw, head: NumpyHead | None
) -> NDArray[np.float32]:
    """Return the candidates in every row of an episode, their edits behind them, [t, N, H, A]."""
    first, end = int(episodes.start[index]), int(episodes.end[index])
    chunks = []
    for row in range(first, end):
        drawn = draw_at(
            draw,
            episodes,
            row,
            num_candidates=config.num_candidates,
            horizon=config.horizon,
            seed=_noise(config.seed, episodes, index, row),
        )
        made = [] if head is None else [_edited(head, episodes, row, drawn)]
        chunks.append(np.concatenate([drawn, *made]))
    return np.stack(chunks)


def _edited(
    head: NumpyHead, episodes: Episodes, row: int, drawn_NHA: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return what a head makes of chunks at once; rows beyond its window stay."""
    rows = head.card.window
    if drawn_NHA.shape[1] < rows:
        got = drawn_NHA.shape[1]
        raise ConfigError(f"--edit: expected chunks of at least {rows} actions, got {got}")
    seen = Observation({key: value[row] for key, value in episodes.observations.items()})
    made_NHA = drawn_NHA.copy()
    made_NHA[:, :rows] = head.windows(seen, drawn_NHA[:, :rows], gone=0)
    return made_NHA


def _noise(seed: int, episodes: Episodes, index: int, row: int) -> int:
    """Return the seed of one state's draws: the same however the run was stopped."""
    text = f"{seed}:{episodes.episode[index]}:{row - episodes.start[index]}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def _check_same(path: Path, about: Mapping[str, Any]) -> None:
    """Refuse to overwrite a file that is not what this run would write."""
    try:
        odd = _odd(read_about(path), about)
    except DatasetError as error:
        raise ConfigError(
            f"--output: expected a new file, got one of something else: {error}"
        ) from error
    if odd:
        raise ConfigError(
            f"--output: expected a new file, got {path}, which was drawn with another {odd}; "
            "delete it to draw anew"
        )


def _odd(known: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    names = {*known, *about}
    return ", ".join(sorted(name for name in names if known.get(name) != about.get(name)))


def _agree(parts: Path, about: Mapping[str, Any]) -> None:
    """Make the directory of the parts, or check that what is there belongs to this run."""
    path = parts / _ABOUT
    if not path.exists():
        parts.mkdir(parents=True, exist_ok=True)
        _write_text(path, json.dumps(about))
        return
    odd = _odd(json.loads(path.read_text()), about)
    if odd:
        raise ConfigError(
            f"{parts}: expected what a run with these options left, got another {odd}; delete that "
            "directory to begin anew"
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
