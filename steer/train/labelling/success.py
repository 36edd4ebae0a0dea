"""Outcomes: `next.success`, true of the last frame of each episode that succeeded.

Shape legend: T frames of all episodes, E episodes.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from steer.errors import DatasetError
from steer.train.audit_metrics import share_of_episodes
from steer.train.label_config import SuccessConfig
from steer.train.labelling.label import Label, Number, outcomes_of
from steer.train.labelling.recording import Recording
from steer.train.labelling.rules import quantity
from steer.train.labels import read_success

__all__ = ["label_success"]

logger = logging.getLogger(__name__)

_CLOSE = 0.1
"""An outcome is close where moving the threshold by this share of it would turn it round."""


def label_success(recording: Recording, config: SuccessConfig) -> Label:
    """Label the asked-for episodes by a file, or by a rule on the last observation.

    The column that was there, if any, is not looked at but to say how far both agree.

    Args:
        recording: What to label.
        config: With a file or a rule.

    Returns:
        `next.success`, with the share of successes, the episodes close to the threshold, and the
        agreement with the column that it replaces.

    Raises:
        DatasetError: The file or the columns do not fit.
        ConfigError: The rule does not.
    """
    asked = recording.is_asked
    success: NDArray[np.bool_] = np.zeros(len(asked), np.bool_)
    numbers: dict[str, Number] = {
        "episodes": int(asked.sum()),
        "frames": int(recording.asked_frames.sum()),
    }
    if config.csv is not None:
        success[asked] = read_success(config.csv, recording.episode[asked])
        source = f"the file {config.csv}"
    else:
        success, close = _by_rule(recording, config)
        success &= asked
        source = _rule_in_words(config)
        numbers["close_to_threshold"] = int((close & asked).sum())
    numbers["successes"] = int(success.sum())
    numbers["share_of_successes"] = share_of_episodes(success[asked])
    before = outcomes_of(recording)
    if before is not None:
        same = (before == success)[asked]
        numbers["agrees_with_before"] = share_of_episodes(same)
    if success[asked].all() or not success[asked].any():
        logger.warning(
            "%s of %d episodes are labelled as successes: such data cannot teach what fails",
            "all" if success[asked].all() else "none",
            asked.sum(),
        )
    frames = np.zeros(recording.end[-1], np.bool_)
    frames[recording.end[success] - 1] = True
    column = recording.spread("next.success", frames, recording.asked_frames)
    return Label(kind="success", source=source, columns={"next.success": column}, numbers=numbers)


def _by_rule(
    recording: Recording, config: SuccessConfig
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which episodes succeeded, and which were close, both bool [E]."""
    last = quantity(recording, config.of, config.to, option="--success")[recording.end - 1]
    odd = np.flatnonzero(~np.isfinite(last) & recording.is_asked)
    if len(odd):
        raise DatasetError(
            f"{recording.root}: {config.of}: expected finite values, got NaN or Inf in the last "
            f"frame of episode {recording.episode[odd[0]]}"
        )
    threshold = config.below if config.below is not None else config.above
    assert threshold is not None
    success = last < threshold if config.below is not None else last > threshold
    return success, np.abs(last - threshold) <= _CLOSE * abs(threshold)


def _rule_in_words(config: SuccessConfig) -> str:
    what = f"the distance of {config.of} to {config.to}" if config.to else config.of
    side = f"below {config.below:g}" if config.below is not None else f"above {config.above:g}"
    return f"{what} is {side} in the last frame"
