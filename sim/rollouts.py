"""Records what a policy did in a run as a LeRobotDataset v3, for a critic to learn from.

    python -m sim.evaluate --cells 'diffusion/push,act/scene' --arms alone,random --seeds train \
        --first 1000 --episodes 200 --logs 200 --output runs/rollouts
    python -m sim.rollouts runs/rollouts --data data/rollouts

The decision logs hold which actions ran; run again from the same seeds they give every tick of the
same episodes, with the cameras that are asked for. An episode that does not end as its row says is
an error. Each policy and arm has a directory of its own, `DATA/POLICY-ARM/DATASET`; of several N
an arm, none can be told from another, so a run has one.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from sim.evaluation.cells import Cell, Run
from sim.evaluation.row import Row
from sim.evaluation.table import read_table
from sim.interrupt import GOES_ON, exit_code, run
from sim.recording import record
from sim.tasks import Env, spec_of
from steer.decision_log import read_decision_log
from steer.errors import ConfigError, DatasetError
from steer.types import Observation

__all__ = ["Replayed", "main"]


@dataclass(slots=True)
class Replayed:
    """Does what was done in the episode of the same seed; an expert for `sim.recording`.

    Attributes:
        rows: The episodes' rows, by seed.
        logs: Directory of their decision logs.
    """

    rows: Mapping[int, Row]
    logs: Path
    _actions: Iterator[NDArray[np.float32]] = field(default_factory=lambda: iter(()))
    _seed: int = 0

    def begin(self, env: Env, seed: int) -> None:
        """Read the episode's log."""
        row = self.rows[seed]
        run = Run(row.arm, row.num_candidates, "task")
        path = self.logs / f"{run.file_name(Cell(row.policy, row.task), seed)}.decisions"
        if not path.is_file():
            raise ConfigError(f"{path}: expected the episode's decision log, got none; use --logs")
        length = env.spec.commit_horizon
        _, decisions = read_decision_log(path)
        chunks = [item.decision.chunk[:length] for item in decisions]
        self._actions, self._seed = iter(np.concatenate(chunks)[: row.steps]), seed

    def act(self, observation: Observation) -> NDArray[np.float32]:
        """Return the next action of the log.

        Raises:
            DatasetError: The episode goes on after its log: it is not the same.
        """
        try:
            return next(self._actions)
        except StopIteration:
            row = self.rows[self._seed]
            raise DatasetError(
                f"seed {self._seed}: expected the episode to end after {row.steps} ticks as "
                "before, got one that goes on; was it recorded with the same packages?"
            ) from None

    def check(self, seed: int, frames: Sequence[Mapping[str, Any]]) -> None:
        """Refuse an episode that ended in another tick or otherwise than its row says.

        Args:
            seed: Of the episode.
            frames: Its rows, as recorded.

        Raises:
            DatasetError: It is not the same.
        """
        row, is_success = self.rows[seed], bool(frames[-1]["next.success"][0])
        if (len(frames), is_success) != (row.steps, row.is_success):
            expected = _ending(row.steps, is_success=row.is_success)
            raise DatasetError(
                f"seed {seed}: expected {expected} as before, got "
                f"{_ending(len(frames), is_success=is_success)}; was it recorded with the same "
                "packages?"
            )


def _ending(steps: int, *, is_success: bool) -> str:
    return f"{'a success' if is_success else 'a failure'} after {steps} ticks"


def _record(options: argparse.Namespace) -> int:
    rows = read_table(options.run / "rows.parquet")
    wanted = set(options.tasks.split(",") if options.tasks else (row.task for row in rows))
    rows = [row for row in rows if not row.flag and row.limit == "task" and row.task in wanted]
    rows.sort(key=lambda row: (row.policy, row.arm, row.task, row.num_candidates, row.seed))
    if not rows:
        of = f" of {options.tasks}" if options.tasks else ""
        raise ConfigError(f"{options.run}: expected episodes{of}, got none")
    _check_counts(options.run, rows)
    groups = groupby(rows, key=lambda row: (row.policy, row.arm, row.task))
    for (policy, arm, task), found in groups:
        by_seed = {row.seed: row for row in found}
        spec = replace(spec_of(task), mixture=((0.0, 1),))
        root = options.data / f"{policy}-{arm}" / spec.dataset
        name = f"{policy}-{arm} {task}"
        with closing(tqdm(total=len(by_seed), desc=name)) as bar:

            def show(num_there: int, num_wanted: int, bar: "tqdm[NoReturn]" = bar) -> None:
                bar.update(num_there - bar.n)

            expert = Replayed(by_seed, options.run / "decisions")
            done = record(
                spec,
                root,
                dict.fromkeys(by_seed, 0.0),
                progress=show,
                expert=expert,
                check=expert.check,
            )
        if not done:
            return 130
    return 0


def _check_counts(directory: Path, rows: Sequence[Row]) -> None:
    """Refuse a run with several N of an arm: its episodes have the same seeds and directory.

    Raises:
        ConfigError: There are.
    """
    counts: dict[tuple[str, str, str], set[int]] = {}
    for row in rows:
        counts.setdefault((row.policy, row.task, row.arm), set()).add(row.num_candidates)
    for (policy, task, arm), found in counts.items():
        if len(found) > 1:
            several = ", ".join(map(str, sorted(found)))
            raise ConfigError(
                f"{directory}: expected one N of the arm {arm} of {policy}/{task}, got {several}; "
                "record each N from a run of its own"
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 done, 2 refused, 130 stopped by Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m sim.rollouts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="directory of the run")
    parser.add_argument("--data", type=Path, required=True, help="where the datasets go")
    parser.add_argument("--tasks", metavar="TASK,…", help="of these tasks alone")
    options = parser.parse_args(arguments)
    return exit_code("sim.rollouts", partial(_record, options), interrupted=GOES_ON)


if __name__ == "__main__":
    sys.exit(run(main))
