"""Measures what `Rank` costs beyond the critic's forward pass and beyond any Python gRPC server.

    python -m benchmarks.rank_overhead [--rounds 2000]

One robot, one server, over loopback; an MLP critic, 64 candidates of 16 x 7. Every round calls
`SteerClient.rank` and an echo on the same server that parses the same request and writes a reply
of the same size. Overhead is the median of (rank - its own forward pass) less the median echo.
Writes `demo/rank_overhead.json`; `make results` publishes it.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from benchmarks.rank_case import ECHO, HORIZON, NUM_CANDIDATES, ROBOT
from sim.interrupt import run
from sim.records import make_record, write_records
from sim.server import running
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.errors import ServerError
from steer.types import Candidates, Observation, Reason, Selection
from steer.v1 import steering_pb2 as pb
from steer.wire.observations import observation_to_message
from steer.wire.records import candidates_to_message
from steer.wire.tensors import duration_to_seconds

__all__ = ["main", "measure"]

NUM_MEMBERS = 4
WARM_ROUNDS = 200
BUDGET_S = 5.0
OUTPUT = Path("demo")
_RESAMPLES = 2000


def measure(
    address: str, num_rounds: int, *, warm_rounds: int = WARM_ROUNDS
) -> NDArray[np.float64]:
    """Return the durations of interleaved calls.

    Args:
        address: Of a server of `benchmarks.rank_server`.
        num_rounds: Counted rounds.
        warm_rounds: Rounds before them, not counted.

    Returns:
        Shape [num_rounds, 3], in seconds: rank, its forward pass, echo.

    Raises:
        ServerError: A call was not answered as it should be.
    """
    rng = np.random.default_rng(0)
    observation = Observation({"observation.state": rng.normal(size=14).astype(np.float32)})
    chunks = rng.uniform(-1, 1, (NUM_CANDIDATES, HORIZON, ROBOT.action_dim)).astype(np.float32)
    candidates = Candidates(chunks)
    clock = MonotonicClock()
    rows = np.zeros((warm_rounds + num_rounds, 3))
    with SteerClient(address) as client, grpc.insecure_channel(address) as channel:
        session = client.open_session(ROBOT, selection=Selection(margin=0.0))
        request = pb.RankRequest(
            session=session.session,
            observation=observation_to_message(observation),
            candidates=candidates_to_message(candidates),
        )
        echo: Callable[..., Any] = channel.unary_unary(
            ECHO,
            request_serializer=pb.RankRequest.SerializeToString,
            response_deserializer=pb.RankResponse.FromString,
        )
        for row in rows:
            start_s = clock.now_s()
            decision = client.rank(observation, candidates, budget_s=BUDGET_S)
            ranked_s = clock.now_s()
            reply = echo(request, timeout=BUDGET_S)
            echoed_s = clock.now_s()
            if decision.num_scored != NUM_CANDIDATES or decision.reason is Reason.CRITIC:
                raise ServerError(
                    f"rank: expected scores, got {decision.reason}: {decision.detail}"
                )
            forward_s = duration_to_seconds(reply.decision.timings.score)
            row[:] = ranked_s - start_s, forward_s, echoed_s - ranked_s
    return rows[warm_rounds:]


def overhead_ms(rows: NDArray[np.float64]) -> float:
    """Return the median of (rank - forward) less the median echo, in milliseconds."""
    return 1e3 * float(np.median(rows[:, 0] - rows[:, 1]) - np.median(rows[:, 2]))


def echo_ms(rows: NDArray[np.float64]) -> float:
    """Return the median echo, in milliseconds."""
    return 1e3 * float(np.median(rows[:, 2]))


def interval(
    rows: NDArray[np.float64], figure: Callable[[NDArray[np.float64]], float]
) -> tuple[float, float]:
    """Return the 95% interval of a figure, by bootstrap over rounds."""
    rng = np.random.default_rng(0)
    found = [figure(rows[rng.integers(len(rows), size=len(rows))]) for _ in range(_RESAMPLES)]
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Start the server, measure, and write the records."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2000, help="counted rounds (default: 2000)")
    num_rounds = parser.parse_args().rounds
    command = [sys.executable, "-m", "benchmarks.rank_server", "--members", str(NUM_MEMBERS)]
    with running(command, log=OUTPUT / "rank_server.log") as server:
        rows = measure(server.address, num_rounds)
    figures = {"rank_overhead_ms_p50": overhead_ms, "rank_echo_ms_p50": echo_ms}
    records = [
        make_record(
            metric,
            figure(rows),
            interval=interval(rows, figure),
            n=num_rounds,
            unit="ms",
            command=f"python -m benchmarks.rank_overhead --rounds {num_rounds}",
        )
        for metric, figure in figures.items()
    ]
    write_records(OUTPUT / "rank_overhead.json", records)
    for name, column in zip(("rank", "forward", "echo"), rows.T, strict=True):
        p50, p99 = 1e3 * np.percentile(column, [50, 99])
        sys.stdout.write(f"{name:<8} p50 {p50:.2f} ms   p99 {p99:.2f} ms\n")
    low, high = records[0]["low"], records[0]["high"]
    sys.stdout.write(f"overhead p50 {records[0]['value']:.2f} ms [{low:.2f}, {high:.2f}]\n")


if __name__ == "__main__":
    run(main)
