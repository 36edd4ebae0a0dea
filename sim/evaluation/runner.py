"""Many episodes: worker processes of one robot each, and one receiver of rows."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sim.evaluation.cells import Run
from sim.evaluation.job import Job
from sim.evaluation.row import Row, row_of
from steer.errors import ServerError

__all__ = ["EPISODE_S", "WORKER", "run_jobs"]

WORKER = (sys.executable, "-m", "sim.evaluation.worker")
EPISODE_S = 900.0
"""An episode that takes longer hangs: its worker is killed, and the row says so."""
_MAX_LINE_BYTES = 2**24
_CHECKOUT = Path(__file__).resolve().parents[2]


def run_jobs(
    jobs: Iterable[Job],
    *,
    num_workers: int,
    on_row: Callable[[Row], None],
    on_hang: Callable[[Job, Run], Row],
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
        on_hang: Makes the row of an episode whose worker had to be killed.
        log: What the workers' libraries print is added there.
        worker: Command of a worker.
        episode_s: Time that an episode may take, in seconds.
        environment: Variables that the workers see beside those of this process.

    Raises:
        SteerError: An episode could not be run; the rows handed over before stand.
    """
    pool = _Pool(iter(jobs), on_row, on_hang, log, worker, episode_s, environment or {})
    asyncio.run(pool.run(num_workers))


class _Pool:
    """The workers of one run. All methods run on one event loop."""

    def __init__(
        self,
        jobs: Iterator[Job],
        on_row: Callable[[Row], None],
        on_hang: Callable[[Job, Run], Row],
        log: Path,
        worker: Sequence[str],
        episode_s: float,
        environment: Mapping[str, str],
    ) -> None:
        self._environment = environment
        self._jobs = jobs
        self._on_row = on_row
        self._on_hang = on_hang
        self._log = log
        self._worker = worker
        self._episode_s = episode_s
        self._processes: set[asyncio.subprocess.Process] = set()

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
        for job in self._jobs:
            rest: Job | None = job
            while rest is not None:
                process = process or await self._start()
                rest = await self._do(process, rest)
                if rest is not None:  # it hung
                    await self._end(process)
                    process = None
        if process is not None:
            assert process.stdin is not None  # It is a pipe.
            process.stdin.close()
            await process.wait()
            self._processes.discard(process)

    async def _do(self, process: asyncio.subprocess.Process, job: Job) -> Job | None:
        """Have a worker do one job; return what is left of it where the worker hangs."""
        assert process.stdin is not None  # Both are pipes.
        assert process.stdout is not None
        process.stdin.write(job.to_line().encode())
        for index, run in enumerate(job.runs):
            try:
                line = await asyncio.wait_for(process.stdout.readline(), self._episode_s)
            except TimeoutError:
                self._on_row(self._on_hang(job, run))
                left = job.runs[index + 1 :]
                return replace(job, runs=left)
            await self._take(process, job, line)
        await self._take(process, job, await process.stdout.readline())
        return None

    async def _take(self, process: asyncio.subprocess.Process, job: Job, line: bytes) -> None:
        if line == b"\n":
            return
        if not line.endswith(b"\n"):
            code = await process.wait()
            raise ServerError(
                f"worker: expected the rows of {job.cell.name} seed {job.seed}, got its end with "
                f"exit code {code}; its log is {self._log}"
            )
        self._on_row(row_of(line.decode()))

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
