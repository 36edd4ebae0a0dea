"""Progress: `steer.progress` of each frame, 0 far from success and 1 at it, from a model.

Shape legend: T frames of all episodes, F frames that are labelled, K members, H horizon.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from steer.critics.artefact import load_critic
from steer.critics.critic import Critic
from steer.critics.encoding import INSTRUCTION
from steer.errors import ConfigError, DatasetError
from steer.train.label_config import ProgressConfig
from steer.train.labelling.label import Label, Number, auc_at_end, order_in_time
from steer.train.labelling.models import model_progress
from steer.train.labelling.recording import Recording
from steer.train.lerobot_v3 import find_task, read_embodiment, vector_keys
from steer.train.tasks import Tasks, vectors_for

__all__ = ["label_progress"]

_BATCH = 1024
_APART = 0.2
"""Members disagree on a frame where their progress differs by more."""


def label_progress(
    recording: Recording,
    config: ProgressConfig,
    success: NDArray[np.bool_] | None,
    *,
    task: str | None,
) -> Label:
    """Label every asked-for frame with what a model says of it.

    Args:
        recording: What to label.
        config: With the path of a critic or of a model of lerobot.
        success: Outcomes of all episodes, bool [E]; None where they are not known.
        task: That was asked for.

    Returns:
        `steer.progress`, with how far it rises along the episodes that succeeded (along all where
        none is known to), how well its end tells success from failure, and for a critic of several
        members the frames on which they disagree.

    Raises:
        ConfigError: Nothing is at the path, or a value is not one of the model's range.
        ArtefactError: The critic cannot be loaded.
        DatasetError: The data are not of the model's robot or task, or lack what it looks at.

    References:
        Ma et al., Generative Value Learning, 2024: the order of values in time as a measure of
        quality. Differs: values of a critic, or of a reward model, and no language model shuffles.
    """
    asked = recording.asked_frames
    apart: dict[str, Number] = {}
    if config.critic is not None:
        values_KF, source = _by_critic(recording, config.critic, task)
        if len(values_KF) > 1:
            num_apart = int((np.ptp(values_KF, axis=0) > _APART).sum())
            apart = {"members": len(values_KF), "frames_members_apart": num_apart}
        labelled = values_KF.mean(axis=0)
    else:
        assert config.model is not None
        if not (config.model / "config.json").is_file():
            raise ConfigError(
                f"--progress.model: expected a directory with a reward model of lerobot, got "
                f"{config.model}, which has no config.json; give it with --progress.model DIR"
            )
        labelled, source = model_progress(recording, config.model, device=config.device)
    values = np.full(len(asked), np.nan)
    values[asked] = labelled
    numbers: dict[str, Number] = {
        "episodes": int(recording.is_asked.sum()),
        "frames": int(asked.sum()),
        "mean": float(labelled.mean()),
        **order_in_time(values, recording, success),
        **auc_at_end(values, recording, success),
        **apart,
    }
    column = recording.spread("steer.progress", values.astype(np.float32), asked)
    return Label(
        kind="progress", source=source, columns={"steer.progress": column}, numbers=numbers
    )


def _by_critic(
    recording: Recording, directory: Path, task: str | None
) -> tuple[NDArray[np.float64], str]:
    """Return each member's value of what was run, as a share of its range, [K, F]; and the source.

    That share is the discount to the power of the ticks left: 1 at success, 0 for ever without.
    """
    if not (directory / "card.json").is_file():
        raise ConfigError(
            f"--progress.critic: expected the directory of a critic, got {directory}, which has no "
            "card.json; train one with `steer train`, and give it with --progress.critic DIR"
        )
    critic = load_critic(directory)
    card = critic.card
    keys = tuple(item.name for item in card.embodiment.observations)
    name, instruction, _ = find_task(recording.root, recording.extra, task)
    found = read_embodiment(
        recording.info, recording.extra, vector_keys(recording.root, recording.features, keys)
    )
    misfits = found.differences(card.embodiment)
    if card.dataset.task and name not in (card.dataset.tasks or (card.dataset.task,)):
        misfits = [f"task: expected {card.dataset.task!r}, got {name!r}", *misfits]
    if misfits:
        raise DatasetError(
            f"{recording.root}: expected the robot and task of the critic: {'; '.join(misfits)}"
        )
    told = Tasks(names=(name,), instructions=(instruction,), of=np.zeros(0, np.int64))
    values = _executed(critic, recording, told)
    share = (values - card.head.v_min) / (card.head.v_max - card.head.v_min)
    if not np.isfinite(share).all():
        raise DatasetError(f"{recording.root}: expected finite observations, got NaN or Inf")
    return np.clip(share, 0.0, 1.0), f"the critic {directory}, {critic.digest}"


def _executed(critic: Critic, recording: Recording, told: Tasks) -> NDArray[np.float64]:
    """Return each member's value of what was run from each frame, [K, F].

    Where fewer actions than the critic's horizon were left, the last one is repeated.
    """
    rows = np.flatnonzero(recording.asked_frames)
    last = recording.end[recording.owner] - 1
    actions = recording.column("action").astype(np.float32)
    actions = actions.reshape(len(last), -1)
    observed = {
        item.name: recording.column(item.name).astype(np.float32).reshape(len(last), *item.shape)
        for item in critic.card.embodiment.observations
    }
    if critic.card.network.language_dim:
        size, encoder = critic.card.network.language_dim, critic.card.sentence_encoder
        vector_1L = vectors_for(told, size=size, encoder=encoder)
        observed[INSTRUCTION] = np.broadcast_to(vector_1L, (len(last), vector_1L.shape[1]))
    found = []
    for part in np.array_split(rows, max(1, len(rows) // _BATCH)):
        ahead = np.arange(critic.card.horizon)
        window = np.minimum(part[:, None] + ahead, last[part, None])
        with torch.inference_mode():
            context = critic.embed({k: torch.from_numpy(v[part]) for k, v in observed.items()})
            value_KF1 = critic.score(context, torch.from_numpy(actions[window][:, None]))
        found.append(value_KF1[:, :, 0].numpy())
    values: NDArray[np.float64] = np.concatenate(found, axis=1).astype(np.float64)
    return values
