"""The server of a run: with the critics and policies that are needed, and no others."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sim.evaluation.arms import ARMS
from sim.evaluation.plan import Todo, arm_source
from sim.server import RunningServer, running_server
from sim.suite import ARTEFACTS, critic_path, policy_path
from sim.tasks import spec_of
from steer.errors import ConfigError

__all__ = ["serving"]


@contextmanager
def serving(
    todo: Sequence[Todo],
    *,
    log: Path,
    artefacts: Path = ARTEFACTS,
    critics: Mapping[str, Path] | None = None,
    policy_workers: int = 2,
) -> Iterator[RunningServer]:
    """Run a server with what the episodes need.

    Args:
        todo: The episodes.
        log: Of the server.
        artefacts: Where critics and policies lie.
        critics: Directory by task, of critics that lie elsewhere or are wanted beside.
        policy_workers: Processes that hold every policy.

    Raises:
        ConfigError: An artefact is missing; the text has the command that makes it.
        UnreachableError: It did not come up; the text has the end of its log.
    """
    tasks = {spec_of(item.cell.task).name for item in todo}
    paths = {task: critic_path(task, artefacts) for task in tasks} | dict(critics or {})
    sources = {
        name for item in todo for run in item.runs if (name := arm_source(item.cell, ARMS[run.arm]))
    }
    policies = {name: policy_path(name, artefacts) for name in sorted(sources)}
    for path in (*paths.values(), *policies.values()):
        if not path.is_dir():
            raise ConfigError(f"artefact: expected {path}, got nothing; run: make suite-artefacts")
    with running_server(
        dict(sorted(paths.items())), policies, log=log, policy_workers=policy_workers
    ) as server:
        yield server
