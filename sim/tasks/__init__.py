"""The tasks of the suite, by name. A package is imported only when one of its tasks is made."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sim.plugins import is_plugin, load_plugin
from sim.tasks.base import Env, Snapshot, Step, TaskSpec
from sim.tasks.disturbed import DisturbedEnv, split_name
from sim.tasks.fetch import SPECS as FETCH_SPECS
from sim.tasks.fetch import FetchEnv
from sim.tasks.metaworld import SPECS as METAWORLD_SPECS
from sim.tasks.metaworld import MetaWorldEnv
from sim.tasks.ogbench import SPECS as OGBENCH_SPECS
from sim.tasks.ogbench import OGBenchEnv
from sim.tasks.rendering import NoRendererError
from steer.errors import ConfigError, InvalidInputError

__all__ = [
    "DEMO",
    "TASKS",
    "Env",
    "NoRendererError",
    "Snapshot",
    "Step",
    "TaskSpec",
    "make",
    "spec_of",
]

TASKS: Mapping[str, TaskSpec] = MappingProxyType(
    {**METAWORLD_SPECS, **OGBENCH_SPECS, **FETCH_SPECS}
)
DEMO = ("push", "peg-insert-side", "cube-single")
"""The tasks of `make demo`."""

_MAKERS: Mapping[str, Callable[[TaskSpec], Env]] = {
    "metaworld": MetaWorldEnv,
    "ogbench": OGBenchEnv,
    "gymnasium-robotics": FetchEnv,
}


def spec_of(name: str) -> TaskSpec:
    """Return the task called `name`; of the user's own, `FILE.py:NAME`, that of its robot.

    Raises:
        InvalidInputError: There is none; the text lists those that there are.
    """
    if is_plugin(name):
        return make(name).spec
    name, _ = split_name(name)
    if name not in TASKS:
        raise InvalidInputError.expected("task", "one of " + ", ".join(TASKS), repr(name))
    return TASKS[name]


def make(name: str) -> Env:
    """Build the robot and scene of the task called `name`; `reset` begins an episode.

    `FILE.py:NAME` names the user's own: what NAME returns without arguments, an `Env`. `push~noise`
    is push, disturbed; see `sim.tasks.disturbed`.

    Raises:
        InvalidInputError: There is no such task.
        ConfigError: The task's package is not installed; the text has the command.
    """
    if is_plugin(name):
        env: Env = load_plugin(name)()
        return env
    task, disturbance = split_name(name)
    if disturbance:
        return DisturbedEnv(make(task), disturbance)
    spec = spec_of(name)
    try:
        return _MAKERS[spec.package](spec)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"task {name!r}: expected the package {spec.package!r}, got no module {error.name!r}; "
            "type: make setup, or: pip install 'vla-steer[sim]'"
        ) from error
