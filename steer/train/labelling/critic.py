"""A critic that labels: what it sees of a recording, and its values of chunks there.

Shape legend: T frames of all episodes, R some of them, N candidates, H horizon, A action,
K members.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from steer.critics.artefact import load_critic
from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.critics.encoding import INSTRUCTION
from steer.errors import ConfigError, DatasetError
from steer.train.labelling.recording import Recording
from steer.train.lerobot_v3 import find_task, read_embodiment, vector_keys
from steer.train.tasks import Tasks, vectors_for

__all__ = ["LabellingCritic", "open_critic"]

_BATCH = 1024


@dataclass(frozen=True, slots=True, eq=False)
class LabellingCritic:
    """A critic and the recording that it labels.

    Attributes:
        critic: In evaluation mode.
        task: Name of the task that it labels.
        observed: What it sees of each frame, by key, float32 of shape [T, *shape].
        source: The critic in words, for the label.
    """

    critic: Critic
    task: str
    observed: Mapping[str, NDArray[np.float32]]
    source: str

    def values(
        self, rows: NDArray[np.int64], chunks_RNHA: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return each member's value of each chunk, [K, R, N], in discounted return.

        Args:
            rows: int64 [R], frames of the recording.
            chunks_RNHA: What would be done from each, in robot units.
        """
        found = []
        for part in np.array_split(np.arange(len(rows)), max(1, len(rows) // _BATCH)):
            seen = {key: torch.from_numpy(v[rows[part]]) for key, v in self.observed.items()}
            with torch.inference_mode():
                context = self.critic.embed(seen)
                value_KRN = self.critic.score(context, torch.from_numpy(chunks_RNHA[part]))
            found.append(value_KRN.numpy())
        joined: NDArray[np.float64] = np.concatenate(found, axis=1).astype(np.float64)
        return joined


def open_critic(
    recording: Recording, directory: Path, *, option: str, task: str | None
) -> LabellingCritic:
    """Load a critic that can label a recording.

    Args:
        recording: What is labelled.
        directory: Of the critic.
        option: Which gave it, for the errors: `--progress.critic`.
        task: That was asked for; None for the only one.

    Raises:
        ConfigError: There is no critic, or it looks at images or points or reads the vectors of a
            sentence encoder, which are not here.
        ArtefactError: The critic cannot be loaded.
        DatasetError: The data are not of its robot or task, or lack what it looks at.
    """
    if not (directory / "card.json").is_file():
        raise ConfigError(
            f"{option}: expected the directory of a critic, got {directory}, which has no "
            f"card.json; train one with `steer train`, and give it with {option} DIR"
        )
    critic = load_critic(directory)
    card = critic.card
    _check_senses(card, directory, option)
    name, instruction, _ = find_task(recording.root, recording.extra, task)
    _check_robot(recording, card, name)
    num_frames = int(recording.end[-1])
    observed = {
        item.name: recording.column(item.name).astype(np.float32).reshape(num_frames, *item.shape)
        for item in card.embodiment.observations
    }
    if card.network.language_dim:
        told = Tasks(names=(name,), instructions=(instruction,), of=np.zeros(0, np.int64))
        vector_1L = vectors_for(told, size=card.network.language_dim, encoder="")
        observed[INSTRUCTION] = np.broadcast_to(vector_1L, (num_frames, vector_1L.shape[1]))
    return LabellingCritic(critic, name, observed, f"the critic {directory}, {critic.digest}")


def _check_senses(card: CriticCard, directory: Path, option: str) -> None:
    """Refuse a critic that needs more than the columns of the recording."""
    looked = [repr(item.name) for item in card.embodiment.observations if len(item.shape) > 1]
    if looked:
        raise ConfigError(
            f"{option}: expected a critic that sees vectors alone, got {directory}, which looks at "
            f"{', '.join(looked)}; `steer label` has no images or points to show it"
        )
    if card.sentence_encoder:
        raise ConfigError(
            f"{option}: expected a critic that hashes its instruction, got {directory}, which "
            "reads a sentence encoder's vectors; `steer label` has no --sentence-encoder"
        )


def _check_robot(recording: Recording, card: CriticCard, task: str) -> None:
    """Refuse data of another robot or task than the critic's."""
    keys = tuple(item.name for item in card.embodiment.observations)
    found = read_embodiment(
        recording.info, recording.extra, vector_keys(recording.root, recording.features, keys)
    )
    misfits = found.differences(card.embodiment)
    if card.dataset.task and task not in (card.dataset.tasks or (card.dataset.task,)):
        misfits = [f"task: expected {card.dataset.task!r}, got {task!r}", *misfits]
    if misfits:
        raise DatasetError(
            f"{recording.root}: expected the robot and task of the critic: {'; '.join(misfits)}"
        )
