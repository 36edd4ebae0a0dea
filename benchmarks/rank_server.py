"""The server of `benchmarks.rank_overhead`: ours, with an echo beside it and a watch on the critic.

    python -m benchmarks.rank_server --members 4

The echo parses the same request and writes a reply of the same form, so that it costs what any
asyncio gRPC server in Python costs. Its reply says how long the critic's last forward pass took.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
import grpc.aio
import numpy as np
from torch import Tensor

from benchmarks.rank_case import ECHO, HORIZON, NUM_CANDIDATES, ROBOT
from steer.critics.artefact import save_critic
from steer.critics.card import CriticCard
from steer.critics.critic import Critic
from steer.serve import listening, server
from steer.serve.config import ServeConfig
from steer.types import Decision, Provenance, Reason
from steer.v1 import steering_pb2 as pb
from steer.wire.records import decision_to_message
from steer.wire.tensors import duration_from_seconds

__all__ = ["main"]


class ForwardWatch:
    """Times `embed` and `score_prefixes` of every critic, and nothing else.

    Attributes:
        last_s: Duration of the last forward pass, in seconds.
    """

    def __init__(self) -> None:
        self.last_s = 0.0
        self._embed_s = 0.0

    def install(self) -> None:
        """Watch the class `Critic` of this process, for good."""
        embed, score = Critic.embed, Critic.score_prefixes

        def watched_embed(critic: Critic, observations: Mapping[str, Tensor]) -> Tensor:
            start_s = time.monotonic()
            context_BD = embed(critic, observations)
            self._embed_s = time.monotonic() - start_s
            return context_BD

        def watched_score(critic: Critic, context_BD: Tensor, chunks_BNHA: Tensor) -> Tensor:
            start_s = time.monotonic()
            value_KBNP = score(critic, context_BD, chunks_BNHA)
            self.last_s = self._embed_s + time.monotonic() - start_s
            return value_KBNP

        Critic.embed, Critic.score_prefixes = watched_embed, watched_score  # type: ignore[method-assign, assignment]


def echo_handler(
    watch: ForwardWatch, num_members: int
) -> "grpc.GenericRpcHandler[pb.RankRequest, pb.RankResponse]":
    """Return the echo: it parses a RankRequest, and answers a RankResponse of the real size."""
    decision = Decision(
        index=1,
        chunk=np.zeros((HORIZON, ROBOT.action_dim), np.float32),
        commit_horizon=HORIZON,
        reason=Reason.ADVANTAGE,
        scores=np.zeros(NUM_CANDIDATES, np.float32),
        values=np.zeros((num_members, NUM_CANDIDATES), np.float32),
        provenance=(Provenance.POLICY,) * NUM_CANDIDATES,
        feasible=(True,) * NUM_CANDIDATES,
        critic_digest="sha256:" + 64 * "0",
    )
    response = pb.RankResponse(decision=decision_to_message(decision))

    async def echo(request: pb.RankRequest, context: object) -> pb.RankResponse:
        del request, context  # Unused.
        response.decision.timings.score.CopyFrom(duration_from_seconds(watch.last_s))
        return response

    service, _, method = ECHO.strip("/").partition("/")
    handler = grpc.unary_unary_rpc_method_handler(
        echo,
        request_deserializer=pb.RankRequest.FromString,
        response_serializer=pb.RankResponse.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(service, {method: handler})


def main() -> int:
    """Make a critic with weights at random, and serve it until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, required=True)
    num_members = parser.parse_args().members
    watch = ForwardWatch()
    watch.install()
    make_server = listening.make_server

    def make_server_with_echo(config: ServeConfig) -> grpc.aio.Server:
        grpc_server = make_server(config)
        grpc_server.add_generic_rpc_handlers((echo_handler(watch, num_members),))
        return grpc_server

    # There is no other way in, for a server that serves has no room for strangers' handlers.
    setattr(server, "make_server", make_server_with_echo)  # noqa: B010
    card = CriticCard(algorithm="none", embodiment=ROBOT, horizon=HORIZON, num_members=num_members)
    with tempfile.TemporaryDirectory() as directory:
        save_critic(Critic(card), Path(directory) / "critic")
        critic = (f"{directory}/critic",)
        config = ServeConfig(critic=critic, listen="127.0.0.1:0", allow_unaudited=True)
        return server.serve(config)


if __name__ == "__main__":
    raise SystemExit(main())
