"""Progress: `steer.progress` of each frame, 0 far from success and 1 at it, from a model.

Shape legend: F frames that are labelled, K members.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import ConfigError, DatasetError
from steer.train.label_config import ProgressConfig
from steer.train.labelling.critic import open_critic
from steer.train.labelling.label import Label, Number, auc_at_end, order_in_time
from steer.train.labelling.models import model_progress
from steer.train.labelling.recording import Recording

__all__ = ["label_progress"]

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
        ConfigError: Nothing is at the path, a value is not one of the model's range, or the critic
            looks at images or points or needs a sentence encoder.
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
    Where fewer actions than the critic's horizon were left, the last one is repeated.
    """
    judge = open_critic(recording, directory, option="--progress.critic", task=task)
    card = judge.critic.card
    rows = np.flatnonzero(recording.asked_frames)
    last = recording.end[recording.owner[rows]] - 1
    window = np.minimum(rows[:, None] + np.arange(card.horizon), last[:, None])
    actions = recording.column("action").astype(np.float32).reshape(-1, card.embodiment.action_dim)
    values = judge.values(rows, actions[window][:, None])[:, :, 0]
    share = (values - card.head.v_min) / (card.head.v_max - card.head.v_min)
    if not np.isfinite(share).all():
        raise DatasetError(f"{recording.root}: expected finite observations, got NaN or Inf")
    return np.clip(share, 0.0, 1.0), judge.source
