"""What a LeRobot checkpoint says about itself, read without LeRobot.

The server reads this much in its own process, so that a wrong path or another robot's policy is
refused at once, before a worker is started.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steer.embodiment import ActionDim, Embodiment, ObservationField
from steer.errors import CheckpointError, InvalidInputError

__all__ = ["Checkpoint", "read_checkpoint"]

_PROCESSORS = ("policy_preprocessor.json", "policy_postprocessor.json")
_FILES = ("config.json", "model.safetensors", *_PROCESSORS)
_FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint directory.

    Attributes:
        directory: Where it is.
        type: LeRobot's name of the architecture.
        embodiment: The body it drives, with the observations that the policy needs and no others;
            from `steer.json` where there is one, else what LeRobot's configuration says.
        num_observations: How many consecutive observations the policy looks at.
        digest: `sha256:…` over the names and contents of its files.
    """

    directory: Path
    type: str
    embodiment: Embodiment
    num_observations: int
    digest: str


def read_checkpoint(directory: Path) -> Checkpoint:
    """Read what the checkpoint says about itself; its weights are hashed, not loaded.

    Raises:
        CheckpointError: It is missing, is not a LeRobot checkpoint, or its `steer.json` and
            LeRobot's configuration do not describe the same policy.
    """
    if not directory.is_dir():
        raise _error("a directory", "none", directory)
    for name in _FILES:
        if not (directory / name).is_file():
            raise _error(f"a LeRobot checkpoint with {', '.join(_FILES)}", f"no {name}", directory)
    config = _read_json(directory, "config.json")
    try:
        preprocessor, _ = (_read_processor(directory, name) for name in _PROCESSORS)
        needed = _embodiment(config, _rename_map(preprocessor))
        return Checkpoint(
            directory=directory,
            type=str(config["type"]),
            embodiment=_described(directory, needed),
            num_observations=int(config.get("n_obs_steps", 1)),
            digest=_digest(directory),
        )
    except OSError as error:
        raise _error("files that can be read", repr(error), directory) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        got = f"one without ({error!r})"
        raise _error("config.json with type and features", got, directory) from error


def _error(contract: str, got: str, directory: Path) -> CheckpointError:
    return CheckpointError(f"policy checkpoint: expected {contract}, got {got}, in {directory}")


def _read_json(directory: Path, name: str) -> dict[str, Any]:
    try:
        tree = json.loads((directory / name).read_text())
    except (OSError, ValueError) as error:
        raise _error(f"JSON in {name}", repr(error), directory) from error
    if not isinstance(tree, dict):
        raise _error(f"a JSON object in {name}", type(tree).__name__, directory)
    return tree


def _read_processor(directory: Path, name: str) -> dict[str, Any]:
    """Read a processor, which may only have steps of LeRobot's registry.

    A step can also name any class of any module, which LeRobot would import: code from a data file.
    """
    tree = _read_json(directory, name)
    steps = tree.get("steps")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _error(f"a list of steps in {name}", "none", directory)
    for step in steps:
        if not step.get("registry_name"):
            got = f"the class {step.get('class')!r}"
            raise _error(f"steps of LeRobot's registry in {name}", got, directory)
    return tree


def _embodiment(config: Mapping[str, Any], renamed: Mapping[str, str]) -> Embodiment:
    """Return what LeRobot's configuration knows: dimensions, and names in a few architectures."""
    action_dim = int(config["output_features"]["action"]["shape"][0])
    names = config.get("action_feature_names") or [""] * action_dim
    robot_name = {ours: theirs for theirs, ours in renamed.items()}
    fields = []
    for name, feature in config["input_features"].items():
        if "empty_camera_" in name:  # LeRobot fills these in by itself
            continue
        is_image = feature["type"] == "VISUAL"
        shape = tuple(int(extent) for extent in feature["shape"])
        fields.append(
            ObservationField(
                name=str(robot_name.get(name, name)),
                dtype="uint8" if is_image else "float32",
                shape=(*shape[1:], shape[0]) if is_image else shape,
            )
        )
    return Embodiment(
        name="",
        control_hz=0.0,
        actions=tuple(
            ActionDim(name=str(name)) for _, name in zip(range(action_dim), names, strict=True)
        ),
        observations=tuple(fields),
    )


def _rename_map(preprocessor: Mapping[str, Any]) -> Mapping[str, str]:
    """Return LeRobot's key by the robot's key, where the pre-processor renames observations."""
    for step in preprocessor["steps"]:
        if step.get("registry_name") == "rename_observations_processor":
            return {str(k): str(v) for k, v in step["config"].get("rename_map", {}).items()}
    return {}


def _described(directory: Path, needed: Embodiment) -> Embodiment:
    """Return the embodiment of `steer.json`, if there is one; it must fit `config.json`."""
    if not (directory / "steer.json").exists():
        return needed
    tree = _read_json(directory, "steer.json")
    if tree.get("format_version") != _FORMAT_VERSION:
        got = str(tree.get("format_version"))
        raise _error(f"steer.json of format_version {_FORMAT_VERSION}", got, directory)
    try:
        described = Embodiment.from_json(json.dumps(tree["embodiment"]))
    except (KeyError, InvalidInputError) as error:
        raise _error("an embodiment in steer.json", repr(error), directory) from error
    differences = described.differences(needed)
    if differences:
        raise _error("steer.json that fits config.json", "; ".join(differences), directory)
    names = {item.name for item in needed.observations}
    kept = tuple(item for item in described.observations if item.name in names)
    return replace(described, observations=kept)


def _digest(directory: Path) -> str:
    """Return the digest over the names and contents of all files, hidden ones left out."""
    total = hashlib.sha256()
    for path in sorted(
        directory.rglob("*"), key=lambda path: path.relative_to(directory).as_posix()
    ):
        name = path.relative_to(directory)
        if not path.is_file() or any(part.startswith(".") for part in name.parts):
            continue
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        total.update(name.as_posix().encode() + b"\0" + content)
    return f"sha256:{total.hexdigest()}"
