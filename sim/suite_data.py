"""Fills the datasets of all tasks: several at a time, each by one process after another.

Knows no simulator and no dataset library: each task is `python -m sim.collect` of its own.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from sim.seeds import episode_seeds
from sim.tasks import TASKS, TaskSpec
from steer.errors import InvalidInputError, SteerError
from steer.interrupt import stop_on_interrupt

__all__ = ["COMMAND", "SuiteError", "collect_suite", "datasets", "progress_line"]

COMMAND = (sys.executable, "-m", "sim.collect")
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
_POLL_S = 0.2
_KEPT_LINES = 20
_STOPPED = (-signal.SIGINT, 128 + signal.SIGINT, -signal.SIGKILL)
_PROGRESS = re.compile(r"\S+: (\d+) of (\d+) episodes\n")


class SuiteError(SteerError):
    """Some tasks could not be collected; all others are there."""


def progress_line(task: str, num_there: int, num_wanted: int) -> str:
    """Return how `python -m sim.collect --lines` says how far it is."""
    return f"{task}: {num_there} of {num_wanted} episodes\n"


def datasets() -> dict[str, list[TaskSpec]]:
    """Return the tasks of each dataset, in the order of the suite."""
    found: dict[str, list[TaskSpec]] = {}
    for spec in TASKS.values():
        found.setdefault(spec.dataset, []).append(spec)
    return found


def collect_suite(
    data: Path, *, num_episodes: int, num_jobs: int, command: Sequence[str] = COMMAND
) -> bool:
    """Bring every task's dataset below `data` to `num_episodes` episodes of the task.

    A task that fails is told at once, and keeps no other from being done.

    Args:
        data: Directory of the datasets.
        num_episodes: Of each task.
        num_jobs: Datasets that are written at a time, >= 1.
        command: What collects one task.

    Returns:
        Whether all are there; False if the user stopped the run.

    Raises:
        InvalidInputError: An argument is out of range.
        SuiteError: Tasks failed; all others are there.
        KeyboardInterrupt: The second Ctrl-C; what the tasks had not kept is lost.
    """
    episode_seeds("train", num_episodes)
    if num_jobs < 1:
        raise InvalidInputError.expected("jobs", ">= 1", num_jobs)
    total = num_episodes * len(TASKS)
    with tqdm(total=total, desc="suite", unit="episode") as bar, stop_on_interrupt() as stop:
        run = _Run(data, num_episodes, command, bar, stop)
        with ThreadPoolExecutor(num_jobs) as pool:
            run.wait([pool.submit(run.fill, specs) for specs in datasets().values()])
    if run.failed and not stop.is_set():
        text = f"suite: expected all {len(TASKS)} tasks, got errors in {', '.join(run.failed)}"
        raise SuiteError(text)
    return not stop.is_set()


class _Run:
    """The processes of one run, and the bar that they share."""

    def __init__(
        self,
        data: Path,
        num_episodes: int,
        command: Sequence[str],
        bar: "tqdm[NoReturn]",
        stop: threading.Event,
    ) -> None:
        self.failed: list[str] = []
        self._data, self._num_episodes, self._command = data, num_episodes, command
        self._bar, self._stop = bar, stop
        self._guard = threading.Lock()
        self._running: dict[str, subprocess.Popen[str]] = {}

    def wait(self, fills: Sequence[Future[None]]) -> None:
        """Wait for all; pass the first Ctrl-C on to each process, and kill all at the second."""
        told: set[int] = set()
        try:
            while wait(fills, timeout=_POLL_S).not_done:
                for process in self._processes() if self._stop.is_set() else ():
                    if process.pid not in told:
                        told.add(process.pid)
                        process.send_signal(signal.SIGINT)
        finally:
            for process in self._processes():
                process.kill()
        for fill in fills:
            fill.result()

    def fill(self, specs: Sequence[TaskSpec]) -> None:
        """Collect the tasks of one dataset, one after the other."""
        for spec in specs:
            process = self._start(spec)
            if process is None:
                return
            with process:
                said = self._follow(process)
            self._end(spec, process.returncode, said)

    def _processes(self) -> list["subprocess.Popen[str]"]:
        with self._guard:
            return list(self._running.values())

    def _start(self, spec: TaskSpec) -> "subprocess.Popen[str] | None":
        where = ("--task", spec.name, "--root", str(self._data / spec.dataset))
        with self._guard:  # Ctrl-C finds the process, or the process is not begun
            if self._stop.is_set():
                return None
            process = subprocess.Popen(
                [*self._command, *where, "--episodes", str(self._num_episodes), "--lines"],
                env={**os.environ, **_ENVIRONMENT},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,  # the terminal's Ctrl-C comes to us alone
            )
            self._running[spec.name] = process
            self._bar.set_postfix_str(", ".join(self._running))
        return process

    def _follow(self, process: "subprocess.Popen[str]") -> str:
        """Move the bar as the process says, until it ends; return its error, or what it said."""
        assert process.stdout is not None  # it is a pipe
        said: deque[str] = deque(maxlen=_KEPT_LINES)
        num_known = None
        for line in process.stdout:
            found = _PROGRESS.fullmatch(line)
            if found is None:
                said.append(line)
                continue
            num_there = int(found[1])
            with self._guard:
                if num_known is None:  # of an earlier run: they say nothing of the time left
                    self._bar.initial += num_there
                    self._bar.n += num_there
                    self._bar.refresh()
                else:
                    self._bar.update(num_there - num_known)
            num_known = num_there
        return "".join([line for line in said if ": error: " in line] or said)

    def _end(self, spec: TaskSpec, code: int, said: str) -> None:
        with self._guard:
            del self._running[spec.name]
            self._bar.set_postfix_str(", ".join(self._running))
            if code == 0 or (self._stop.is_set() and code in _STOPPED):
                return
            self.failed.append(spec.name)
            text = said.rstrip() or "it said nothing"
            self._bar.write(f"{spec.name}: ended with exit code {code}:\n{text}", file=sys.stderr)
