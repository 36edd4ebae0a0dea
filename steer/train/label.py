"""`steer label`: give a recorded dataset outcomes, rewards, progress, preferences or weights.

What was labelled and how sure it is stands in the printed table and in `meta/labels.json`.
"""

import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from steer.train.label_config import LabelConfig
from steer.train.labelling.interventions import label_interventions
from steer.train.labelling.label import Label, outcomes_of
from steer.train.labelling.progress import label_progress
from steer.train.labelling.recording import Recording, open_recording
from steer.train.labelling.reward import label_reward
from steer.train.labelling.success import label_success
from steer.train.labelling.weights import label_weights
from steer.train.labelling.writing import write_copy

__all__ = ["LabelConfig", "run"]


def run(config: LabelConfig, arguments: Sequence[str] = ()) -> tuple[Label, ...]:
    """Label a dataset, and write the labelled copy.

    Args:
        config: What to label, and how.
        arguments: Of the command, which go into the copy.

    Returns:
        The labels, outcomes first, for the others are judged by them.

    Raises:
        DatasetError: The data cannot be read, or lack what is needed.
        ConfigError: An option does not fit; nothing has been written.
        ArtefactError: The critic cannot be loaded.
    """
    recording = open_recording(config.dataset, task=config.task)
    labels = tuple(_labels(recording, config))
    about = {
        "task": config.task,
        "dataset": config.dataset.resolve().name,
        "command": shlex.join(["steer", "label", *arguments]),
        "date": datetime.now(UTC).date().isoformat(),
    }
    write_copy(recording, config.output, labels, about)
    for label in labels:
        sys.stdout.write(f"{label}\n")
    sys.stdout.write(f"wrote {config.output}\n")
    return labels


def _labels(recording: Recording, config: LabelConfig) -> list[Label]:
    found: list[Label] = []
    success = outcomes_of(recording)
    if "success" in config.kinds:
        found.append(label_success(recording, config.success))
        success = outcomes_of(recording, found[0].columns["next.success"])
    if "reward" in config.kinds:
        found.append(label_reward(recording, config.reward, success))
    if "progress" in config.kinds:
        found.append(label_progress(recording, config.progress, success, task=config.task))
    if "interventions" in config.kinds:
        found.append(label_interventions(recording, config.interventions))
    if "weights" in config.kinds:
        found.append(label_weights(recording, config.weights, success, task=config.task))
    return found
