"""The options of a training run: on the command line, in Python, and in `training.json`."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sim.policies.architectures import ARCHITECTURES
from sim.tasks import TASKS, TaskSpec, spec_of
from steer.errors import ConfigError, DatasetError, InvalidInputError

__all__ = ["PolicyConfig", "parse", "resolved", "specs_of"]


@dataclass(frozen=True, kw_only=True)
class PolicyConfig:
    """One training run; every field is an option of the command line."""

    tasks: tuple[str, ...]
    """Names of the tasks, for example `push`; `all` is all that the dataset has."""
    root: Path
    """LeRobotDataset of the tasks."""
    output: Path
    """Directory of the checkpoint; the training state lies beside it, in `<output>.training`."""
    architecture: str = "diffusion"
    """One of `sim.policies.architectures`."""
    successes_only: bool = False
    """Clone the successful episodes alone: the `filtered` control."""
    clean_only: bool = False
    """Clone the episodes whose expert had no noise alone: strong policies."""
    pictures: Path | None = None
    """What `sim.frames` made, for architectures that look through a camera."""
    steps: int = 0
    """Gradient steps; 0 is the architecture's own number."""
    batch_size: int = 0
    """Windows a step; 0 is the architecture's own number."""
    learning_rate: float = 0.0
    """Peak of the cosine schedule; 0 is the architecture's own."""
    seed: int = 0
    """Seeds the weights, the windows and the noise."""
    inference_steps: int = 0
    """Denoising steps of a draw; 0 is the architecture's own number."""
    checkpoint_every: int = 500
    """Steps between training states; a run that is stopped loses at most so many."""


def resolved(config: PolicyConfig) -> PolicyConfig:
    """Return the options with the architecture's own numbers, and all tasks by name.

    Raises:
        InvalidInputError: There is no such architecture or task.
        ConfigError: The architecture needs pictures and there are none, or the other way round.
        DatasetError: All tasks of a dataset are wanted, and there is no dataset.
    """
    if config.architecture not in ARCHITECTURES:
        names = "one of " + ", ".join(ARCHITECTURES)
        raise InvalidInputError.expected("architecture", names, repr(config.architecture))
    architecture = ARCHITECTURES[config.architecture]
    if architecture.needs_pictures != (config.pictures is not None):
        contract = "a directory" if architecture.needs_pictures else "none"
        raise ConfigError(
            f"pictures: expected {contract} for the architecture {architecture.name!r}, got "
            f"{'none' if config.pictures is None else config.pictures}"
        )
    tasks = _all_tasks(config.root) if config.tasks == ("all",) else config.tasks
    for name in tasks:
        spec_of(name)
    own = {
        name: getattr(architecture, name)
        for name in ("steps", "batch_size", "learning_rate", "inference_steps")
        if not getattr(config, name)
    }
    return replace(config, tasks=tasks, **own)


def _all_tasks(root: Path) -> tuple[str, ...]:
    path = root / "meta" / "tasks.parquet"
    if not path.is_file():
        raise DatasetError(f"dataset: expected a LeRobotDataset v3 in {root}, got none")
    recorded = set(pq.read_table(path).to_pandas().index)
    return tuple(name for name, spec in TASKS.items() if spec.instruction in recorded)


def specs_of(config: PolicyConfig) -> tuple[TaskSpec, ...]:
    """Return the tasks of a resolved run, which one policy can do: all of one body.

    Raises:
        ConfigError: They are of several bodies.
    """
    specs = tuple(map(spec_of, config.tasks))
    for spec in specs:
        differences = spec.embodiment.differences(specs[0].embodiment)
        if differences:
            raise ConfigError(
                f"tasks: expected all of one embodiment, got {specs[0].name!r} and {spec.name!r}, "
                f"which differ in {'; '.join(differences)}"
            )
    return specs


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_TYPES: Mapping[str, Callable[[str], Any]] = {
    "tasks": _names,
    "root": Path,
    "output": Path,
    "pictures": Path,
    "learning_rate": float,
    "architecture": str,
}


def parse(arguments: Sequence[str] | None, description: str) -> PolicyConfig:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(prog="python -m sim.policies.train", description=description)
    for item in fields(PolicyConfig):
        names = ["--" + item.name.replace("_", "-")]
        if item.type is bool:
            parser.add_argument(*names, action="store_true")
            continue
        if item.name == "tasks":
            names.append("--task")
        required = item.name in ("tasks", "root", "output")
        parser.add_argument(
            *names,
            type=_TYPES.get(item.name, int),
            required=required,
            default=None if required else item.default,
            choices=tuple(ARCHITECTURES) if item.name == "architecture" else None,
        )
    return PolicyConfig(**vars(parser.parse_args(arguments)))
