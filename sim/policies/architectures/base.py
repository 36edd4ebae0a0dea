"""What an architecture of LeRobot is asked for, and what it answers; and what they do alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sim.policies.data import Columns

__all__ = [
    "ENVIRONMENT",
    "STATE",
    "Architecture",
    "Built",
    "Request",
    "features",
    "processors",
    "set_option",
]

ENVIRONMENT = "observation.environment_state"
STATE = "observation.state"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """What to build a policy for.

    Attributes:
        columns: The rows that it will be trained on.
        picture: Name and shape [h, w, 3] of its camera's pictures; None without a camera.
        directory: Where it may keep files that its checkpoint needs.
        steps: Gradient steps of the run.
        inference_steps: Denoising steps of a draw, for those that denoise.
    """

    columns: Columns
    picture: tuple[str, tuple[int, int, int]] | None
    directory: Path
    steps: int
    inference_steps: int


def _nothing(step: int) -> None:
    del step


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Built:
    """A policy of LeRobot and how it is trained.

    Attributes:
        policy: With random weights.
        preprocess: Its pre-processor.
        postprocess: Its post-processor.
        inputs: LeRobot's key by the robot's key, of the vectors that it looks at.
        num_observations: How many consecutive ones, with a time axis; 0 for one without the axis.
        first_action: Offset of the first action that it learns to draw; negative is the past.
        num_actions: How many.
        encode: Turns pictures [B, 3, h, w] in [0, 1] into what stands for them in training, where
            that part of the policy is frozen; None where it is trained.
        resumed: Called with the number of steps done before training goes on.
        finish: Called once, when the weights are final.
        coarse: Modules whose weights lose nothing in eight bits.
        assets: Directories that belong into the checkpoint.
    """

    policy: Any
    preprocess: Any
    postprocess: Any
    inputs: Mapping[str, str]
    num_observations: int
    first_action: int
    num_actions: int
    encode: Callable[[Tensor], Tensor] | None = None
    resumed: Callable[[int], None] = _nothing
    finish: Callable[[], None] = lambda: None
    coarse: tuple[nn.Module, ...] = ()
    assets: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One of LeRobot's policy classes, and the options with which it is trained here.

    Attributes:
        name: As on the command line.
        build: Makes the policy; draws its weights from torch's global generator.
        steps: Gradient steps.
        batch_size: Windows a step.
        learning_rate: Peak of the cosine schedule.
        inference_steps: Denoising steps of a draw; 1 where it does not denoise.
        needs_pictures: Whether it looks through a camera.
        reads_text: Whether it reads the instruction.
    """

    name: str
    build: Callable[[Request], Built]
    steps: int
    batch_size: int
    learning_rate: float
    inference_steps: int = 1
    needs_pictures: bool = False
    reads_text: bool = False


def features(request: Request, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Return the options that say what goes in and out, for `make_policy_config`."""
    from lerobot.configs import FeatureType, NormalizationMode, PolicyFeature

    kinds = {ENVIRONMENT: FeatureType.ENV}
    arrays = request.columns.observations
    found = {
        theirs: PolicyFeature(kinds.get(theirs, FeatureType.STATE), arrays[ours].shape[1:])
        for ours, theirs in inputs.items()
    }
    if request.picture:
        name, (height, width, channels) = request.picture
        found[name] = PolicyFeature(FeatureType.VISUAL, (channels, height, width))
    actions = request.columns.actions.shape[1:]
    return {
        "input_features": found,
        "output_features": {"action": PolicyFeature(FeatureType.ACTION, actions)},
        # LeRobot's defaults leave ENV out, that is, not normalised.
        "normalization_mapping": {
            "STATE": NormalizationMode.MEAN_STD,
            "ENV": NormalizationMode.MEAN_STD,
            "ACTION": NormalizationMode.MIN_MAX,
            **({"VISUAL": NormalizationMode.IDENTITY} if request.picture else {}),
        },
        "device": "cpu",
        "push_to_hub": False,
    }


def processors(config: Any, columns: Columns, inputs: Mapping[str, str]) -> tuple[Any, Any]:
    """Build the pre- and the post-processor, with the statistics of the rows.

    A policy that has one vector for its observation is given all that the robot sends by LeRobot's
    own step that renames observations.
    """
    from lerobot.policies import make_pre_post_processors

    keys = {**inputs, "action": "action"}
    tensors = {
        keys[key]: {name: torch.from_numpy(np.asarray(value)) for name, value in stats.items()}
        for key, stats in columns.statistics().items()
        if key in keys
    }
    pre, post = make_pre_post_processors(config, dataset_stats=tensors)
    renamed = {ours: theirs for ours, theirs in inputs.items() if ours != theirs}
    if renamed:
        set_option(pre, "rename_map", renamed)
    return pre, post


def set_option(preprocess: Any, name: str, value: object) -> None:
    """Set an option of the pre-processor's step that has it."""
    for step in preprocess.steps:
        if hasattr(step, name):
            setattr(step, name, value)
