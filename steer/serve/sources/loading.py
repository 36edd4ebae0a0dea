"""Loads a LeRobot checkpoint with LeRobot's own functions. Runs in the worker, imports LeRobot.

LeRobot takes 10 s and 800 MB to import, so it is imported where it is called.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from steer.errors import CheckpointError
from steer.serve.sources.architectures import Batch, Policy

if TYPE_CHECKING:
    from lerobot.policies import PreTrainedPolicy

__all__ = ["LoadedPolicy", "load_policy"]

_MAX_TEXT = 500


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPolicy:
    """A policy and its two processors, which belong together.

    Attributes:
        policy: In evaluation mode, on its device.
        preprocess: One observation, without or with a batch axis, to what the policy takes.
        postprocess: Normalised chunks to robot units, on the CPU.
    """

    policy: Policy
    preprocess: Callable[[Batch], Batch]
    postprocess: Callable[[Tensor], Tensor]


def load_policy(directory: Path, *, device: str) -> LoadedPolicy:
    """Load a checkpoint onto a device, whichever device it was trained on.

    Raises:
        CheckpointError: LeRobot is not installed, cannot load it, or finds no weights for a part
            of the policy.
    """
    try:
        return _load(directory, device)
    except CheckpointError:
        raise
    except Exception as error:  # LeRobot, its configurations and plugins raise anything
        text = " ".join(str(error).split())[:_MAX_TEXT]
        raise CheckpointError(
            f"policy checkpoint: expected one that LeRobot can load, got {type(error).__name__}: "
            f"{text}, in {directory}"
        ) from error


def _load(directory: Path, device: str) -> LoadedPolicy:
    try:
        from lerobot.configs import PreTrainedConfig
        from lerobot.policies import get_policy_class, make_pre_post_processors
        from lerobot.utils.import_utils import register_third_party_plugins
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"policy checkpoint: expected lerobot to be installed, got no module {error.name!r}; "
            "install vla-steer[lerobot]"
        ) from error

    policy_type = json.loads((directory / "config.json").read_text())["type"]
    if policy_type not in PreTrainedConfig.get_known_choices():
        register_third_party_plugins()
    config = PreTrainedConfig.from_pretrained(directory)
    config.device = device
    if hasattr(config, "pretrained_backbone_weights"):
        # They would be downloaded, and then overwritten by the checkpoint's.
        vars(config)["pretrained_backbone_weights"] = None
    vars(config).update(_inside(directory, vars(config)))
    policy: Any = get_policy_class(policy_type).from_pretrained(directory, config=config)
    _check_complete(policy, directory)
    preprocess, postprocess = make_pre_post_processors(
        config,
        pretrained_path=str(directory),
        preprocessor_overrides=_overrides(directory, device),
    )
    return LoadedPolicy(policy.eval(), preprocess, postprocess)


def _check_complete(policy: "PreTrainedPolicy", directory: Path) -> None:
    """Refuse weights that LeRobot would leave at random, with no more than a line in its log."""
    from lerobot.policies import PreTrainedPolicy
    from safetensors.torch import load_model

    if type(policy).from_pretrained.__func__ is not PreTrainedPolicy.from_pretrained.__func__:
        return  # loads by rules of its own
    device = str(next(policy.parameters()).device)
    path = directory / "model.safetensors"
    missing, _ = load_model(policy, path, strict=False, device=device)
    if missing:
        raise CheckpointError(
            f"policy checkpoint: expected weights for {min(missing)!r}, got none "
            f"({len(missing)} missing in all), in {path}"
        )


def _overrides(directory: Path, device: str) -> dict[str, dict[str, Any]]:
    """Return what differs from the pre-processor's file: the device, and where its parts lie."""
    steps = json.loads((directory / "policy_preprocessor.json").read_text())["steps"]
    overrides: dict[str, dict[str, Any]] = {}
    for step in steps:
        changed = _inside(directory, step.get("config", {}))
        if step.get("registry_name") == "device_processor":
            changed["device"] = device
        if changed:
            overrides[step["registry_name"]] = changed
    return overrides


def _inside(directory: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that name a directory inside the checkpoint, as paths from anywhere.

    A tokenizer or the configuration of a language model that lies there is named by a relative
    path, so that the checkpoint can be copied. LeRobot would look for it where the server was
    started, or in the hub.
    """
    home, found = directory.resolve(), {}
    for name, value in options.items():
        path = home / value if isinstance(value, str) else home
        if path.is_dir() and home in path.resolve().parents:
            found[name] = str(path)
    return found
