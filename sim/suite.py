"""The suite: which policies there are, on which tasks, and what a run of it consists of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from sim.evaluation.cells import Cell
from sim.plugins import is_plugin, load_plugin
from sim.tasks import DEMO, TASKS, spec_of
from sim.tasks.disturbed import DISTURBANCES, split_name
from steer.errors import InvalidInputError

__all__ = [
    "ARTEFACTS",
    "LEARNT_FROM",
    "POLICIES",
    "SuitePolicy",
    "cells_of",
    "critic_path",
    "may_guide",
    "policy_path",
    "source_of",
]

ARTEFACTS = Path(__file__).parent / "artefacts"

_METAWORLD = tuple(name for name, spec in TASKS.items() if spec.package == "metaworld")
_OGBENCH = tuple(name for name, spec in TASKS.items() if spec.package == "ogbench")
_FETCH = tuple(name for name, spec in TASKS.items() if spec.package == "gymnasium-robotics")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuitePolicy:
    """A kind of policy.

    Attributes:
        architecture: One of `sim.policies.architectures`.
        tasks: Where there is one.
        is_shared: Whether all tasks of a dataset share one checkpoint.
        is_clean: Whether it was cloned from the expert's clean episodes alone.
        successes_only: Whether it was cloned from successful episodes alone: a control, no cell.
        looks: Whether it looks through a camera.
        steps: Gradient steps; 0 is the architecture's own number. A policy of one of the demo's
            tasks has that number in any case.
    """

    architecture: str
    tasks: tuple[str, ...]
    is_shared: bool = False
    is_clean: bool = False
    successes_only: bool = False
    looks: bool = False
    steps: int = 0


_SHORT = 8_000
"""Steps of policies of one task: two thirds of the time."""

POLICIES: Mapping[str, SuitePolicy] = MappingProxyType(
    {
        "diffusion": SuitePolicy(
            architecture="diffusion",
            tasks=(*DEMO, *_OGBENCH[1:], "fetch-push"),
            steps=_SHORT,
        ),
        "act": SuitePolicy(architecture="act", tasks=(*_OGBENCH, *_FETCH), steps=_SHORT),
        "dit": SuitePolicy(architecture="dit", tasks=(*_METAWORLD, *_FETCH), is_shared=True),
        "vqbet": SuitePolicy(
            architecture="vqbet",
            tasks=("basketball", "hand-insert", "box-close", "pick-place-wall"),
            is_shared=True,
            looks=True,
        ),
        "smolvla": SuitePolicy(
            architecture="smolvla", tasks=_FETCH, is_shared=True, looks=True, steps=10_000
        ),
        "diffusion-clean": SuitePolicy(
            architecture="diffusion",
            tasks=("box-close", "cube-double", "fetch-push"),
            is_clean=True,
            steps=5_000,
        ),
        "diffusion-filtered": SuitePolicy(
            architecture="diffusion", tasks=(*DEMO, "fetch-push"), successes_only=True, steps=_SHORT
        ),
    }
)

_GUIDING = ("smolvla",)
"""Architectures that offer real-time chunking: flow matching."""

LEARNT_FROM = ("diffusion", "act", "dit", "diffusion-clean")
"""Policies whose own rollouts critics learn from; no critic has seen what the others do."""


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
        if not item.successes_only
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
        if not matching and _is_own(wanted.policy, split_name(wanted.task)[0]):
            matching = [wanted]
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
    if _is_own(policy, task):
        return f"{policy}-{task}"
    kind = POLICIES.get(policy)
    if kind is None or task not in kind.tasks:
        having = [name for name, item in POLICIES.items() if task in item.tasks]
        contract = f"for {task} one of {', '.join(having) or 'none'}"
        raise InvalidInputError.expected("policy", contract, repr(policy))
    return f"{policy}-{spec_of(task).dataset if kind.is_shared else task}"


def may_guide(policy: str) -> bool:
    """Return whether a policy may guide its chunks by what runs; one of the user's own may."""
    return policy not in POLICIES or POLICIES[policy].architecture in _GUIDING


def _is_own(policy: str, task: str) -> bool:
    """Return whether there is a checkpoint of the user's own, of that name, for the task."""
    return policy not in POLICIES and policy_path(f"{policy}-{task}", ARTEFACTS).is_dir()


def policy_path(source: str, artefacts: Path = ARTEFACTS) -> Path:
    """Return the directory of a checkpoint."""
    return artefacts / "policies" / source


def critic_path(task: str, artefacts: Path = ARTEFACTS) -> Path:
    """Return the directory of a task's critic."""
    return artefacts / "critics" / task
