"""The tasks of the suite, by name. A package is imported only when one of its tasks is made."""

from collections.abc import Mapping
from types import MappingProxyType

from sim.tasks.base import Env, Step, TaskSpec
from sim.tasks.metaworld import SPECS as METAWORLD_SPECS
from sim.tasks.metaworld import MetaWorldEnv
from sim.tasks.ogbench import SPECS as OGBENCH_SPECS
from sim.tasks.ogbench import OGBenchEnv
from sim.tasks.rendering import NoRendererError
from steer.errors import InvalidInputError

__all__ = ["TASKS", "Env", "NoRendererError", "Step", "TaskSpec", "make", "spec_of"]

TASKS: Mapping[str, TaskSpec] = MappingProxyType({**METAWORLD_SPECS, **OGBENCH_SPECS})


def spec_of(name: str) -> TaskSpec:
    """Return the task called `name`.

    Raises:
        InvalidInputError: There is none; the text lists those that there are.
    """
    if name not in TASKS:
        raise InvalidInputError.expected("task", "one of " + ", ".join(TASKS), repr(name))
    return TASKS[name]


def make(name: str) -> Env:
    """Build the robot and scene of the task called `name`; `reset` begins an episode.

    Raises:
        InvalidInputError: There is no such task.
    """
    spec = spec_of(name)
    return OGBenchEnv(spec) if spec.package == "ogbench" else MetaWorldEnv(spec)
