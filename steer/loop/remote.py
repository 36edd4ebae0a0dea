"""System 2 of one robot: a process that asks the server, beside a loop that never waits for it."""

import json
import logging
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from steer.channel import TlsFiles
from steer.embodiment import Embodiment
from steer.errors import ConfigError, InvalidInputError
from steer.limits import Limits
from steer.loop.chunks import Chunk
from steer.loop.handover import chunk_from_bytes, request_to_parts, sensed_to_parts
from steer.loop.latest import Latest
from steer.loop.planner import Request, Sensed
from steer.loop.refusal import REFUSED, read_refusal
from steer.loop.thresholds import Thresholds
from steer.types import Selection

__all__ = ["CHUNKS", "REQUESTS", "SENSED", "Remote", "RemotePlanner"]

logger = logging.getLogger(__name__)

REQUESTS, CHUNKS, SENSED = "requests", "chunks", "sensed"
"""Names of the shared files."""
_MEMORY = Path("/dev/shm")
_CHUNK_BYTES = 1 << 20
_RESTART_S = 0.2
"""Between two starts of a process that dies."""
_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What is asked of which server.

    Attributes:
        target: `HOST:PORT`.
        embodiment: Of the robot.
        budget_s: Of one decision, in seconds.
        num_candidates: N; 0 for the server's default.
        critic: As `SteerClient.open_session` takes it.
        policy: Likewise.
        selection: Likewise.
        tls: PEM files; None for an unencrypted connection.
        seed: Of the policies' noise, with epoch and sequence of each request.
        robot: Free text for the server's log.
        max_request_bytes: Of all observations of one request.
        rescore_s: What of a decision's time is added for judging at the newest observation, in
            seconds: the server is sent every tick. 0 sends it those that are asked at, and nothing
            newer.
        limits: Of the robot, for that judging; None where candidates are judged as they are, or
            are not judged again.
        forecast: File of a forecast of `steer head`: the policy is asked at what the robot will
            observe when the answer is due; empty for none.
        thresholds: Of the monitors, whose alarms come with the chunks; None reads no monitor.

    Raises:
        InvalidInputError: The thresholds are of another body, a time is out of its range, or there
            are limits and no time for judging by them.
    """

    target: str
    embodiment: Embodiment
    budget_s: float
    num_candidates: int = 0
    critic: str = ""
    policy: str = ""
    selection: Selection = field(default_factory=Selection)
    tls: TlsFiles | None = None
    seed: int = 0
    robot: str = ""
    max_request_bytes: int = 16 << 20
    rescore_s: float = 0.0
    limits: Limits | None = None
    forecast: str = ""
    thresholds: Thresholds | None = None

    def __post_init__(self) -> None:
        size = self.embodiment.action_dim
        if self.thresholds is not None and len(self.thresholds.scale) != size:
            contract = f"{size} numbers, as the embodiment has actions"
            raise InvalidInputError.expected(
                "thresholds.scale", contract, len(self.thresholds.scale)
            )
        if not 0 < self.budget_s < math.inf:
            raise InvalidInputError.expected("budget_s", "> 0 and finite", self.budget_s)
        if not 0 <= self.rescore_s < math.inf:
            raise InvalidInputError.expected("rescore_s", ">= 0 and finite", self.rescore_s)
        if self.limits is not None and not self.rescore_s:
            contract = "> 0 where there are limits to judge by"
            raise InvalidInputError.expected("rescore_s", contract, self.rescore_s)

    def to_json(self) -> str:
        """Return what `from_json` reads."""
        tree = asdict(replace(self, limits=None, thresholds=None))
        tree["embodiment"] = self.embodiment.to_json()
        for name, item in (("limits", self.limits), ("thresholds", self.thresholds)):
            tree[name] = None if item is None else item.to_tree()
        return json.dumps(tree, default=str)

    @classmethod
    def from_json(cls, text: str) -> "Remote":
        """Read what `to_json` wrote."""
        tree: dict[str, Any] = json.loads(text)
        tls: Mapping[str, Any] | None = tree["tls"]
        selection, limits, thresholds = tree["selection"], tree["limits"], tree["thresholds"]
        return cls(
            **{
                **tree,
                "embodiment": Embodiment.from_json(tree["embodiment"]),
                "tls": None if tls is None else TlsFiles(**_paths(tls)),
                "limits": None if limits is None else Limits.from_tree(limits),
                "thresholds": None if thresholds is None else Thresholds.from_tree(thresholds),
                "selection": Selection(
                    **{**selection, "paraphrases": tuple(selection["paraphrases"])}
                ),
            }
        )


class RemotePlanner:
    """Asks a server from a process of its own; `submit` and `poll` touch memory alone.

    The process is started anew when it dies, however it dies; one that is stopped is waited for by
    nobody, and goes on when it may. Both are logged. The server may come and go: the process goes
    on asking for the newest request. Close it, as `contextlib.closing` does.

    Args:
        remote: What to ask.

    Attributes:
        num_starts: How often the process was started.
        num_stops: How often it was stopped, as by SIGSTOP; not counted on macOS.
        refusal: Why the server will never serve what is asked, in words; empty as long as it may.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        home = str(_MEMORY) if _MEMORY.is_dir() else None
        self._directory = Path(tempfile.mkdtemp(prefix="steer-", dir=home))
        self._requests = Latest(self._directory / REQUESTS, capacity=remote.max_request_bytes)
        self._chunks = Latest(self._directory / CHUNKS, capacity=_CHUNK_BYTES)
        self._sensed: Latest | None = None
        if remote.rescore_s:
            self._sensed = Latest(self._directory / SENSED, capacity=remote.max_request_bytes)
        self._read = 0
        self.num_starts = self.num_stops = 0
        self.refusal = ""
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="steer-system2", daemon=True)
        self._keeper.start()

    @property
    def num_torn(self) -> int:
        """How many chunks the process left behind in the middle of writing them."""
        return self._chunks.num_torn

    def submit(self, request: Request) -> None:
        """Put a request in the place of the one before.

        Raises:
            InvalidInputError: Its observations are larger than was agreed.
        """
        self._requests.write(*request_to_parts(request))

    def sense(self, sensed: Sensed) -> None:
        """Let the process see the newest observation, where it judges by that.

        Raises:
            InvalidInputError: It is larger than was agreed.
        """
        if self._sensed is not None:
            self._sensed.write(*sensed_to_parts(sensed))

    def poll(self) -> Chunk | None:
        """Return the newest chunk since the last call.

        Raises:
            InvalidInputError: What lies in the memory is no chunk.
            ConfigError: The server refuses what is asked of it, and always will.
        """
        if self.refusal:
            raise ConfigError(f"system 2: {self.refusal}")
        found = self._chunks.read(after=self._read)
        if found is None:
            return None
        self._read = found[0]
        return chunk_from_bytes(found[1])

    def close(self) -> None:
        """End the process and free the memory."""
        with self._starting:
            self._is_closed.set()
        process = self._process
        if process is not None:
            _end(process)
        self._keeper.join(_CLOSE_S)
        self._requests.close()
        self._chunks.close()
        if self._sensed is not None:
            self._sensed.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _keep(self) -> None:
        """Start the process, and start it again, until closed or refused for good."""
        while (process := self._started_at_last()) is not None:
            with process:
                _tell(process.stdin, self._remote.to_json() + "\n")
                self._watch(process)
                code = process.wait()
            if code == REFUSED:
                self.refusal = read_refusal(self._directory)
                logger.error("system 2 is not started anew: %s", self.refusal)
                return
            if not self._is_closed.is_set():
                logger.error("system 2 ended code=%d; it is started anew", code)
                self._is_closed.wait(_RESTART_S)

    def _watch(self, process: "subprocess.Popen[str]") -> None:
        """Say when the process is stopped and when it goes on, until it ends."""
        if not hasattr(os, "waitid"):
            return
        ends = (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED)
        news = os.WEXITED | os.WSTOPPED | os.WCONTINUED | os.WNOWAIT  # its end is `wait`'s to take
        while True:
            try:
                found = os.waitid(os.P_PID, process.pid, news)
                if found is None or found.si_code in ends:
                    return
                has_stopped = found.si_code != os.CLD_CONTINUED
                taken = os.WSTOPPED if has_stopped else os.WCONTINUED
                os.waitid(os.P_PID, process.pid, taken | os.WNOHANG)
            except ChildProcessError:  # closed meanwhile
                return
            if has_stopped:
                self.num_stops += 1
                logger.error("system 2 was stopped signal=%d; it answers nothing", found.si_status)
            else:
                logger.warning("system 2 goes on")

    def _started_at_last(self) -> "subprocess.Popen[str] | None":
        """Start the process, as often as it takes; return None once closed."""
        while True:
            try:
                return self._started()
            except OSError as error:  # no memory, too many processes
                logger.error("system 2 cannot be started: %s", error)  # noqa: TRY400  # no bug
            self._is_closed.wait(_RESTART_S)

    def _started(self) -> "subprocess.Popen[str] | None":
        """Start the process; return None once closed."""
        command = [sys.executable, "-m", "steer.loop.remote_worker", str(self._directory)]
        with self._starting:
            if self._is_closed.is_set():
                return None
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
            self.num_starts += 1
            return self._process


def _paths(tls: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of TLS files, those that name one as paths."""
    return {k: Path(v) if v and k != "server_name" else v for k, v in tls.items()}


def _tell(stream: IO[str] | None, text: str) -> None:
    if stream is None:
        raise InvalidInputError.expected("system 2", "a pipe to it", "none")
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        logger.debug("system 2 ended before it was told anything")


def _end(process: "subprocess.Popen[str]") -> None:
    """Close the pipe, which ends the process; kill one that does not hear."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_CLOSE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
