"""Many episodes: worker processes of one robot each, and one receiver of rows."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sim.evaluation.cells import Cell, Run
from sim.evaluation.job import Job
from sim.evaluation.row import Row, row_of
from steer.errors import ServerError

__all__ = ["EPISODE_S", "WORKER", "run_jobs"]

WORKER = (sys.executable, "-m", "sim.evaluation.worker")
EPISODE_S = 900.0
"""An episode that takes longer hangs: its worker is killed, and the row says so."""
_HUNG = "hung: the episode did not end, its worker was killed"
_MAX_LINE_BYTES = 2**24
_MOST_DEATHS = 3
_CHECKOUT = Path(__file__).resolve().parents[2]


def run_jobs(
    jobs: Iterable[Job],
    *,
    num_workers: int,
    on_row: Callable[[Row], None],
    on_broken: Callable[[Job, Run, str], Row],
    log: Path,
    worker: Sequence[str] = WORKER,
    episode_s: float = EPISODE_S,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run jobs in parallel processes and hand over the row of each episode as it ends.

    Args:
        jobs: In order, and asked for one at a time: a worker takes the next when it is free.
        num_workers: Processes; each has its own robots, and one thread.
        on_row: Called in this process.
        on_broken: Makes the row of an episode that had no end, with the reason: its worker had to
            be killed, or died of it twice while others did not.
        log: What the workers' libraries print is added there.
        worker: Command of a worker.
        episode_s: Time that an episode may take, in seconds.
        environment: Variables that the workers see beside those of this process.

    Raises:
        SteerError: An episode could not be run; the rows handed over before stand.
    """
    pool = _Pool(iter(jobs), on_row, on_broken, log, worker, episode_s, environment or {})
    asyncio.run(pool.run(num_workers))


class _Pool:
    """The workers of one run. All methods run on one event loop."""

    def __init__(
        self,
        jobs: Iterator[Job],
        on_row: Callable[[Row], None],
        on_broken: Callable[[Job, Run, str], Row],
        log: Path,
        worker: Sequence[str],
        episode_s: float,
        environment: Mapping[str, str],
    ) -> None:
        self._environment = environment
        self._jobs = jobs
        self._on_row = on_row
        self._on_broken = on_broken
        self._log = log
        self._worker = worker
        self._episode_s = episode_s
        self._processes: set[asyncio.subprocess.Process] = set()
        self._deaths = 0  # since the last row
        self._died: set[tuple[Cell, int, Run]] = set()
        self._again: list[Job] = []

    async def run(self, num_workers: int) -> None:
        """Run all jobs; the first error ends all workers."""
        drivers = [asyncio.create_task(self._drive()) for _ in range(num_workers)]
        try:
            await asyncio.gather(*drivers)
        finally:
            for driver in drivers:
                driver.cancel()
            await asyncio.gather(*drivers, return_exceptions=True)
            for process in tuple(self._processes):
                await self._end(process)

    async def _drive(self) -> None:
        """Feed a worker jobs, one at a time, until there are none; then let it end."""
        process: asyncio.subprocess.Process | None = None
        while (rest := self._next()) is not None:
            while rest is not None:
                process = process or await self._start()
                rest = await self._do(process, rest)
                if rest is not None or process.returncode is not None:  # it hung or died
                    await self._end(process)
                    process = None
        if process is not None:
            assert process.stdin is not None  # It is a pipe.
            process.stdin.close()
            await process.wait()
            self._processes.discard(process)

    def _next(self) -> Job | None:
        """Return the next job; those whose worker died come again at the end."""
        job = next(self._jobs, None)
        return job if job is not None or not self._again else self._again.pop(0)

    async def _do(self, process: asyncio.subprocess.Process, job: Job) -> Job | None:
        """Have a worker do one job; return what is left of it for another worker."""
        assert process.stdin is not None  # Both are pipes.
        assert process.stdout is not None
        process.stdin.write(job.to_line().encode())
        for index, run in enumerate(job.runs):
            try:
                line = await asyncio.wait_for(process.stdout.readline(), self._episode_s)
            except TimeoutError:
                self._on_row(self._on_broken(job, run, _HUNG))
                return replace(job, runs=job.runs[index + 1 :])
            if not line.endswith(b"\n"):
                return self._after_death(job, index, await process.wait())
            self._on_row(row_of(line.decode()))
            self._deaths = 0
        await process.stdout.readline()
        return None

    def _after_death(self, job: Job, index: int, code: int) -> Job | None:
        """Return what is to be run now of a job whose worker died at one of its episodes.

        The first time it comes again after all others. The second time the episode is at fault,
        and has failed.

        Raises:
            ServerError: Nothing but deaths: the episodes are not at fault.
        """
        run = job.runs[index]
        key = (job.cell, job.seed, run)
        self._deaths += 1
        if self._deaths >= _MOST_DEATHS:
            raise ServerError(
                f"worker: expected the rows of {job.cell.name} seed {job.seed}, got its end with "
                f"exit code {code}, as {self._deaths - 1} times before; its log is {self._log}"
            )
        if key not in self._died:
            self._died.add(key)
            self._again.append(replace(job, runs=job.runs[index:]))
            return None
        self._on_row(self._on_broken(job, run, f"crashed: its worker ended with exit code {code}"))
        return replace(job, runs=job.runs[index + 1 :])

    async def _start(self) -> asyncio.subprocess.Process:
        with self._log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *self._worker,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_MAX_LINE_BYTES,
                env={
                    **os.environ,
                    "OMP_NUM_THREADS": "1",
                    "PYTHONPATH": _python_path(),
                    **self._environment,
                },
            )
        self._processes.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        self._processes.discard(process)


def _python_path() -> str:
    """Return the import path of this checkout, whatever directory the user is in."""
    known = os.environ.get("PYTHONPATH")
    return f"{_CHECKOUT}{os.pathsep}{known}" if known else str(_CHECKOUT)
