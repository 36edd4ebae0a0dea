"""A training run on disk: safetensors, replaced whole, so that any stop can be gone on from."""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from steer.errors import ConfigError

__all__ = ["load_state", "save_state"]

_FILE = "state.safetensors"
_OPTIMISER = "optimiser"


def save_state(
    directory: Path,
    *,
    step: int,
    key: str,
    module: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> None:
    """Write the state after `step` steps.

    The state before stays whole until the new one is on the disk.

    Args:
        directory: Of the run.
        step: Steps done.
        key: What the run that goes on must have in common with this one.
        module: All networks.
        optimiser: Its moments.

    Raises:
        OSError: The disk refused; the state before is whole.
    """
    tensors = {f"module.{name}": value for name, value in module.state_dict().items()}
    for index, slots in optimiser.state_dict()["state"].items():
        tensors |= {f"{_OPTIMISER}.{index}.{name}": value for name, value in slots.items()}
    copies = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    data = save(copies, metadata={"step": str(step), "key": key})
    directory.mkdir(parents=True, exist_ok=True)
    fresh = directory / (_FILE + ".partial")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(directory / _FILE)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def load_state(
    directory: Path, *, key: str, module: nn.Module, optimiser: torch.optim.Optimizer
) -> int:
    """Load the state that a stopped run left.

    Returns:
        How many steps it had done; 0 where there is none.

    Raises:
        ConfigError: The state belongs to a run with other options or other data, or is damaged.
    """
    path = directory / _FILE
    if not path.exists():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ConfigError(f"{path}: expected a training state, got {error}") from error
    if metadata.get("key") != key:
        raise ConfigError(
            f"--resume: expected the options and data of the stopped run, got others: "
            f"{_difference(metadata.get('key', '{}'), key)}"
        )
    module.load_state_dict(
        {name.partition(".")[2]: v for name, v in tensors.items() if name.startswith("module.")}
    )
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == _OPTIMISER:
            index, _, slot = rest.partition(".")
            slots.setdefault(int(index), {})[slot] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": slots, "param_groups": groups})
    return int(metadata["step"])


def _difference(known: str, wanted: str) -> str:
    old, new = json.loads(known), json.loads(wanted)
    return ", ".join(
        f"{name} was {old.get(name)}, is {new.get(name)}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )
