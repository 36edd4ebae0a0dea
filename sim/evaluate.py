"""Paired episodes of robots in simulation, through a real server.

    python -m sim.evaluate --tasks push,cube-single --arms alone,random,steered --episodes 100 \
        --seeds test --output runs/proof

Every arm sees the same seeds, initial states and policy noise. One row an episode goes to
`rows.jsonl` in the output directory; the same command goes on where a stopped one was.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from tqdm import tqdm

from sim.evaluation.arms import ARMS, Arm, Settings, arms_of
from sim.evaluation.rows import Row, RowFile
from sim.evaluation.runner import jobs_of, run_jobs
from sim.seeds import Split, episode_seeds
from sim.server import RunningServer, running_server
from sim.stats import paired_difference, success_rate
from sim.tasks import DEMO, spec_of
from steer.client import SteerClient
from steer.errors import ConfigError, SteerError
from steer.wire.session import ServerDescription

__all__ = [
    "ARTEFACTS",
    "Evaluation",
    "evaluate",
    "load_settings",
    "main",
    "outcomes",
    "serving",
    "summary",
    "warn_of_tuning",
]

ARTEFACTS = Path(__file__).parent / "artefacts"
_PACKAGES = ("metaworld", "ogbench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What to run.

    Attributes:
        tasks: Names of the tasks.
        arms: Ways of choosing.
        num_episodes: A task and arm.
        split: Which seeds.
        first: How many seeds of the split to skip.
        settings: N, margin and beta, by task.
        num_workers: Parallel robots.
    """

    tasks: tuple[str, ...]
    arms: tuple[Arm, ...]
    num_episodes: int
    split: Split
    first: int = 0
    settings: Mapping[str, Settings]
    num_workers: int = 2

    def seeds(self, task: str) -> range:
        """Return the seeds of a task."""
        count = self.first + self.num_episodes
        return episode_seeds(self.split, count, block=spec_of(task).seed_block)[self.first :]


def load_settings(tasks: Sequence[str]) -> dict[str, Settings]:
    """Return what was chosen on tune seeds, by task; the defaults where nothing was."""
    path = ARTEFACTS / "tuning.json"
    tuned = json.loads(path.read_text())["settings"] if path.is_file() else {}
    return {task: Settings(**tuned.get(task, {})) for task in tasks}


@contextmanager
def serving(tasks: Sequence[str], arms: Sequence[Arm], *, log: Path) -> Iterator[RunningServer]:
    """Run a server with the artefacts that the tasks and arms need.

    Raises:
        ConfigError: An artefact is missing; the text has the command that makes it.
    """
    names = {arm.policy(task) for task in tasks for arm in arms}
    critics = {task: ARTEFACTS / task / "critic" for task in tasks}
    policies = {}
    for name in sorted(names):
        task = name.removesuffix("-filtered")
        policies[name] = ARTEFACTS / task / ("policy" if name == task else "policy-filtered")
    for path in (*critics.values(), *policies.values()):
        if not path.is_dir():
            raise ConfigError(f"artefact: expected {path}, got nothing; run: make demo-artefacts")
    with running_server(critics, policies, log=log) as server:
        yield server


def evaluate(evaluation: Evaluation, server: str, output: Path) -> list[Row]:
    """Run what is still missing and return all rows.

    Args:
        evaluation: What to run.
        server: `HOST:PORT`.
        output: Directory of the run.

    Raises:
        ConfigError: The directory holds a run with other settings.
        SteerError: The server failed; the rows before stand.
    """
    seeds = {task: evaluation.seeds(task) for task in evaluation.tasks}
    with SteerClient(server) as client:
        description = client.describe()
    policies = {item.name: item.digest for item in description.policies}
    with RowFile(output, _identity(evaluation, description)) as file:
        _check_policies(file.rows, policies, output)
        done = {row.key for row in file.rows}
        jobs = jobs_of(server, seeds, evaluation.arms, evaluation.settings, done)
        total = evaluation.num_episodes * len(evaluation.tasks) * len(evaluation.arms)
        missing = sum(len(job.arms) for job in jobs)
        with tqdm(total=total, initial=total - missing, unit="episode", mininterval=1) as bar:

            def take(row: Row) -> None:
                file.append(row)
                bar.set_postfix_str(row.task, refresh=False)
                bar.update()

            run_jobs(
                jobs,
                num_workers=evaluation.num_workers,
                on_row=take,
                log=output / "workers.log",
            )
    names = {arm.name for arm in evaluation.arms}
    return [r for r in file.rows if r.arm in names and r.seed in seeds.get(r.task, ())]


def warn_of_tuning(tasks: Sequence[str], server: str) -> None:
    """Say for which tasks N and the margin were chosen with other weights than those served."""
    with SteerClient(server) as client:
        description = client.describe()
    for warning in _tuned_for_others(tasks, description):
        sys.stderr.write(f"warning: {warning}\n")


def _tuned_for_others(tasks: Sequence[str], description: ServerDescription) -> list[str]:
    path = ARTEFACTS / "tuning.json"
    trials = json.loads(path.read_text())["trials"] if path.is_file() else {}
    served = {
        "critic": {item.name: item.digest for item in description.critics},
        "policy": {item.name: item.digest for item in description.policies},
    }
    return [
        f"{task}: N and margin were chosen with another {kind}; choose anew: python -m sim.tune"
        for task in tasks
        if task in trials
        for kind, digests in served.items()
        if task in digests and trials[task].get(kind) != digests[task]
    ]


def _check_policies(rows: Sequence[Row], policies: Mapping[str, str], output: Path) -> None:
    """Refuse to go on with rows of other policies than those that are served.

    Raises:
        ConfigError: There is such a row.
    """
    for row in rows:
        name = ARMS[row.arm].policy(row.task)
        if policies.get(name, row.policy) != row.policy:
            raise ConfigError(
                f"--output: expected a new directory or one of a run with the same policies, got "
                f"{output}, where {name} was {row.policy}, is {policies[name]}"
            )


def _identity(evaluation: Evaluation, description: ServerDescription) -> dict[str, Any]:
    """Return what the rows of one run have in common, beside task, arm, seed and policy."""
    specs = {task: spec_of(task) for task in evaluation.tasks}
    return {
        "split": evaluation.split,
        "settings": {task: asdict(evaluation.settings[task]) for task in evaluation.tasks},
        "critics": {item.name: item.digest for item in description.critics if item.name in specs},
        "max_steps": {task: spec.max_steps for task, spec in specs.items()},
        "commit_horizons": {task: spec.commit_horizon for task, spec in specs.items()},
        "device": description.device,
        "versions": {name: version(name) for name in ("mujoco", *_PACKAGES)},
    }


def outcomes(rows: Sequence[Row], task: str, arm: str) -> dict[int, bool]:
    """Return success by seed."""
    return {row.seed: row.is_success for row in rows if row.task == task and row.arm == arm}


def summary(rows: Sequence[Row], evaluation: Evaluation) -> str:
    """Return a table: success of every arm, and its difference to the policy alone."""
    lines = [
        f"{evaluation.split} seeds",
        f"{'task':18}{'arm':18}{'n':>5}  success            minus alone",
    ]
    for task in evaluation.tasks:
        alone = outcomes(rows, task, "alone")
        for arm in evaluation.arms:
            mine = outcomes(rows, task, arm.name)
            rate = success_rate(list(mine.values()))
            line = f"{task:18}{arm.name:18}{rate.n:5d}  {rate.value:.2f} "
            line += f"[{rate.low:.2f}, {rate.high:.2f}]"
            shared = sorted(mine.keys() & alone.keys())
            if shared and arm.name != "alone":
                gap = paired_difference([mine[s] for s in shared], [alone[s] for s in shared])
                line += f"  {gap.value:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]"
            lines.append(line)
    return "\n".join(lines)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sim.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tasks", default=",".join(DEMO), help="comma-separated (default: the demo's)"
    )
    parser.add_argument("--arms", default="alone,random,steered", help="comma-separated")
    parser.add_argument("--episodes", type=int, default=100, help="a task and arm (default: 100)")
    parser.add_argument("--seeds", choices=get_args(Split), default="test", help="default: test")
    parser.add_argument("--first", type=int, default=0, help="seeds of the split to skip")
    parser.add_argument("--candidates", type=int, help="N (default: as tuned)")
    parser.add_argument("--margin", type=float, help="of the gate (default: as tuned)")
    parser.add_argument("--beta", type=float, help="of the soft minimum (default: as tuned)")
    parser.add_argument("--workers", type=int, default=2, help="parallel robots (default: 2)")
    parser.add_argument("--server", help="HOST:PORT of a running server (default: start one)")
    parser.add_argument("--output", type=Path, required=True, help="directory of the run")
    return parser.parse_args(arguments)


def _evaluation(options: argparse.Namespace) -> Evaluation:
    tasks = tuple(spec_of(name.strip()).name for name in options.tasks.split(","))
    settings = load_settings(tasks)
    given = {
        "num_candidates": options.candidates,
        "margin": options.margin,
        "beta": options.beta,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    return Evaluation(
        tasks=tasks,
        arms=arms_of(options.arms),
        num_episodes=options.episodes,
        split=options.seeds,
        first=options.first,
        settings={task: replace(item, **changes) for task, item in settings.items()},
        num_workers=options.workers,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 2 refused, 130 interrupted."""
    try:
        options = _options(arguments)
        evaluation = _evaluation(options)
        if options.server:
            rows = evaluate(evaluation, options.server, options.output)
        else:
            log = options.output / "server.log"
            with serving(evaluation.tasks, evaluation.arms, log=log) as server:
                if options.candidates is None and options.margin is None:
                    warn_of_tuning(evaluation.tasks, server.address)
                rows = evaluate(evaluation, server.address, options.output)
    except (SteerError, OSError) as error:
        sys.stderr.write(f"sim.evaluate: error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on with what is missing\n")
        return 130
    sys.stdout.write(summary(rows, evaluation) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
