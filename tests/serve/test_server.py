"""The server's life: health, ports, overload, sessions that expire."""

import asyncio
import json
import socket

import grpc
import numpy as np
import pytest
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc

from steer.client import SteerClient
from steer.clock import FakeClock
from steer.errors import ArtefactError, ConfigError
from steer.serve.server import Server
from steer.types import Candidates, Reason, Selection
from steer.v1 import steering_pb2 as pb
from steer.v1.steering_pb2_grpc import SteeringStub
from steer.wire.session import embodiment_to_message

SERVING, NOT_SERVING = 1, 2


def health(channel, service):
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(channel).Check(request, timeout=5).status


def test_a_ready_server_is_serving(channel):
    """The service reports it, and so does the name that probes ask for by default."""
    assert health(channel, "") == SERVING
    assert health(channel, "steer.v1.Steering") == SERVING


def test_a_server_that_still_loads_answers_that_it_is_not_serving(run, make_config, robot):
    """Robots are turned away with UNAVAILABLE until everything is warm."""

    class SlowWorker:
        def __init__(self):
            self.sources = {}
            self.entered, self.door = asyncio.Event(), asyncio.Event()

        async def start(self):
            self.entered.set()
            await self.door.wait()

        async def stop(self):
            """Nothing to free."""

    worker = SlowWorker()
    found = {}

    def ask(address):
        with grpc.insecure_channel(address) as channel:
            found["default"] = health(channel, "")
            found["ready"] = health(channel, "steer.v1.Steering")
            with pytest.raises(grpc.RpcError) as caught:
                SteeringStub(channel).Describe(pb.DescribeRequest(), timeout=5)
            found["error"] = (caught.value.code(), caught.value.details())

    async def scenario():
        port = free_port()
        config = make_config(listen=f"127.0.0.1:{port}", drain_s=0.0)
        server = Server(config, worker=worker)
        starting = asyncio.create_task(server.start())
        await worker.entered.wait()
        try:
            await asyncio.to_thread(ask, f"127.0.0.1:{port}")
        finally:
            worker.door.set()
            await starting
            await server.stop()

    run(scenario())

    assert (found["default"], found["ready"]) == (NOT_SERVING, NOT_SERVING)
    assert found["error"][0] is grpc.StatusCode.UNAVAILABLE
    assert found["error"][1] == "server: expected one that is serving, got one starting"


def test_a_port_in_use_is_one_clear_error(serving, address):
    """Two servers never share a port in silence."""
    with (
        pytest.raises(ConfigError, match=rf"--listen: expected a free address.*{address}"),
        serving(listen=address),
    ):
        pass


@pytest.mark.parametrize(
    ("device", "text"),
    [("tpu", "expected cpu or cuda, got 'tpu'"), ("cuda", "expected a machine with CUDA")],
)
def test_a_device_that_is_not_there_is_refused(make_config, monkeypatch, device, text):
    """Before anything is loaded."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    with pytest.raises(ConfigError, match=text):
        Server(make_config(device=device))


def test_a_damaged_critic_stops_the_start(serving, critic_dir, tmp_path):
    """One byte of the weights was edited."""
    copy = tmp_path / "reach"
    copy.mkdir()
    for path in critic_dir.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    weights = bytearray((copy / "critic.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "critic.safetensors").write_bytes(weights)

    with pytest.raises(ArtefactError, match="expected sha256"), serving(critic=(str(copy),)):
        pass


def test_a_critic_of_a_newer_format_stops_the_start(serving, critic_dir, tmp_path):
    """The text says what to do."""
    copy = tmp_path / "reach"
    copy.mkdir()
    for path in critic_dir.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps({**card, "format_version": 99}))

    with pytest.raises(ArtefactError, match="update steer"), serving(critic=(str(copy),)):
        pass


def test_a_session_that_idles_expires_and_the_client_opens_another(
    serving, robot, observation, rng
):
    """The server's clock decides; the robot notices nothing but a round trip."""
    clock = FakeClock()
    candidates = Candidates(rng.normal(size=(5, 4, 2)).astype(np.float32))
    with serving(clock=clock, session_idle_s=10.0) as address, SteerClient(address) as client:
        first = client.open_session(robot, selection=Selection(gated=False)).session
        clock.advance(11.0)

        decision = client.rank(observation, candidates, budget_s=5)

        assert client.session.session != first
    assert decision.reason is Reason.UNGATED


def test_the_server_clamps_what_a_session_asks_for(serving, robot):
    """Margin, gate and selectors are the operator's."""
    with (
        serving(min_margin=0.7, gate_required=True, selectors=("argmax",)) as address,
        SteerClient(address) as client,
    ):
        found = client.open_session(robot, selection=Selection(gated=False, margin=0.1))
        with pytest.raises(ConfigError, match="expected one of argmax, got worst"):
            client.open_session(robot, selection=Selection(selector="worst"))

    assert (found.selection.gated, found.selection.margin) == (True, 0.7)
    assert found.limits.selectors == ("argmax",)


def test_too_many_sessions_are_refused_with_a_time(serving, robot):
    """RESOURCE_EXHAUSTED, not memory without end."""
    with serving(max_sessions=1) as address, grpc.insecure_channel(address) as channel:
        request = pb.OpenSessionRequest(embodiment=embodiment_to_message(robot))
        SteeringStub(channel).OpenSession(request, timeout=5)
        with pytest.raises(grpc.RpcError) as caught:
            SteeringStub(channel).OpenSession(request, timeout=5)

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert dict(caught.value.trailing_metadata())["retry-after-ms"] == "1000"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_server_on_cuda_decides_as_one_on_the_cpu(serving, robot, observation, rng):
    """From the option to the answer: the engine loads, warms and scores on the device."""
    chunks = rng.normal(size=(8, 4, 2)).astype(np.float32)
    decisions = []
    for device in ("cpu", "cuda"):
        with serving(device=device) as address, SteerClient(address) as client:
            client.open_session(robot)
            decisions.append(client.rank(observation, Candidates(chunks), budget_s=5))

    on_cpu, on_cuda = decisions
    assert on_cuda.index == on_cpu.index
    assert on_cuda.num_scored == 8
    # cuBLAS adds in another order; values are of the order of 50.
    np.testing.assert_allclose(on_cuda.values, on_cpu.values, rtol=0, atol=1e-3)
