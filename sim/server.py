"""A real `steer serve` in a process of its own, for as long as a run needs it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from steer.clock import MonotonicClock
from steer.errors import UnreachableError

__all__ = ["RunningServer", "running", "running_server"]

START_S = 300.0
STOP_S = 20.0
_ADDRESS = re.compile(r"serving address=(\S+)")


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is up.

    Attributes:
        address: `HOST:PORT`.
        pid: Of its process.
        log: Its log.
    """

    address: str
    pid: int
    log: Path

    def resident_mib(self) -> float | None:
        """Return the most that the server and its children ever had resident, in MiB.

        The peaks of the processes are added, whenever each was: an upper bound. None if unknown.
        """
        pages = [_resident_kib(pid) for pid in (self.pid, *_children(self.pid))]
        known = [kib for kib in pages if kib is not None]
        return sum(known) / 1024 if known else None


@contextmanager
def running_server(
    critics: Mapping[str, Path],
    policies: Mapping[str, Path],
    *,
    log: Path,
    guided: Collection[str] = (),
    policy_workers: int = 1,
    allow_unaudited: bool = False,
    listen: str = "127.0.0.1:0",
) -> Iterator[RunningServer]:
    """Start a server, wait until it serves, and stop it at the end.

    It scores each request by itself, so that equal runs are equal to the last bit.

    Args:
        critics: Directory by name.
        policies: LeRobot checkpoint by name.
        log: Where its log goes.
        guided: Names of policies that guide their chunks by what runs.
        policy_workers: Processes that hold every policy.
        allow_unaudited: Whether to serve critics that did not pass an audit.
        listen: `HOST:PORT`; port 0 is any that is free.

    Raises:
        UnreachableError: It did not come up; the text has the end of its log.
    """
    command = [sys.executable, "-m", "steer.cli", "serve", "--listen", listen]
    command += ["--policy-workers", str(policy_workers), "--max-group", "1"]
    command += ["--allow-unaudited"] if allow_unaudited else []
    for name, path in critics.items():
        command += ["--critic", f"{name}={path}"]
    for name, path in policies.items():
        option = "?rtc" if name in guided else ""
        command += ["--policy", f"{name}=lerobot:{path}{option}"]
    with running(command, log=log) as server:
        yield server


@contextmanager
def running(command: Sequence[str], *, log: Path) -> Iterator[RunningServer]:
    """Start a server by its command, wait until its log says where it serves, and stop it.

    Raises:
        UnreachableError: It did not come up; the text has the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
    with _ended_with_us(process.pid):
        try:
            yield RunningServer(_wait_for_address(process, log), process.pid, log)
        finally:
            _stop(process)


@contextmanager
def _ended_with_us(pid: int) -> Iterator[None]:
    """End a process should this one be killed: nothing of ours runs on after kill -9.

    A shell waits for the end of a pipe that only this process holds open.
    """
    script = 'cat; kill -TERM "$0" 2>/dev/null'
    command = ["/bin/sh", "-c", script, str(pid)]
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        watcher.kill()
        watcher.communicate()


def _wait_for_address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    clock = MonotonicClock()
    deadline_s = clock.now_s() + START_S
    while clock.now_s() < deadline_s:
        found = _ADDRESS.search(log.read_text())
        if found:
            return found[1]
        if process.poll() is not None:
            break
        clock.sleep(0.1)
    end = "\n".join(log.read_text().splitlines()[-15:])
    raise UnreachableError(f"server: expected it up within {START_S:g} s, got:\n{end}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_S)


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        return []
    direct = [int(text) for text in path.read_text().split()]
    return direct + [grandchild for child in direct for grandchild in _children(child)]


def _resident_kib(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) if found else None
