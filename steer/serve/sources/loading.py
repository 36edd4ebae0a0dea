"""Loads a LeRobot checkpoint with LeRobot's own functions. Runs in the worker, imports LeRobot.

LeRobot takes 10 s and 800 MB to import, so it is imported where it is called.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
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
        is_guided: Whether the policy guides its chunks by what runs.
    """

    policy: Policy
    preprocess: Callable[[Batch], Batch]
    postprocess: Callable[[Tensor], Tensor]
    is_guided: bool = False


def load_policy(directory: Path, *, device: str, is_guided: bool = False) -> LoadedPolicy:
    """Load a checkpoint onto a device, whichever device it was trained on.

    Args:
        directory: Of the checkpoint.
        device: torch's name of it.
        is_guided: Whether the policy is to guide its chunks by what runs, see `_guide`.

    Raises:
        CheckpointError: LeRobot is not installed, cannot load it, finds no weights for a part of
            the policy, or the policy is to guide its chunks and cannot.
    """
    try:
        return _load(directory, device, is_guided=is_guided)
    except CheckpointError:
        raise
    except _raised_by_lerobot() as error:
        text = " ".join(str(error).split())[:_MAX_TEXT]
        raise CheckpointError(
            f"policy checkpoint: expected one that LeRobot can load, got {type(error).__name__}: "
            f"{text}, in {directory}"
        ) from error


def _raised_by_lerobot() -> tuple[type[Exception], ...]:
    """Return what LeRobot raises for a checkpoint that it cannot load; asked for only then."""
    from draccus.utils import DraccusException
    from huggingface_hub.errors import StrictDataclassError
    from lerobot.processor.pipeline import ProcessorMigrationError

    pythons = (
        OSError,
        ImportError,
        LookupError,
        AttributeError,
        TypeError,
        ValueError,
        RuntimeError,
    )
    theirs = (SafetensorError, DraccusException, StrictDataclassError, ProcessorMigrationError)
    return (*pythons, AssertionError, *theirs)


def _load(directory: Path, device: str, *, is_guided: bool) -> LoadedPolicy:
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
    if is_guided:
        _guide(policy, directory)
    preprocess, postprocess = make_pre_post_processors(
        config,
        pretrained_path=str(directory),
        preprocessor_overrides=_overrides(directory, device),
    )
    return LoadedPolicy(policy.eval(), preprocess, postprocess, is_guided=is_guided)


def _guide(policy: Any, directory: Path) -> None:  # noqa: ANN401  # LeRobot's
    """Have a policy guide its chunks by what runs, where it is given that: real-time chunking.

    Raises:
        CheckpointError: It does not offer that.

    References:
        Black et al., Real-Time Execution of Action Chunking Flow Policies, arXiv 2506.07339, 2025,
        equations 2 to 5. Differs: LeRobot takes the velocity for a constant where the paper goes
        back through the network, and the largest weight is the number of flow steps (in the paper
        5 for 5), so that the first step goes as far as what runs and not beyond it.
    """
    if not policy.supports_rtc():
        raise CheckpointError(
            "policy checkpoint: expected one whose architecture offers real-time chunking for "
            f"?rtc, got {policy.config.type!r}, in {directory}"
        )
    from lerobot.configs import RTCAttentionSchedule
    from lerobot.policies.rtc import RTCConfig

    config = policy.config
    steps = getattr(config, "num_steps", None) or getattr(config, "num_inference_steps", None)
    config.rtc_config = RTCConfig(
        prefix_attention_schedule=RTCAttentionSchedule.EXP,
        max_guidance_weight=float(steps or RTCConfig.max_guidance_weight),
        execution_horizon=config.chunk_size,  # as far as what runs goes
    )
    policy.init_rtc_processor()
    policy.requires_grad_(requires_grad=False)  # else each step keeps a graph that nobody needs


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
