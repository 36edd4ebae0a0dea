"""Many episodes: worker processes of one robot each, and one receiver of rows."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sim.evaluation.arms import Arm, Settings
from sim.evaluation.rows import Row, row_of
from sim.evaluation.worker import Job
from steer.errors import ServerError

__all__ = ["WORKER", "jobs_of", "run_jobs"]

WORKER = (sys.executable, "-m", "sim.evaluation.worker")
_MAX_LINE_BYTES = 2**22
_CHECKOUT = Path(__file__).resolve().parents[2]


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
            missing = tuple(arm.name for arm in arms if (task, arm.name, seed) not in done)
            if missing:
                jobs.append(Job(server, task, seed, missing, settings[task]))
    return jobs


def run_jobs(
    jobs: Sequence[Job],
    *,
    num_workers: int,
    on_row: Callable[[Row], None],
    log: Path,
    worker: Sequence[str] = WORKER,
) -> None:
    """Run jobs in parallel processes and hand over the row of each episode as it ends.

    Args:
        jobs: In order; a worker takes the next as soon as it is free.
        num_workers: Processes; each has its own robots, and one thread.
        on_row: Called in this process.
        log: What the workers' libraries print is added there.
        worker: Command of a worker.

    Raises:
        SteerError: An episode could not be run; the rows handed over before stand.
    """
    if jobs:
        asyncio.run(_run(jobs, min(num_workers, len(jobs)), on_row, log, worker))


async def _run(
    jobs: Sequence[Job],
    num_workers: int,
    on_row: Callable[[Row], None],
    log: Path,
    worker: Sequence[str],
) -> None:
    queue = iter(jobs)
    processes: list[asyncio.subprocess.Process] = []
    drivers: list[asyncio.Task[None]] = []
    try:
        for _ in range(num_workers):
            processes.append(await _start(worker, log))
            drivers.append(asyncio.create_task(_drive(processes[-1], queue, on_row, log)))
        await asyncio.gather(*drivers)
    finally:
        for driver in drivers:
            driver.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def _start(worker: Sequence[str], log: Path) -> asyncio.subprocess.Process:
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            *worker,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=_MAX_LINE_BYTES,
            cwd=_CHECKOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )


async def _drive(
    process: asyncio.subprocess.Process,
    queue: Iterator[Job],
    on_row: Callable[[Row], None],
    log: Path,
) -> None:
    """Feed a worker jobs, one at a time, until there are none; then let it end."""
    for job in queue:
        await _do(process, job, on_row, log)
    assert process.stdin is not None  # It is a pipe.
    process.stdin.close()
    await process.wait()


async def _do(
    process: asyncio.subprocess.Process, job: Job, on_row: Callable[[Row], None], log: Path
) -> None:
    """Have a worker do one job."""
    assert process.stdin is not None  # Both are pipes.
    assert process.stdout is not None
    process.stdin.write(job.to_line().encode())
    while (line := await process.stdout.readline()) != b"\n":
        if not line.endswith(b"\n"):
            code = await process.wait()
            raise ServerError(
                f"worker: expected the rows of {job.task} seed {job.seed}, got its end with exit "
                f"code {code}; its log is {log}"
            )
        on_row(row_of(line.decode()))
