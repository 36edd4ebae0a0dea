"""The server's life: startup, serve, shutdown."""

import asyncio
import logging
import secrets
import signal
from collections.abc import Mapping

import grpc.aio
import numpy as np
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health  # type: ignore[attr-defined]  # stubs lack it

from steer.clock import Clock, MonotonicClock
from steer.critics.artefact import load_critic
from steer.critics.encoders.instructions import instructions_for
from steer.errors import ConfigError, LateError
from steer.serve.audits import check_audits
from steer.serve.catalogue import Catalogue
from steer.serve.config import ServeConfig
from steer.serve.engine import Engine
from steer.serve.listening import listen, make_server
from steer.serve.logs import configure
from steer.serve.matching import doubts
from steer.serve.naming import critic_directories, policy_directories
from steer.serve.scorers import load_scorers
from steer.serve.service import Service
from steer.serve.sessions import Sessions
from steer.serve.sources.base import PolicySource
from steer.serve.sources.lerobot_checkpoint import LeRobotWorker
from steer.serve.sources.pool import PolicyWorker, WorkerPool
from steer.types import Observation
from steer.v1.steering_pb2_grpc import add_SteeringServicer_to_server
from steer.wire.session import Limits

__all__ = ["Server", "serve"]

logger = logging.getLogger(__name__)

SERVICE = "steer.v1.Steering"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_WARM_BUDGET_S = 60.0
_WARM_DRAWS = 3


class Server:
    """Critics, policies, and the gRPC front before them. Belongs to the loop that starts it.

    Args:
        config: What to serve, and where.
        clock: Of budgets, sessions and timings.
        worker: Of the policies; None for one that loads `config.policy`.

    Raises:
        ConfigError: An option makes no sense on this machine.
    """

    def __init__(
        self,
        config: ServeConfig,
        *,
        clock: Clock | None = None,
        worker: PolicyWorker | None = None,
    ) -> None:
        self._config = config
        self._clock = clock or MonotonicClock()
        self._critics = critic_directories(config.critic)
        checkpoints, guided = policy_directories(config.policy)
        _check_device(config.device)
        if worker is None and checkpoints:
            worker = WorkerPool(
                [
                    LeRobotWorker(checkpoints, guided=guided, device=config.device)
                    for _ in range(config.policy_workers)
                ]
            )
        self._worker = worker
        self._engine = Engine(
            device=config.device,
            clock=self._clock,
            threads=config.threads,
            max_waiting=config.max_waiting,
            max_group=config.max_group,
        )
        self._health = health.HealthServicer()
        self._limits = _limits(config)
        self._service = Service(
            engine=self._engine,
            sessions=Sessions(
                clock=self._clock, idle_s=config.session_idle_s, max_sessions=config.max_sessions
            ),
            limits=self._limits,
            clock=self._clock,
            device=config.device,
            epoch=secrets.token_hex(8),
        )
        self._grpc: grpc.aio.Server | None = None

    async def start(self) -> str:
        """Listen, load critics and policies, and warm up.

        The address is bound first: a port in use is known before a minute of loading, and probes
        find a server that is alive but not serving.

        Returns:
            `HOST:PORT` with the real port, once robots may come.

        Raises:
            ArtefactError: A critic, the novelty beside it, or a sentence encoder cannot be loaded.
            CheckpointError: A policy cannot be loaded.
            ConfigError: The address cannot be listened on, no audit speaks for a critic and
                `allow_unaudited` is not set, or the sentence encoder of a critic is missing.
        """
        self._grpc = make_server(self._config)
        add_SteeringServicer_to_server(self._service, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        address = listen(self._grpc, self._config)
        await self._set_health(_NOT_SERVING)
        await self._grpc.start()
        self._engine.start()
        self._service.open(await self._load())
        await self._set_health(_SERVING)
        return address

    async def stop(self) -> None:
        """Turn new robots away, let open requests end for the drain time, and free everything."""
        await self._set_health(_NOT_SERVING)
        self._service.close()
        if self._grpc is not None:
            await self._grpc.stop(self._config.drain_s)
        await asyncio.to_thread(self._engine.stop)
        if self._worker is not None:
            await self._worker.stop()

    async def hurry(self) -> None:
        """End the drain of a `stop` that is under way: open requests are cancelled."""
        if self._grpc is not None:
            await self._grpc.stop(0)

    async def _set_health(self, status: "health_pb2.HealthCheckResponse.ServingStatus") -> None:
        """Tell probes, those included that ask for no service by name."""
        for service in ("", SERVICE):
            await self._health.set(service, status)

    async def _load(self) -> Catalogue:
        """Load and warm everything."""
        device = self._config.device
        critics, scorers = {}, {}
        for name, path in self._critics.items():
            critic = await self._engine.load(
                name,
                lambda path=path: load_critic(path, device=device),  # type: ignore[misc]
            )
            logger.info("loaded critic=%s digest=%s", name, critic.digest)
            critics[name] = critic
            scorers[name] = load_scorers(path, critic)
        if not self._config.allow_unaudited:
            check_audits(critics, self._critics)
        cards = {name: critic.card for name, critic in critics.items()}
        encoders = self._config.sentence_encoder
        await self._engine.load_instructions(
            lambda: instructions_for(cards, encoders, device=device)
        )
        expected = self._limits.expected_candidates
        rank_s = {
            name: await self._engine.warm(
                name, num_candidates=expected, max_candidates=self._limits.max_candidates
            )
            for name in critics
        }
        sources: Mapping[str, PolicySource] = {}
        if self._worker is not None:
            await self._worker.start()
            sources = self._worker.sources
        draw_s = {name: await self._warm_policy(item) for name, item in sources.items()}
        for kind, times_s in (("critic", rank_s), ("policy", draw_s)):
            for name, time_s in times_s.items():
                logger.info("warm %s=%s n=%d expected_ms=%.1f", kind, name, expected, 1e3 * time_s)
        catalogue = Catalogue(
            critics=critics,
            sources=sources,
            scorers=scorers,
            expected_rank_s=rank_s,
            expected_draw_s=draw_s,
        )
        for doubt in doubts(catalogue):
            logger.warning("%s", doubt)
        return catalogue

    async def _warm_policy(self, source: PolicySource) -> float:
        """Draw from an observation of zeros; return the median time, in seconds."""
        fields = source.info.embodiment.observations
        observation = Observation(
            {item.name: np.zeros(item.shape, item.dtype) for item in fields}, instruction="warm up"
        )
        times_s = []
        for seed in range(_WARM_DRAWS):
            start_s = self._clock.now_s()
            try:
                await source.draw(
                    [observation],
                    num_candidates=self._limits.expected_candidates,
                    noise_seed=seed,
                    budget_s=_WARM_BUDGET_S,
                )
            except LateError as error:
                logger.warning("policy=%s is slow to warm up: %s", source.info.name, error)
            times_s.append(self._clock.now_s() - start_s)
        return float(np.median(times_s))


def serve(config: ServeConfig) -> int:
    """Serve until SIGTERM or Ctrl-C; a second one ends the drain.

    Returns:
        The exit code: 0 after SIGTERM, 130 after Ctrl-C.
    """
    configure(config.log_format)
    return asyncio.run(_serve(config))


async def _serve(config: ServeConfig) -> int:
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()
    server = Server(config)
    hurrying: list[asyncio.Task[None]] = []

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)
            return
        logger.warning("stopping at once")
        hurrying.append(loop.create_task(server.hurry()))
        for number in (signal.SIGTERM, signal.SIGINT):  # a third one kills
            loop.remove_signal_handler(number)

    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, 130)
    starting = loop.create_task(server.start())
    try:
        await asyncio.wait((starting, stopped), return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            logger.info("serving address=%s device=%s", await starting, config.device)
            await stopped
    finally:
        starting.cancel()
        await asyncio.wait((starting,))
        logger.info("stopping drain_s=%g", config.drain_s)
        await server.stop()
    logger.info("stopped")
    return stopped.result()


def _check_device(device: str) -> None:
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise ConfigError(f"--device: expected cpu or cuda, got {device!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device: expected a machine with CUDA for 'cuda', got one without")


def _limits(config: ServeConfig) -> Limits:
    return Limits(
        max_candidates=config.max_candidates,
        max_horizon=config.max_horizon,
        max_message_bytes=config.max_message_mib << 20,
        max_image_pixels=config.max_image_pixels,
        session_idle_s=config.session_idle_s,
        max_budget_s=config.max_budget_s,
        expected_candidates=config.expected_candidates,
        selectors=config.selectors,
        min_margin=config.min_margin,
        is_gate_required=config.gate_required,
    )
