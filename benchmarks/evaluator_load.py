"""Measures how busy an evaluation keeps the machine, and with what.

    python -m benchmarks.evaluator_load
    python -m benchmarks.evaluator_load --cells 'act/*' --arms alone,steered --episodes 10

Runs `python -m sim.evaluate` and samples the processor time of every process that it starts. The
options are those of `sim.evaluate`, but for `--output`. The loading of server and robots is not
counted: measuring begins with the first row. Writes `demo/evaluator_load.json`; `make results`
publishes it.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from sim.interrupt import run
from sim.records import make_record, write_records

__all__ = ["Load", "main", "measure", "role_of"]

DEFAULT = (
    "--cells=diffusion/push,act/scene,dit/fetch-push",
    "--arms=alone,steered",
    "--episodes=20",
    "--seeds=tune",
)
OUTPUT = Path("demo") / "evaluator_load.json"
_SAMPLE_S = 0.5
_ROLES = {
    "sim.evaluation.worker": "robots in simulation",
    "steer.serve.sources.lerobot_worker": "policies",
    "sim.evaluate": "receiver of rows",
}
_OTHER = "server and critics"


class Load:
    """Processor time of a process and all that it started, by what they do."""

    def __init__(self, root: psutil.Process) -> None:
        self._root = root
        self._roles: dict[int, str] = {}
        self._latest: dict[int, float] = {}
        self._first: dict[int, float] = {}
        self._begun_s = 0.0

    def sample(self) -> None:
        """Read the clocks of all processes that live now; those that ended keep their last one."""
        for process in (self._root, *self._root.children(recursive=True)):
            try:
                times = process.cpu_times()
                self._latest[process.pid] = times.user + times.system
                if process.pid not in self._roles:
                    self._roles[process.pid] = role_of(process.cmdline())
            except psutil.NoSuchProcess:
                continue

    def begin(self) -> None:
        """Count from now on."""
        self._first = dict(self._latest)
        self._begun_s = time.monotonic()

    def spent_s(self) -> dict[str, float]:
        """Return the processor time since `begin` in seconds, by role."""
        found: dict[str, float] = {}
        for pid, latest_s in self._latest.items():
            role = self._roles.get(pid, _OTHER)
            found[role] = found.get(role, 0.0) + latest_s - self._first.get(pid, 0.0)
        return found

    def shares(self) -> dict[str, float]:
        """Return the share of all cores' time since `begin`, by role."""
        available_s = (time.monotonic() - self._begun_s) * (psutil.cpu_count() or 1)
        return {role: spent_s / available_s for role, spent_s in self.spent_s().items()}


def role_of(command: Sequence[str]) -> str:
    """Return what a process does, by its command line."""
    return next((role for module, role in _ROLES.items() if module in command), _OTHER)


def measure(options: Sequence[str]) -> Mapping[str, float]:
    """Run an evaluation and return the share of the cores' time, by role.

    Raises:
        CalledProcessError: The evaluation failed.
    """
    with TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "sim.evaluate", *options, "--output", directory]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            load = Load(psutil.Process(process.pid))
            shares: dict[str, float] = {}
            is_begun = False
            while _runs(process):
                load.sample()
                if is_begun:
                    shares = load.shares()
                elif any(path.stat().st_size for path in Path(directory).glob("rows.jsonl")):
                    load.begin()
                    is_begun = True
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
        return shares


def _runs(process: "subprocess.Popen[bytes]") -> bool:
    """Wait a moment; return whether the process goes on."""
    try:
        process.wait(_SAMPLE_S)
    except subprocess.TimeoutExpired:
        return True
    return False


def main() -> None:
    """Measure, say it by role, and write the record."""
    options = sys.argv[1:] or list(DEFAULT)
    if options in (["-h"], ["--help"]):
        sys.stdout.write(__doc__ or "")
        return
    shares = measure(options)
    for role, share in sorted(shares.items(), key=lambda item: -item[1]):
        sys.stdout.write(f"{share:6.1%}  {role}\n")
    busy = sum(shares.values())
    sys.stdout.write(f"{busy:6.1%}  of all cores\n")
    record = make_record(
        "evaluator_busy",
        busy,
        interval=None,
        n=1,
        unit="share of all cores' time",
        command=shlex.join(["python", "-m", "benchmarks.evaluator_load", *sys.argv[1:]]),
    )
    write_records(OUTPUT, [record])


if __name__ == "__main__":
    run(main)
