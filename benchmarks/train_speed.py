"""Measures our IQL updates per second beside those of a public JAX code, on the same machine.

    python -m benchmarks.train_speed --peer DIR --peer-python PYTHON [--rounds 40]

DIR is a git checkout with `agents/iql.py`, such as seohongpark/fql, which the Q-chunking code
ColinQiyangLi/qc builds on and whose own agents have no IQL. PYTHON has jax and what else it needs.
All run the same shapes (cube-double's), batch and widths, pinned to the same cores, and take turns:

* `ours`: a step of the trainer with IQL, two members, each of one critic and one value network;
* `same_networks`: the peer's update of two critics and two value networks;
* `one_value`: of two critics and one value network, which is what the peer's learns;
* `as_shipped`: the peer's whole update, which learns a policy beside those.

A ratio is of medians of updates per second; its interval is a bootstrap over rounds.

What stays different: ours has a small encoder before the members, ReLU for GELU, layer norm before
it and not after, a Monte-Carlo share and a learning-rate schedule, and it gathers its batch. The
peer's batches are ready, and it computes norms of its gradients.
Writes `demo/train_speed.json`; `make results` publishes it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from select import select
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.interrupt import exit_code, run
from sim.records import make_record, write_records
from steer.errors import ConfigError, UnreachableError

__all__ = ["CASE", "main", "measure", "parsed", "peer_commit", "ratio_interval", "speed_ratio"]

OUTPUT = Path("demo") / "train_speed.json"
NEEDED = ("jax", "flax", "optax", "distrax", "ml_collections")
CASE: Mapping[str, Any] = {
    "state": 37,
    "action_dim": 5,
    "horizon": 5,
    "batch_size": 256,
    "members": 2,
    "discount": 0.99,
    "head": "scalar",
}
_PEERS: Mapping[str, tuple[Mapping[str, Any], str, str]] = {
    "same_networks": (
        {"values": 2, "policy": False},
        "train_speed_ratio_jax_iql",
        "two critics and two value networks",
    ),
    "one_value": (
        {"values": 1, "policy": False},
        "train_speed_ratio_jax_iql_one_value",
        "two critics and one value network",
    ),
    "as_shipped": (
        {"values": 1, "policy": True},
        "train_speed_ratio_jax_iql_as_shipped",
        "two critics, one value network and a policy",
    ),
}
_ROUND_S = 600.0
_BUILD_S = 1_800.0
_RESAMPLES = 2_000


def peer_commit(peer: Path) -> str:
    """Return the commit of the peer's checkout.

    Raises:
        ConfigError: It is not a git checkout, or has no `agents/iql.py`.
    """
    if not (peer / "agents" / "iql.py").is_file():
        raise ConfigError(
            f"--peer: expected a checkout with agents/iql.py, such as seohongpark/fql, got {peer}"
        )
    command = ["git", "-C", str(peer), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConfigError(
            f"--peer: expected a git checkout, whose commit is recorded, got {peer}: "
            f"{done.stderr.strip()}"
        )
    return done.stdout.strip()


def check_python(python: str) -> None:
    """Refuse a Python that cannot run the peer.

    Raises:
        ConfigError: It does not run, or misses a package.
    """
    command = [python, "-c", f"import {', '.join(NEEDED)}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = done.stderr.strip().rpartition("\n")[2]
        is_fit = done.returncode == 0
    except OSError as error:
        said, is_fit = str(error), False
    if not is_fit:
        raise ConfigError(
            f"--peer-python: expected a Python with {', '.join(NEEDED)}, got {python}: {said}; "
            f'install them: uv pip install --python {python} "jax[cpu]" {" ".join(NEEDED[1:])}'
        )


def measure(
    commands: Sequence[Sequence[str]], *, cores: int, rounds: int, updates: int
) -> tuple[list[dict[str, Any]], NDArray[np.float64]]:
    """Start every command, and time updates of each in turn, round by round.

    Args:
        commands: Each speaks as `benchmarks.train_peer.answer` does.
        cores: Of this machine that all share, the first ones.
        rounds: How often each has its turn.
        updates: In each turn.

    Returns:
        What each said that it built, and updates per second, shape [rounds, len(commands), 2]:
        of wall time, and of processor time summed over threads.

    Raises:
        UnreachableError: One ended, or did not answer in time.
    """
    speeds = np.zeros((rounds, len(commands), 2))
    with ExitStack() as stack:
        started = [stack.enter_context(_started(command, cores)) for command in commands]
        built = [_answer(process, within_s=_BUILD_S) for process in started]
        for number, row in enumerate(speeds):
            for turn in range(len(started)):
                column = (number + turn) % len(started)  # so that none is always the first
                found = _ask(started[column], updates)
                row[column] = updates / found["wall_s"], updates / found["cpu_s"]
    return built, speeds


def speed_ratio(ours: NDArray[np.float64], peer: NDArray[np.float64]) -> float:
    """Return the ratio of the medians of two speeds over rounds."""
    return float(np.median(ours) / np.median(peer))


def ratio_interval(ours: NDArray[np.float64], peer: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95% interval of `speed_ratio`, by bootstrap over rounds, both of one together."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(ours), size=(_RESAMPLES, len(ours)))
    low, high = np.percentile([speed_ratio(ours[pick], peer[pick]) for pick in picks], [2.5, 97.5])
    return float(low), float(high)


@contextmanager
def _started(command: Sequence[str], cores: int) -> Iterator[subprocess.Popen[str]]:
    """Start a command on the first cores of this process, and end it with the block."""
    threads = str(cores)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if cores > 1 else 'false'}",
    }
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:cores])
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
    finally:
        os.sched_setaffinity(0, before)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _ask(process: subprocess.Popen[str], updates: int) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(f"{updates}\n")
    process.stdin.flush()
    return _answer(process, within_s=_ROUND_S)


def _answer(process: subprocess.Popen[str], *, within_s: float) -> dict[str, Any]:
    assert process.stdout is not None
    ready, _, _ = select([process.stdout], [], [], within_s)
    line = process.stdout.readline() if ready else ""
    if not line:
        what = "ended" if ready else f"gave no answer within {within_s:g} s"
        raise UnreachableError(f"benchmark: expected an answer, got none: {process.args!r} {what}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _commands(options: argparse.Namespace) -> list[list[str]]:
    case = {**CASE, "hidden": options.hidden, "cores": options.cores}
    peer = [options.peer_python, str(Path(__file__).with_name("train_peer.py"))]
    case["peer"] = str(options.peer.resolve())
    ours = [sys.executable, "-m", "benchmarks.train_ours", json.dumps(case)]
    return [ours, *([*peer, json.dumps({**case, **kind})] for kind, _, _ in _PEERS.values())]


def _records(
    speeds: NDArray[np.float64], options: argparse.Namespace, commit: str
) -> list[dict[str, Any]]:
    """Return a record of the ratio to each kind of the peer's update."""
    hidden = " ".join(map(str, options.hidden))
    command = (
        f"python -m benchmarks.train_speed --peer DIR --peer-python PYTHON --rounds {len(speeds)} "
        f"--updates {options.updates} --hidden {hidden} --cores {options.cores}"
    )
    wall = speeds[:, :, 0]
    return [
        {
            **make_record(
                metric,
                speed_ratio(wall[:, 0], wall[:, column]),
                interval=ratio_interval(wall[:, 0], wall[:, column]),
                n=len(speeds),
                unit="ratio",
                command=command,
            ),
            "against": f"agents/iql.py of the peer at {commit}: {what}",
        }
        for column, (_, metric, what) in enumerate(_PEERS.values(), start=1)
    ]


def _show(built: Sequence[Mapping[str, Any]], speeds: NDArray[np.float64]) -> None:
    """Say how fast each was, and the ratios, by wall and by processor time."""
    medians = np.median(speeds, axis=0)
    for name, about, speed in zip(("ours", *_PEERS), built, medians, strict=True):
        sys.stdout.write(
            f"{name:<14} {speed[0]:7.2f} updates a second, {speed[1]:7.2f} a processor second; "
            f"{about['parameters']:,} parameters, {about['library']}\n"
        )
    for kind, label in enumerate(("wall", "processor")):
        for column, name in enumerate(_PEERS, start=1):
            pair = speeds[:, 0, kind], speeds[:, column, kind]
            low, high = ratio_interval(*pair)
            sys.stdout.write(
                f"{label} time, ours / {name}: {speed_ratio(*pair):.3f} [{low:.3f}, {high:.3f}]\n"
            )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peer", type=Path, required=True, help="git checkout of the peer")
    parser.add_argument("--peer-python", required=True, help="Python with what the peer needs")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    return parsed(parser)


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Add the options of how much is run, and parse the command line."""
    parser.add_argument("--rounds", type=int, default=40, help="turns of each (default: 40)")
    parser.add_argument("--updates", type=int, default=20, help="updates a turn (default: 20)")
    parser.add_argument("--cores", type=int, default=1, help="cores and threads (default: 1)")
    parser.add_argument(
        "--hidden", type=int, nargs="+", default=[512] * 4, help="widths (default: 512, 4 times)"
    )
    options = parser.parse_args()
    for name in ("rounds", "updates", "cores"):
        if getattr(options, name) < 1:
            parser.error(f"--{name}: expected >= 1, got {getattr(options, name)}")
    return options


def main() -> int:
    """Measure, write the records, and say what was found; return the exit code."""
    options = _parse()

    def work() -> int:
        commit = peer_commit(options.peer)
        check_python(options.peer_python)
        built, speeds = measure(
            _commands(options),
            cores=options.cores,
            rounds=options.rounds,
            updates=options.updates,
        )
        write_records(options.output, _records(speeds, options, commit))
        _show(built, speeds)
        return 0

    return exit_code("train_speed", work)


if __name__ == "__main__":
    sys.exit(run(main))
