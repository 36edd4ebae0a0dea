"""Runs what is missing of an evaluation, through a server that may die."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sim import opengl
from sim.evaluation.arms import ARMS
from sim.evaluation.cells import Run
from sim.evaluation.job import Job
from sim.evaluation.plan import Evaluation, Todo, arm_source
from sim.evaluation.robots import rehearse
from sim.evaluation.row import Row
from sim.evaluation.rows import RowFile
from sim.evaluation.runner import run_jobs
from sim.origin import Origin, code_digest, versions
from sim.seeds import split_of
from sim.tasks import spec_of
from steer.client import SteerClient
from steer.clock import Clock, MonotonicClock
from steer.errors import (
    LateError,
    OverloadedError,
    PolicyError,
    ServerError,
    UnreachableError,
)
from steer.frames import IMAGES, POINTS
from steer.wire.session import ServerDescription

__all__ = ["Campaign", "Progress"]

_ATTEMPTS = 3
_PASSING = (LateError, OverloadedError, PolicyError, ServerError, UnreachableError)

Serve = Callable[[Sequence[Todo]], AbstractContextManager[str]]
"""Starts a server with all that is to be run, and gives its `HOST:PORT`."""
Filter = Callable[[Todo], bool]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        rows: All rows that belong to the evaluation.
        num_missing: Episodes that were not run: time was up.
    """

    rows: list[Row]
    num_missing: int


@dataclass(slots=True, kw_only=True)
class Campaign:
    """One command's share of an evaluation.

    Attributes:
        evaluation: What to run.
        output: Directory of the run.
        serve: Starts the server; called again should it die.
        num_workers: Parallel robots.
        budget_s: Time after which no further seed of a cell is begun, in seconds; None for no
            limit.
        check: Called with the server's description before the first episode; raises where it is
            not what the evaluation is about.
        is_wanted: Asked before each job; a sequential run says no once a cell's verdict is clear.
        on_row: Called with each row.
        logged_seeds: How many seeds of each cell leave decision logs.
        given: What else all rows of one run have in common, known before a server is up: a run that
            is complete needs none.
        origin: Which command makes the rows, and on what; kept in `run.json` for the report.
        clock: Of the budget.
    """

    evaluation: Evaluation
    output: Path
    serve: Serve
    num_workers: int = 4
    budget_s: float | None = None
    check: Callable[[ServerDescription], None] = lambda description: None
    is_wanted: Filter = lambda todo: True
    on_row: Callable[[Row], None] = lambda row: None
    logged_seeds: int = 0
    given: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin | None = None
    clock: Clock = field(default_factory=MonotonicClock)
    _digests: dict[str, str] = field(default_factory=dict)

    def run(self) -> Progress:
        """Run what is missing; rows are kept as they come.

        Raises:
            ConfigError: The directory holds a run with other settings, critics or policies.
            SteerError: The server or a worker failed again and again without one more episode; the
                rows before stand.
        """
        begun_s, failures = self.clock.now_s(), 0
        begun = datetime.now(UTC).isoformat()
        wanted = self.evaluation.all_keys()
        with RowFile(self.output, {**_settings(self.evaluation), **self.given}) as file:
            if self.origin is not None and self._left(file):
                file.agree(self.origin.entry(begun))
            for row in file.rows:
                self.on_row(row)
            known = -1
            while todo := self._left(file):
                if self._is_over(begun_s):
                    break
                failures = failures + 1 if len(file.keys) == known else 0
                known = len(file.keys)
                try:
                    self._serve_and_run(file, todo, begun_s)
                except _PASSING as error:
                    if failures + 1 >= _ATTEMPTS:
                        raise
                    sys.stderr.write(f"\n{error}\nstarting again with what is missing\n")
                else:
                    break
            file.pack()
            if known >= 0:
                file.agree({"spent_s": {begun: round(self.clock.now_s() - begun_s)}})
            rows = [row for row in file.rows if row.key in wanted]
            return Progress(rows, sum(len(item.runs) for item in self._left(file)))

    def _left(self, file: RowFile) -> list[Todo]:
        return [item for item in self.evaluation.todo(file.keys) if self.is_wanted(item)]

    def _is_over(self, begun_s: float) -> bool:
        return self.budget_s is not None and self.clock.now_s() - begun_s >= self.budget_s

    def _serve_and_run(self, file: RowFile, todo: Sequence[Todo], begun_s: float) -> None:
        with self.serve(todo) as address:
            with SteerClient(address) as client:
                description = client.describe()
            self.check(description)
            rehearse(address, todo, self.evaluation.settings)
            file.agree(_identity(self.evaluation, description))
            self._digests = {item.name: item.digest for item in description.critics}
            self._digests |= {item.name: item.digest for item in description.policies}
            total = sum(len(item.runs) for item in todo)
            with tqdm(total=total, unit="episode", mininterval=1, smoothing=0.05) as bar:

                def take(row: Row) -> None:
                    file.append(row)
                    self.on_row(row)
                    bar.set_postfix_str(f"{row.policy}/{row.task} {row.arm}", refresh=False)
                    bar.update()

                run_jobs(
                    self._jobs(address, todo, begun_s),
                    num_workers=min(self.num_workers, len(todo)),
                    on_row=take,
                    on_broken=self._broken,
                    log=self.output / "workers.log",
                    environment=_environment(description),
                )

    def _jobs(self, address: str, todo: Sequence[Todo], begun_s: float) -> Iterator[Job]:
        for item in todo:
            if self._is_over(begun_s):
                return
            if not self.is_wanted(item):
                continue
            spec_seeds = self.evaluation.seeds(item.cell.task, 1)
            is_logged = item.seed < spec_seeds.start + self.logged_seeds
            yield Job(
                server=address,
                cell=item.cell,
                seed=item.seed,
                runs=item.runs,
                settings=self.evaluation.settings,
                sources={run.arm: arm_source(item.cell, ARMS[run.arm]) for run in item.runs},
                logs=str(self.output / "decisions") if is_logged else "",
            )

    def _broken(self, job: Job, run: Run, reason: str) -> Row:
        """Return the row of an episode that had no end: it hung, or took its worker with it."""
        spec = spec_of(job.cell.task)
        limit = spec.package_max_steps if run.limit == "package" else spec.max_steps
        return Row(
            policy=job.cell.policy,
            task=job.cell.task,
            arm=run.arm,
            num_candidates=run.num_candidates,
            limit=run.limit,
            seed=job.seed,
            split=split_of(job.seed),
            is_success=False,
            steps=0,
            total_reward=-float(limit),
            flag=reason,
            num_scored=0,
            indices=(),
            advantages=(),
            reasons=(),
            policy_ms=(),
            server_ms=(),
            round_trip_ms=(),
            critic_digest=self._digests.get(spec.name, ""),
            policy_digest=self._digests.get(job.sources.get(run.arm, ""), ""),
        )


def _environment(description: ServerDescription) -> dict[str, str]:
    """Return what robots need that take pictures for a policy or a critic.

    Raises:
        ConfigError: This machine cannot render.
    """
    bodies = [item.embodiment for item in description.policies]
    bodies += [item.embodiment for item in description.critics]
    names = [field.name for body in bodies for field in body.observations]
    if not any(name.startswith((IMAGES, POINTS)) for name in names):
        return {}
    return {"MUJOCO_GL": opengl.choose()}


def _settings(evaluation: Evaluation) -> dict[str, Any]:
    """Return what all rows of one run have in common."""
    specs = {task: spec_of(task) for task in evaluation.tasks}
    weights = dict(sorted(evaluation.settings.weights.items()))
    return {
        "split": evaluation.split,
        "margin": evaluation.settings.margin,
        "beta": evaluation.settings.beta,
        "blank": evaluation.settings.blank,
        **({"weights": weights} if weights else {}),
        **{
            name: getattr(evaluation.settings, name)
            for name in ("num_fitted", "adaptive", "paraphrase")
            if getattr(evaluation.settings, name)
        },
        "max_steps": {task: spec.max_steps for task, spec in specs.items()},
        "commit_horizons": {task: spec.commit_horizon for task, spec in specs.items()},
        "versions": versions(),
        **({"code": code_digest()} if evaluation.split == "test" else {}),
    }


def _identity(evaluation: Evaluation, description: ServerDescription) -> Mapping[str, Any]:
    """Return the same with what the server says."""
    return {
        **_settings(evaluation),
        "device": description.device,
        "critics": {item.name: item.digest for item in description.critics},
        "policies": {item.name: item.digest for item in description.policies},
    }
