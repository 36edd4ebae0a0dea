"""A robot in a process of its own: jobs come in and rows go out, one JSON object a line.

    python -m sim.evaluation.worker

It ends with its input, so whatever kills the run that started it ends it too. Whatever a library
prints goes to the log, never between the rows.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TextIO

from sim.evaluation.arms import ARMS, Arm, Settings
from sim.evaluation.episode import run_episode
from sim.tasks import Env, make
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.errors import SteerError

__all__ = ["Job"]


@dataclass(frozen=True, slots=True)
class Job:
    """The episodes of one seed, one for each arm, run after one another in one process.

    Attributes:
        server: `HOST:PORT`.
        task: Name of the task.
        seed: Of all its episodes.
        arms: Names of those still to run.
        settings: N, margin and beta of the task.
    """

    server: str
    task: str
    seed: int
    arms: tuple[str, ...]
    settings: Settings

    def to_line(self) -> str:
        """Return the job as it travels."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "Job":
        """Return the job of a line that `to_line` wrote."""
        tree: Mapping[str, Any] = json.loads(line)
        settings = Settings(**tree["settings"])
        return cls(tree["server"], tree["task"], tree["seed"], tuple(tree["arms"]), settings)


class _Robots:
    """What a worker keeps between jobs: one robot a task, one session an arm."""

    def __init__(self) -> None:
        self._envs: dict[str, Env] = {}
        self._clients: dict[tuple[str, str, str, Settings], SteerClient] = {}

    def run(self, job: Job, rows: TextIO) -> None:
        """Run a job and write one line an episode, and an empty one at its end."""
        for name in job.arms:
            arm, env = ARMS[name], self._env(job.task)
            client = self._client(job, arm)
            row = run_episode(client, env, arm, job.settings, seed=job.seed, clock=MonotonicClock())
            rows.write(json.dumps(asdict(row), separators=(",", ":")) + "\n")
            rows.flush()
        rows.write("\n")
        rows.flush()

    def close(self) -> None:
        """Close all sessions."""
        for client in self._clients.values():
            client.close()

    def _env(self, task: str) -> Env:
        if task not in self._envs:
            self._envs[task] = make(task)
        return self._envs[task]

    def _client(self, job: Job, arm: Arm) -> SteerClient:
        key = (job.server, job.task, arm.name, job.settings)
        if key not in self._clients:
            client = SteerClient(job.server)
            client.open_session(
                self._env(job.task).spec.embodiment,
                critic=job.task,
                policy=arm.policy(job.task),
                selection=arm.selection(job.settings),
                robot=f"sim/{job.task}/{arm.name}",
            )
            self._clients[key] = client
        return self._clients[key]


def main() -> int:
    """Run jobs until the input ends; returns 0, or 1 after an error, whose text was the last row.

    Ctrl-C reaches the whole terminal; the run that started this process handles it for both.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as rows:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        robots = _Robots()
        try:
            for line in sys.stdin:
                robots.run(Job.from_line(line), rows)
        except SteerError as error:
            rows.write(json.dumps({"error": str(error)}) + "\n")
            return 1
        except BrokenPipeError:  # The run was killed while this episode went on.
            return 1
        finally:
            robots.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
