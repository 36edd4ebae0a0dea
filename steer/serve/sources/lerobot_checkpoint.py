"""LeRobot checkpoints as policy sources: one worker process for all, kept alive.

Requests are served in order, one at a time. A worker that dies or hangs is started anew, later and
later while it does not succeed; until it is back, every request is refused at once.
"""

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steer.errors import CheckpointError, PolicyError, SteerError
from steer.serve.sources.base import PolicySource, SourceInfo
from steer.serve.sources.checkpoint import Checkpoint, read_checkpoint
from steer.serve.sources.framing import Message
from steer.serve.sources.jobs import Job
from steer.serve.sources.lerobot_source import LeRobotSource
from steer.serve.sources.process import WORKER_COMMAND, WorkerProcess

__all__ = ["LeRobotWorker"]

logger = logging.getLogger(__name__)

_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 30.0


class LeRobotWorker:
    """The policy worker of a server, and the sources that draw from it.

    Belongs to the event loop that starts it.

    Args:
        checkpoints: Directory of each source, by its name.
        guided: Names of those that guide their chunks by what runs (real-time chunking).
        device: torch's name of the device that the policies run on, for example `cpu`.
        command: What to run as the worker.
        load_budget_s: Time that loading all checkpoints may take, in seconds.
        grace_s: How long after its budget a request may stay without an answer before the worker
            counts as hung, in seconds; what its chunks would take one by one is added.
        restart_delay_s: Wait before the first attempt to start a dead worker again, in seconds; it
            doubles with each attempt, up to 30 s, until a draw succeeds.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, Path],
        *,
        guided: Collection[str] = (),
        device: str = "cpu",
        command: Sequence[str] = WORKER_COMMAND,
        load_budget_s: float = 600.0,
        grace_s: float = 10.0,
        restart_delay_s: float = _FIRST_DELAY_S,
    ) -> None:
        self._directories, self._guided = dict(checkpoints), frozenset(guided)
        self._device = device
        self._command = command
        self._load_budget_s = load_budget_s
        self._grace_s = grace_s
        self._restart_delay_s = restart_delay_s
        self._delay_s = restart_delay_s
        self._checkpoints: dict[str, Checkpoint] = {}
        self._sources: dict[str, LeRobotSource] = {}
        self._first_s: dict[str, float] = {}
        self._load_s = 0.0
        self._jobs: deque[Job] = deque()
        self._wake = asyncio.Event()
        self._last_id = 0
        self._refusal: str | None = "policy worker: not started"
        self._pid: int | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def sources(self) -> Mapping[str, PolicySource]:
        """What can be drawn from, by name; empty before `start`."""
        return self._sources

    @property
    def load(self) -> float:
        """Draws that wait or run; infinite while there is no worker for them."""
        return math.inf if self._refusal is not None else len(self._jobs)

    @property
    def pid(self) -> int | None:
        """Process id of the worker that serves now, None while there is none."""
        return self._pid

    async def start(self) -> None:
        """Read and load all checkpoints, and try each one once.

        Raises:
            CheckpointError: One is missing, damaged, does not fit its `steer.json`, or is to guide
                its chunks and cannot.
            PolicyError: The worker does not start.
        """
        self._checkpoints = await self._read_checkpoints()
        process, infos = await self._launch()
        self._sources = {
            name: LeRobotSource(info, self._draw, is_guided=name in self._guided)
            for name, info in infos.items()
        }
        self._accept(process)
        self._task = asyncio.create_task(self._run(process))

    async def stop(self) -> None:
        """End the worker; draws that still wait fail with PolicyError. May be called twice."""
        self._refuse("policy worker: the server is stopping")
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _draw(self, job: Job) -> NDArray[np.float32]:
        """Queue a job and wait for its result; see `Job.result`."""
        if self._refusal is not None:
            raise PolicyError(self._refusal)
        self._jobs.append(job)
        self._wake.set()
        return await job.result()

    async def _read_checkpoints(self) -> dict[str, Checkpoint]:
        return {
            name: await asyncio.to_thread(read_checkpoint, directory)
            for name, directory in self._directories.items()
        }

    async def _launch(self) -> tuple[WorkerProcess, dict[str, SourceInfo]]:
        """Start a worker, load all checkpoints; return it and what they turned out to draw."""
        items = {
            name: _load_request(item, is_guided=name in self._guided)
            for name, item in self._checkpoints.items()
        }
        load = Message({"device": self._device, "checkpoints": items})
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        process, answer = await WorkerProcess.start(
            self._command, load, budget_s=self._load_budget_s
        )
        self._load_s = loop.time() - begun_s
        probes: Mapping[str, Any] = answer.body["policies"]
        try:
            infos = {name: _info(name, self._checkpoints[name], probes[name]) for name in probes}
        except CheckpointError:
            await process.close()
            raise
        self._first_s = {name: float(probe["first_s"]) for name, probe in probes.items()}
        logger.info("policy worker ready policies=%s load_s=%.1f", ",".join(probes), self._load_s)
        return process, infos

    async def _run(self, process: WorkerProcess) -> None:
        """Serve requests for ever, over the deaths of workers."""
        while True:
            await self._serve(process)
            revived: WorkerProcess | None = None
            while revived is None:
                logger.warning("starting the policy worker again in %.2f s", self._delay_s)
                await asyncio.sleep(self._delay_s)
                self._delay_s = min(2 * self._delay_s, _MAX_DELAY_S)
                try:
                    revived = await self._relaunch()
                except SteerError as error:
                    logger.error("%s", error)  # noqa: TRY400  # its text says it all
                    self._refuse_until_back(str(error))
            process = revived
            self._accept(process)

    async def _relaunch(self) -> WorkerProcess:
        if await self._read_checkpoints() != self._checkpoints:
            raise CheckpointError(
                "policy checkpoint: expected the files that the server started with, got others; "
                "restart the server to use them"
            )
        process, _ = await self._launch()
        return process

    def _accept(self, process: WorkerProcess) -> None:
        self._pid = process.pid
        self._refusal = None

    def _refuse_until_back(self, reason: str) -> None:
        wait_s = self._delay_s + self._load_s
        self._refuse(f"{reason}; it is being started again, come back in {wait_s:.1f} s")

    def _refuse(self, reason: str) -> None:
        """Fail what waits, and refuse what comes."""
        self._pid = None
        self._refusal = reason
        for job in self._jobs:
            job.fail(PolicyError(reason))
        self._jobs.clear()

    async def _serve(self, process: WorkerProcess) -> None:
        """Serve until the worker is gone, then fail what waits, with the reason."""
        death = asyncio.create_task(process.wait())
        death.add_done_callback(lambda _: self._wake.set())
        try:
            reason = await self._serve_until(death, process)
            self._refuse_until_back(reason)
        finally:
            death.cancel()
            await process.close()
        logger.error("%s; it wrote last: %s", reason, process.last_words)

    async def _serve_until(self, death: "asyncio.Task[str]", process: WorkerProcess) -> str:
        """Serve until the worker is gone and return why. What it died of is left in the queue."""
        try:
            while not death.done():
                if self._jobs:
                    await self._exchange(process, self._jobs[0])
                    self._jobs.popleft()
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except PolicyError as error:
            return str(error)
        return death.result()

    async def _exchange(self, process: WorkerProcess, job: Job) -> None:
        """Let the worker answer one job, unless nobody waits for it any more.

        Raises:
            PolicyError: The worker died, hangs, or answers nonsense.
        """
        budget_s = job.remaining_s
        if budget_s <= 0:
            return
        self._last_id += 1
        job.id = self._last_id
        body = {**job.request.body, "id": job.id, "budget_s": budget_s}
        patience_s = self._grace_s + job.num_chunks * self._first_s[job.info.name]
        try:
            async with asyncio.timeout(budget_s + patience_s):
                await process.send(Message(body, job.request.arrays))
                while not job.take(await process.receive()):
                    pass
            self._delay_s = self._restart_delay_s
        except TimeoutError as error:
            await process.kill()
            raise PolicyError(
                f"policy worker hung: expected an answer {patience_s:.1f} s after the budget at "
                "most, got none"
            ) from error


def _load_request(checkpoint: Checkpoint, *, is_guided: bool) -> dict[str, Any]:
    """Return what the worker needs to load a checkpoint and to try it once."""
    fields = checkpoint.embodiment.observations
    return {
        "directory": str(checkpoint.directory.resolve()),
        "observations": [[item.name, item.dtype, list(item.shape)] for item in fields],
        "is_guided": is_guided,
    }


def _info(name: str, checkpoint: Checkpoint, probe: Mapping[str, Any]) -> SourceInfo:
    """Put together what the checkpoint says and what the worker found out.

    Raises:
        CheckpointError: They do not agree.
    """
    expected = checkpoint.embodiment.action_dim
    if probe["action_dim"] != expected:
        raise CheckpointError(
            f"policy {name!r}: expected chunks of {expected} action dimensions, got "
            f"{probe['action_dim']}, from {checkpoint.directory}"
        )
    return SourceInfo(
        name=name,
        type=checkpoint.type,
        embodiment=checkpoint.embodiment,
        horizon=int(probe["horizon"]),
        num_observations=checkpoint.num_observations,
        is_stochastic=bool(probe["is_stochastic"]),
        digest=checkpoint.digest,
    )
