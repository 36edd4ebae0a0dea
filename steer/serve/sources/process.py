"""One running policy worker, seen from the server: started, asked, listened to, ended."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections import deque
from collections.abc import Sequence

from steer.errors import CheckpointError, PolicyError
from steer.serve.sources.framing import Message, encode_message, receive_message

__all__ = ["WORKER_COMMAND", "WorkerProcess"]

logger = logging.getLogger(__name__)

WORKER_COMMAND = (sys.executable, "-m", "steer.serve.sources.lerobot_worker")

_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}
_RECORD = re.compile(r"(DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)", re.DOTALL)
_CLOSE_BUDGET_S = 2.0
_RELAY_BUDGET_S = 1.0
_NUM_LAST_WORDS = 15


class WorkerProcess:
    """A worker that has loaded its checkpoints. Made by `start`; belongs to one event loop."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last_words: deque[str] = deque(maxlen=_NUM_LAST_WORDS)
        self._relay = asyncio.create_task(self._pass_on_log())

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last lines that the worker wrote to its log, for a death that nobody asked for."""
        return " | ".join(self._last_words) or "nothing"

    @classmethod
    async def start(
        cls, command: Sequence[str], load: Message, *, budget_s: float
    ) -> tuple["WorkerProcess", Message]:
        """Start a worker and let it load.

        Args:
            command: What to run.
            load: The first message, see `lerobot_worker`.
            budget_s: Time until it must be ready, in seconds.

        Returns:
            The worker and its answer.

        Raises:
            CheckpointError: A checkpoint cannot be loaded.
            PolicyError: The worker died or was not ready in time; nothing is left running.
        """
        worker = cls(await _spawn(command))
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(worker.close)
            answer = await worker._load(load, budget_s=budget_s)
            undo.pop_all()
        return worker, answer

    async def _load(self, load: Message, *, budget_s: float) -> Message:
        try:
            async with asyncio.timeout(budget_s):
                await self.send(load)
                answer = await self.receive()
        except TimeoutError as error:
            raise PolicyError(
                f"policy worker: expected to be ready within {budget_s:g} s, got no answer"
            ) from error
        except PolicyError as error:
            await self.close()  # its last words are all there then
            raise PolicyError(f"{error} while loading; it wrote last: {self.last_words}") from error
        if answer.body.get("kind") != "ready":
            raise CheckpointError(str(answer.body.get("text", answer.body)))
        return answer

    async def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            PolicyError: The worker has died.
        """
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(encode_message(message))
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise PolicyError(await self.wait()) from error

    async def receive(self) -> Message:
        """Wait for the next message.

        Raises:
            PolicyError: The worker has died, or sent something else.
        """
        stdout = self._process.stdout
        assert stdout is not None
        try:
            return await receive_message(stdout)
        except asyncio.IncompleteReadError as error:
            raise PolicyError(await self.wait()) from error

    async def wait(self) -> str:
        """Wait until the worker has ended and return how, in words."""
        code = await self._process.wait()
        if code >= 0:
            return f"policy worker ended with exit code {code}"
        return f"policy worker was killed by {signal.Signals(-code).name}"

    async def close(self) -> None:
        """End the worker, first by closing its input, then by force; returns when it is gone."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        try:
            async with asyncio.timeout(_CLOSE_BUDGET_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()
        # A process that the worker started may hold its error output open: not waited for.
        await asyncio.wait({self._relay}, timeout=_RELAY_BUDGET_S)
        self._relay.cancel()

    async def kill(self) -> None:
        """End the worker now, even if it is stopped or hangs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _pass_on_log(self) -> None:
        """Write the worker's log lines into the server's log; unmarked lines are prints: DEBUG."""
        stderr = self._process.stderr
        assert stderr is not None
        while True:
            try:
                line = await stderr.readline()
            except ValueError:
                continue  # a line over the reader's limit is dropped
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            self._last_words.append(text)
            record = _RECORD.fullmatch(text)
            level = logging.getLevelNamesMapping()[record[1]] if record else logging.DEBUG
            logger.log(level, "worker %s", record[2] if record else text)


async def _spawn(command: Sequence[str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **_ENVIRONMENT},
            process_group=0,  # Ctrl-C on a terminal is for the server alone
        )
    except OSError as error:
        raise PolicyError(f"policy worker: expected a process, got {error!r}") from error
