"""Runs stages in processes of their own, several at a time, and remembers which are complete."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sim.files import write_whole
from sim.stages import Stage
from steer.errors import ConfigError, SteerError

__all__ = ["ENVIRONMENT", "StageError", "StageRunner"]

ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
_STOPPED = (-signal.SIGINT, -signal.SIGTERM, 128 + signal.SIGINT, 128 + signal.SIGTERM)


class StageError(SteerError):
    """A command of the build failed; what it made before is kept.

    Attributes:
        code: Its exit code.
    """

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class StageRunner:
    """Runs stages, those that are complete left out.

    Args:
        work: Where everything is made; one runner at a time may have it open.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._guard = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._is_stopped = self._has_failed = False
        self._lock_file = -1

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Have the work directory, and end the commands in order on Ctrl-C or SIGTERM.

        The commands hold the lock too: one that outlives this process keeps others out.

        Raises:
            ConfigError: Somebody else has it.
            KeyboardInterrupt: A signal came; the commands have ended.
        """
        self._work.mkdir(parents=True, exist_ok=True)
        self._lock_file = os.open(self._work / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.getsignal(number) for number in signals}
        try:
            try:
                fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(
                    f"--work: expected a directory that no other build uses, got {self._work}"
                ) from error
            for number in signals:
                signal.signal(number, self._stop)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._lock_file)

    def run(self, plan: Sequence[Stage], *, jobs: int) -> None:
        """Run stages that do not depend on each other; after a failure no other is begun.

        Args:
            plan: What to run.
            jobs: Stages at a time; with more than one, each has its output in `<work>/logs`.

        Raises:
            StageError: A command failed.
            KeyboardInterrupt: A signal came.
        """
        with ThreadPoolExecutor(jobs) as pool:
            runs = [pool.submit(self._run, stage, is_logged=jobs > 1) for stage in plan]
            for run in as_completed(runs):
                run.result()
        if self._is_stopped:
            raise KeyboardInterrupt

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        """Pass the signal on; the commands have a session of their own and get no other."""
        del signum, frame  # Unused.
        self._is_stopped = True
        for process in tuple(self._running):
            process.send_signal(signal.SIGINT)

    def _run(self, stage: Stage, *, is_logged: bool) -> None:
        if self._is_stopped or self._has_failed:
            return
        record = self._record(stage.name)
        key = stage.key(self._work)
        known = json.loads(record.read_text()) if record.is_file() else {}
        is_made = bool(stage.outputs) and all(path.is_file() for path in stage.outputs)
        if known == {"key": key, "done": True} and is_made:
            _say(f"[{stage.name}] complete")
            return
        if known.get("key") != key:
            _clear(stage)
        for name in stage.voids:
            self._record(name).unlink(missing_ok=True)
        _write_record(record, {"key": key, "done": False})
        log = self._work / "logs" / f"{record.stem}.log"
        where = f"  > {log}" if is_logged else ""
        _say(f"[{stage.name}] python {' '.join(stage.command)}{where}")
        code = self._call(stage.command, log if is_logged else None)
        if self._is_stopped or code in _STOPPED:
            self._is_stopped = True
            return
        if code:
            self._has_failed = True
            end = f"; its output is {log}" if is_logged else ""
            contract = f"stage {stage.name!r}: expected exit code 0, got {code}{end}"
            raise StageError(contract, code=code)
        _write_record(record, {"key": key, "done": True})
        _say(f"[{stage.name}] done")

    def _record(self, name: str) -> Path:
        return self._work / "stages" / f"{name.replace('/', '-')}.json"

    def _call(self, command: Sequence[str], log: Path | None) -> int:
        if log is None:
            return self._wait(command, None)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            return self._wait(command, file.fileno())

    def _wait(self, command: Sequence[str], output: int | None) -> int:
        with self._guard:  # A signal finds the process, or the process is not begun.
            if self._is_stopped:
                return -signal.SIGINT
            process = subprocess.Popen(
                [sys.executable, *command],
                env={**os.environ, **ENVIRONMENT},
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(self._lock_file,) if self._lock_file >= 0 else (),
            )
            self._running.add(process)
        if self._is_stopped:
            process.send_signal(signal.SIGINT)
        try:
            return process.wait()
        finally:
            self._running.discard(process)


def _clear(stage: Stage) -> None:
    """Remove what another command, or the same one on other inputs, has left."""
    for directory in {path.parent for path in stage.outputs}:
        for name in (directory.name, f"{directory.name}.training", f"{directory.name}-training"):
            old = directory.with_name(name)
            if old.exists():
                _say(f"[{stage.name}] removes {old}, made of other inputs")
                shutil.rmtree(old)


def _write_record(path: Path, record: dict[str, object]) -> None:
    write_whole(path, json.dumps(record) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
