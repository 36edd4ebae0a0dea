"""The suite: which policies there are, on which tasks, and what a run of it consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from sim.evaluation.cells import Cell
from sim.plugins import is_plugin, load_plugin
from sim.tasks import TASKS, spec_of
from sim.tasks.disturbed import DISTURBANCES, split_name
from steer.errors import InvalidInputError

__all__ = [
    "ARTEFACTS",
    "POLICIES",
    "SuitePolicy",
    "cells_of",
    "critic_path",
    "policy_path",
    "source_of",
]

ARTEFACTS = Path(__file__).parent / "artefacts"

_METAWORLD = tuple(name for name, spec in TASKS.items() if spec.package == "metaworld")
_OGBENCH = tuple(name for name, spec in TASKS.items() if spec.package == "ogbench")
_FETCH = tuple(name for name, spec in TASKS.items() if spec.package == "gymnasium-robotics")


@dataclass(frozen=True, slots=True)
class SuitePolicy:
    """A kind of policy.

    Attributes:
        tasks: Where there is one.
        is_shared: Whether all tasks of a dataset share one checkpoint.
        is_clean: Whether it was cloned from the expert's clean episodes alone.
    """

    tasks: tuple[str, ...]
    is_shared: bool = False
    is_clean: bool = False


POLICIES: Mapping[str, SuitePolicy] = MappingProxyType(
    {
        "diffusion": SuitePolicy(
            (
                "push",
                "peg-insert-side",
                "basketball",
                *_OGBENCH,
                "fetch-push",
                "fetch-pick-and-place",
            )
        ),
        "act": SuitePolicy((*_OGBENCH, *_FETCH)),
        "dit": SuitePolicy((*_METAWORLD, *_FETCH), is_shared=True),
        "vqbet": SuitePolicy(("push", "basketball", "box-close"), is_shared=True),
        "smolvla": SuitePolicy((*_METAWORLD, *_FETCH), is_shared=True),
        "diffusion-clean": SuitePolicy(("box-close", "cube-double", "fetch-push"), is_clean=True),
        "diffusion-filtered": SuitePolicy(("push", "peg-insert-side", "cube-single", "fetch-push")),
    }
)
_CONTROLS = ("diffusion-filtered",)


def cells_of(patterns: str) -> tuple[Cell, ...]:
    """Return the cells that match any of the comma-separated patterns, for example `act/*`.

    Raises:
        InvalidInputError: A pattern matches none, and names no file of the user's own.
        ConfigError: It names one that cannot be run.
    """
    known = [
        Cell(policy, task)
        for policy, item in POLICIES.items()
        for task in item.tasks
        if policy not in _CONTROLS
    ]
    found: list[Cell] = []
    for pattern in patterns.split(","):
        wanted = Cell.parse(pattern)
        if is_plugin(wanted.policy) or is_plugin(wanted.task):
            for name in filter(is_plugin, (wanted.policy, wanted.task)):
                load_plugin(name)
            found.append(wanted)
            continue
        matching = [
            cell for cell in _disturbed(known, wanted) if fnmatchcase(cell.name, wanted.name)
        ]
        if not matching:
            names = ", ".join(cell.name for cell in known)
            raise InvalidInputError.expected("cell", f"one of {names}", repr(pattern.strip()))
        found += matching
    return tuple(dict.fromkeys(found))


def _disturbed(cells: Sequence[Cell], wanted: Cell) -> Sequence[Cell]:
    """Return the cells as they are, or disturbed where that is wanted."""
    _, disturbance = split_name(wanted.task)
    if disturbance not in DISTURBANCES:
        return cells
    return [replace(cell, task=f"{cell.task}~{disturbance}") for cell in cells]


def source_of(policy: str, task: str) -> str:
    """Return the name of a policy's checkpoint on the server and in `artefacts/policies`.

    Raises:
        InvalidInputError: There is no such policy for the task.
    """
    task, _ = split_name(task)
    kind = POLICIES.get(policy)
    if kind is None or task not in kind.tasks:
        having = [name for name, item in POLICIES.items() if task in item.tasks]
        contract = f"for {task} one of {', '.join(having) or 'none'}"
        raise InvalidInputError.expected("policy", contract, repr(policy))
    return f"{policy}-{spec_of(task).dataset if kind.is_shared else task}"


def policy_path(source: str, artefacts: Path = ARTEFACTS) -> Path:
    """Return the directory of a checkpoint."""
    return artefacts / "policies" / source


def critic_path(task: str, artefacts: Path = ARTEFACTS) -> Path:
    """Return the directory of a task's critic."""
    return artefacts / "critics" / task
