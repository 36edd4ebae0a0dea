"""The server of a run: with the critics and policies that are needed, and no others."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sim.evaluation.arms import ARMS
from sim.evaluation.plan import Todo, arm_source
from sim.server import RunningServer, running_server
from sim.suite import ARTEFACTS, critic_path, policy_path
from sim.tasks import TaskSpec, spec_of
from sim.tasks.views import cloud_tree
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
    allow_unaudited: bool = False,
) -> Iterator[RunningServer]:
    """Run a server with what the episodes need.

    Args:
        todo: The episodes.
        log: Of the server.
        artefacts: Where critics and policies lie.
        critics: Directory by task, of critics that lie elsewhere or are wanted beside.
        policy_workers: Processes that hold every policy.
        allow_unaudited: Whether critics may be measured that did not pass an audit.

    Raises:
        ConfigError: An artefact is missing, and the text has the command that makes it; or a critic
            was trained on clouds that are not those of its task.
        UnreachableError: It did not come up; the text has the end of its log.
    """
    specs = {spec.name: spec for spec in (spec_of(item.cell.task) for item in todo)}
    paths = {task: critic_path(task, artefacts) for task in specs} | dict(critics or {})
    sources = {
        name for item in todo for run in item.runs if (name := arm_source(item.cell, ARMS[run.arm]))
    }
    policies = {name: policy_path(name, artefacts) for name in sorted(sources)}
    for path in (*paths.values(), *policies.values()):
        if not path.is_dir():
            raise ConfigError(f"artefact: expected {path}, got nothing; run: make suite-artefacts")
    for task, spec in specs.items():
        _check_clouds(paths[task], spec)
    with running_server(
        dict(sorted(paths.items())),
        policies,
        log=log,
        policy_workers=policy_workers,
        allow_unaudited=allow_unaudited,
    ) as server:
        yield server


def _check_clouds(critic: Path, spec: TaskSpec) -> None:
    """Refuse a critic that was trained on other clouds than the robot will send.

    Raises:
        ConfigError: Its card says so. One that says nothing of clouds has seen none.
    """
    card = critic / "card.json"
    seen = json.loads(card.read_text()).get("training", {}).get("seen", {}) if card.exists() else {}
    for key, datasets in seen.items():
        for was in (item["cloud"] for item in datasets if item["cloud"] is not None):
            now = cloud_tree(spec, was["num_points"])
            if was != now:
                odd = ", ".join(sorted(k for k in {*was, *now} if was.get(k) != now.get(k)))
                raise ConfigError(
                    f"critic {critic}: expected {key!r} as the robots make them, got other {odd}; "
                    "make frames and critic anew"
                )
