"""Dense rewards: `next.reward` of each frame, from a file or from a rule.

Shape legend: T frames of all episodes.
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.train.label_config import RewardConfig
from steer.train.labelling.label import Label, Number, auc_at_end, order_in_time
from steer.train.labelling.recording import Recording
from steer.train.labelling.rules import quantity

__all__ = ["label_reward"]


def label_reward(
    recording: Recording, config: RewardConfig, success: NDArray[np.bool_] | None
) -> Label:
    """Label every asked-for frame with the reward that its action brought.

    A rule is taken at the observation after the action; the last frame, after which none was
    recorded, is given that of its own.

    Args:
        recording: What to label.
        config: With a file or a rule.
        success: Outcomes of all episodes, bool [E]; None where they are not known.

    Returns:
        `next.reward`, with its range, and how far it rises along the episodes that succeeded (along
        all where none is known to).

    Raises:
        DatasetError: The file or the columns do not fit, or some reward is not finite.
        ConfigError: The rule does not fit.
    """
    asked = recording.asked_frames
    if config.csv is not None:
        values, source = _by_file(recording, config.csv), f"the file {config.csv}"
    else:
        measured = quantity(recording, config.of, config.to, option="--reward")
        row = np.arange(len(measured))
        following = np.minimum(row + 1, recording.end[recording.owner] - 1)
        values = config.scale * measured[following]
        what = f"the distance of {config.of} to {config.to}" if config.to else config.of
        source = f"{config.scale:g} times {what}, after the action"
    odd = np.flatnonzero(~np.isfinite(values) & asked)
    if len(odd):
        owner = recording.owner[odd[0]]
        raise DatasetError(
            f"{recording.root}: next.reward: expected finite values, got {values[odd[0]]} in "
            f"episode {recording.episode[owner]}, frame {odd[0] - recording.start[owner]}"
        )
    numbers: dict[str, Number] = {
        "episodes": int(recording.is_asked.sum()),
        "frames": int(asked.sum()),
        "least": float(values[asked].min()),
        "mean": float(values[asked].mean()),
        "most": float(values[asked].max()),
        **order_in_time(values, recording, success),
        **auc_at_end(values, recording, success),
    }
    column = recording.spread("next.reward", values.astype(np.float32), asked)
    return Label(kind="reward", source=source, columns={"next.reward": column}, numbers=numbers)


def _by_file(recording: Recording, path: Path) -> NDArray[np.float64]:
    """Return the rewards of a CSV file with the columns episode,frame,reward, float64 [T]."""
    place = {int(number): index for index, number in enumerate(recording.episode)}
    values = np.full(recording.end[-1], np.nan)
    known: set[int] = set()
    try:
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                index, frame = place.get(int(row["episode"])), int(row["frame"])
                if index is None:
                    continue
                if not 0 <= frame < recording.end[index] - recording.start[index]:
                    raise DatasetError(
                        f"{path}: expected frames of the data, got frame {frame} of episode "
                        f"{row['episode']}"
                    )
                at = int(recording.start[index]) + frame
                if at in known:
                    raise DatasetError(
                        f"{path}: expected each frame once, got frame {frame} of episode "
                        f"{row['episode']} again"
                    )
                known.add(at)
                values[at] = float(row["reward"])
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{path}: expected a CSV file with the columns episode,frame,reward, got {error!r}"
        ) from error
    return values
