"""Many episodes: worker processes of one robot each, and one writer of rows."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

from sim.evaluation.arms import Arm, Settings
from sim.evaluation.episode import run_episode
from sim.evaluation.rows import Row
from sim.tasks import Env, make
from steer.client import SteerClient
from steer.clock import MonotonicClock

__all__ = ["Job", "jobs_of", "run_jobs"]

_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """The episodes of one seed, one for each arm, run after one another in one process.

    Attributes:
        server: `HOST:PORT`.
        task: Name of the task.
        seed: Of all its episodes.
        arms: Still to run.
        settings: N, margin and beta of the task.
    """

    server: str
    task: str
    seed: int
    arms: tuple[Arm, ...]
    settings: Settings


def jobs_of(
    server: str,
    seeds: Mapping[str, Sequence[int]],
    arms: Sequence[Arm],
    settings: Mapping[str, Settings],
    done: set[tuple[str, str, int]],
) -> list[Job]:
    """Return what is still to be run, the tasks in turn so that partial results are balanced."""
    jobs = []
    longest = max((len(item) for item in seeds.values()), default=0)
    for index in range(longest):
        for task, numbers in seeds.items():
            if index >= len(numbers):
                continue
            seed = numbers[index]
            missing = tuple(arm for arm in arms if (task, arm.name, seed) not in done)
            if missing:
                jobs.append(Job(server, task, seed, missing, settings[task]))
    return jobs


def run_jobs(
    jobs: Sequence[Job], *, num_workers: int, on_rows: Callable[[list[Row]], None]
) -> None:
    """Run jobs in parallel processes and hand over the rows of each as it ends.

    Args:
        jobs: In order.
        num_workers: Processes; each has its own robots, and one thread.
        on_rows: Called in this process.

    Raises:
        SteerError: An episode could not be run; the rows handed over before stand.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    queue = iter(jobs)
    with ProcessPoolExecutor(
        num_workers, mp_context=get_context("spawn"), initializer=_ignore_interrupt
    ) as pool:
        try:
            # A short queue, so that an interrupt does not wait for jobs that have not begun.
            running = {pool.submit(_run, job) for job in islice(queue, num_workers + 1)}
            while running:
                ended, running = _wait(running)
                for future in ended:
                    on_rows(future.result())
                    running |= {pool.submit(_run, job) for job in islice(queue, 1)}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in (pool._processes or {}).values():
                process.terminate()
            raise


def _wait(
    running: set["Future[list[Row]]"],
) -> tuple[set["Future[list[Row]]"], set["Future[list[Row]]"]]:
    """Wait for one job at least, in short waits so that Ctrl-C is heard."""
    while True:
        ended, rest = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED)
        if ended:
            return ended, rest


def _ignore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Robots:
    """What a worker process keeps between jobs: one robot a task, one session an arm."""

    def __init__(self) -> None:
        self.envs: dict[str, Env] = {}
        self.clients: dict[tuple[str, str, Arm, Settings], SteerClient] = {}

    def env(self, task: str) -> Env:
        """Return the robot of a task."""
        if task not in self.envs:
            self.envs[task] = make(task)
        return self.envs[task]

    def client(self, job: Job, arm: Arm) -> SteerClient:
        """Return a client with the session of an arm."""
        key = (job.server, job.task, arm, job.settings)
        if key not in self.clients:
            client = SteerClient(job.server)
            client.open_session(
                self.env(job.task).spec.embodiment,
                critic=job.task,
                policy=arm.policy(job.task),
                selection=arm.selection(job.settings),
                robot=f"sim/{job.task}/{arm.name}",
            )
            self.clients[key] = client
        return self.clients[key]


_robots = _Robots()


def _run(job: Job) -> list[Row]:
    return [
        run_episode(
            _robots.client(job, arm),
            _robots.env(job.task),
            arm,
            job.settings,
            seed=job.seed,
            clock=MonotonicClock(),
        )
        for arm in job.arms
    ]
