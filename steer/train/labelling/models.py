"""Progress by the reward models of lerobot, loaded and asked as lerobot itself does.

A reward classifier sees one frame at a time. The others see windows of an episode, which lerobot's
own commands cut: they are called, and the file that they write is read.

Shape legend: F frames that are labelled, B frames of a batch, C channels.
"""

import importlib
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from steer.errors import ConfigError, DatasetError
from steer.train.labelling.recording import Recording
from steer.train.lerobot_v3 import read_json

__all__ = ["model_progress"]

logger = logging.getLogger(__name__)

_BATCH = 32
_CLASSIFIER = "reward_classifier"
_CURVES: dict[str, dict[str, Any]] = {
    "robometer": {},
    "sarm": {"num_visualizations": 0},
    "topreward": {},
}
"""Kinds of models with a command `compute_<kind>_progress`, and what to tell it beside the data."""


def model_progress(
    recording: Recording, directory: Path, *, device: str
) -> tuple[NDArray[np.float64], str]:
    """Return what a reward model says of every asked-for frame, in [0, 1], and the source.

    Args:
        recording: What to label.
        directory: Of the model, with its `config.json`.
        device: `cpu` or `cuda`.

    Returns:
        Progress, float64 [F], and the kind and place of the model in words.

    Raises:
        ConfigError: The model cannot be loaded, or is of no kind that says progress.
        DatasetError: The data lack what it looks at.
    """
    kind = read_json(directory / "config.json").get("type")
    if kind not in (_CLASSIFIER, *_CURVES):
        known = ", ".join([_CLASSIFIER, *_CURVES])
        raise ConfigError(f"--progress.model: expected a model of type {known}, got {kind!r}")
    from draccus.utils import DraccusException  # lerobot's: ten seconds, so only where needed

    try:
        if kind == _CLASSIFIER:
            values = _classified(recording, directory, device)
        else:
            values = _curve(recording, directory, kind, device)
    except (
        DraccusException,
        ImportError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,
    ) as error:
        raise ConfigError(
            f"--progress.model: expected a reward model that lerobot can run, got {directory}: "
            f"{type(error).__name__}: {error}"
        ) from error
    odd = np.flatnonzero(~(np.isfinite(values) & (values >= 0) & (values <= 1)))
    if len(odd):
        raise DatasetError(
            f"{directory}: expected progress in [0, 1] of every frame, got {values[odd[0]]} "
            f"({len(odd)} frames in all)"
        )
    return values, f"lerobot's {kind} {directory}"


def _classified(recording: Recording, directory: Path, device: str) -> NDArray[np.float64]:
    """Return the classifier's probability of success of each frame, [F]."""
    from lerobot.configs.rewards import RewardModelConfig
    from lerobot.datasets import LeRobotDataset
    from lerobot.rewards import get_reward_model_class

    config: Any = RewardModelConfig.from_pretrained(str(directory))
    if config.num_classes != 2:
        raise ConfigError(
            "--progress.model: expected a classifier of success and failure, got "
            f"{config.num_classes} classes"
        )
    config.device = device
    keys = [key for key in config.input_features if key.startswith("observation.image")]
    missing = sorted(set(keys) - set(recording.features))
    if missing:
        raise DatasetError(
            f"{recording.root}: expected the images that the model looks at, got no {missing}"
        )
    dataset = LeRobotDataset("local/data", root=recording.root)
    model: Any = get_reward_model_class(_CLASSIFIER).from_pretrained(str(directory), config=config)
    preprocess = _preprocessor(directory, config, dataset.meta.stats)
    rows = np.flatnonzero(recording.asked_frames)
    found = []
    for part in np.array_split(rows, max(1, len(rows) // _BATCH)):
        frames = [dataset[int(row)] for row in part]
        batch = preprocess({key: torch.stack([frame[key] for frame in frames]) for key in keys})
        with torch.inference_mode():
            found.append(model.predict([batch[key] for key in keys]).probabilities.cpu().numpy())
    probability: NDArray[np.float64] = np.concatenate(found).astype(np.float64)
    return probability


def _preprocessor(directory: Path, config: Any, stats: Any) -> Any:  # noqa: ANN401
    """Return the model's own preprocessor; where it was saved without, one of the data's."""
    from lerobot.processor import PolicyProcessorPipeline
    from lerobot.rewards import make_reward_pre_post_processors

    name = "classifier_preprocessor.json"
    if (directory / name).is_file():
        overrides = {"device_processor": {"device": config.device}}
        return PolicyProcessorPipeline.from_pretrained(
            str(directory), config_filename=name, overrides=overrides
        )
    logger.warning("%s holds no %s: images are normalised by the data's own", directory, name)
    return make_reward_pre_post_processors(config, dataset_stats=stats)[0]


def _curve(recording: Recording, directory: Path, kind: str, device: str) -> NDArray[np.float64]:
    """Return the progress of each frame that lerobot's command for this kind writes, [F]."""
    module = importlib.import_module(f"lerobot.rewards.{kind}.compute_rabc_weights")
    compute = getattr(module, f"compute_{kind}_progress")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "progress.parquet"
        compute(
            str(recording.root.resolve()),  # lerobot takes a path where it expects an id
            reward_model_path=str(directory),
            output_path=str(path),
            device=device,
            **_CURVES[kind],
        )
        table = pq.read_table(path, columns=["index", "progress_sparse"]).to_pydict()
    values = np.full(int(recording.end[-1]), np.nan)
    values[np.asarray(table["index"], np.int64)] = table["progress_sparse"]
    return values[recording.asked_frames]
