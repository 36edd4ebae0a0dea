"""Real LeRobot checkpoints in a real worker, compared with what LeRobot itself draws."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from steer.errors import PolicyError
from steer.serve.sources.lerobot_checkpoint import LeRobotWorker
from steer.types import Observation, Provenance

# Importing LeRobot takes 10 s, on a busy machine longer: one worker serves most of the tests.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("lerobot")]

SEED = 7
STOCHASTIC = ["diffusion", "diffusion-camera", "vqbet", "tdmpc"]
PARENT = """
import asyncio, sys
from steer.serve.sources.framing import Message
from steer.serve.sources.process import WORKER_COMMAND, WorkerProcess

async def main():
    load = Message({"device": "cpu", "checkpoints": {}})
    worker, _ = await WorkerProcess.start(WORKER_COMMAND, load, budget_s=200)
    print(worker.pid, flush=True)
    await worker.receive()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def worker(runner, real_checkpoints):
    """One worker with a checkpoint of each kind."""
    names = [*STOCHASTIC, "act"]
    worker = LeRobotWorker({name: real_checkpoints / name for name in names}, grace_s=1.0)
    runner.run(worker.start())
    yield worker
    runner.run(worker.stop())


@pytest.fixture(scope="module")
def references(real_checkpoints):
    """By policy: the observations, and the chunk that LeRobot draws for them and SEED."""
    found = {}
    for path in real_checkpoints.glob("*.reference.safetensors"):
        arrays = load_file(path)
        chunk = arrays.pop("chunk")
        count = len(arrays["observation.state"])
        observations = [Observation({k: v[i] for k, v in arrays.items()}) for i in range(count)]
        found[path.name.split(".")[0]] = (observations, chunk)
    return found


@pytest.fixture
def draw(runner, worker, references):
    """Draw from one of the policies for its reference observations."""

    def draw_now(name, num_candidates, *, noise_seed=SEED, observations=None, budget_s=60.0):
        source = worker.sources[name]
        return runner.run(
            source.draw(
                references[name][0] if observations is None else observations,
                num_candidates=num_candidates,
                noise_seed=noise_seed,
                budget_s=budget_s,
            )
        )

    return draw_now


@pytest.mark.parametrize("name", [*STOCHASTIC, "act"])
def test_candidate_0_is_lerobots_own_chunk_bit_for_bit(draw, references, name):
    """Alone or with fifteen others, candidate 0 is what LeRobot draws in a process without us."""
    alone, among_others = draw(name, 1), draw(name, 16)

    np.testing.assert_array_equal(alone.actions, references[name][1])
    np.testing.assert_array_equal(among_others.actions[:1], references[name][1])


@pytest.mark.parametrize("name", STOCHASTIC)
def test_the_seed_decides_every_candidate(draw, name):
    """The same seed draws the same, whatever was drawn between; another draws something else."""
    first, other, again = (draw(name, 8, noise_seed=seed) for seed in (3, 4, 3))

    np.testing.assert_array_equal(first.actions, again.actions)
    assert (first.actions != other.actions).any()


@pytest.mark.parametrize("name", STOCHASTIC)
def test_the_candidates_differ(draw, name):
    """A batch is not the same chunk many times, and all of it is the policy's."""
    candidates = draw(name, 16)

    assert len(np.unique(candidates.actions, axis=0)) > 8
    assert candidates.provenance == (Provenance.POLICY,) * 16


def test_act_draws_one_chunk_and_perturbations_of_it(draw, worker, references):
    """Its other candidates say that they are not the policy's."""
    candidates = draw("act", 4)

    assert not worker.sources["act"].info.is_stochastic
    assert candidates.provenance == (Provenance.POLICY,) + (Provenance.PERTURBATION,) * 3
    assert len(np.unique(candidates.actions, axis=0)) == 4
    np.testing.assert_allclose(candidates.actions, np.tile(references["act"][1], (4, 1, 1)), atol=1)


def test_a_short_history_repeats_the_first_observation(draw, references):
    """One observation stands for two equal ones."""
    observations, _ = references["diffusion"]

    short = draw("diffusion", 2, observations=observations[:1])
    spelled_out = draw("diffusion", 2, observations=[observations[0], observations[0]])

    np.testing.assert_array_equal(short.actions, spelled_out.actions)


def test_a_source_describes_its_policy(worker):
    """Type, horizon, history and needs are the checkpoint's."""
    info = worker.sources["vqbet"].info
    fields = {field.name: field.shape for field in info.embodiment.observations}

    assert (info.type, info.horizon, info.num_observations) == ("vqbet", 5, 5)
    assert info.embodiment.action_dim == 4
    assert fields == {"observation.state": (4,), "observation.images.top": (64, 64, 3)}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_worker_fits_into_its_share_of_memory(worker):
    """With five small policies it stays under 1.3 GiB, so that server and worker stay under two."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    resident_kib = int(status.split("VmRSS:")[1].split()[0])

    assert resident_kib < 1.3 * 2**20


def test_ctrl_c_is_for_the_server_to_decide(draw, worker):
    """SIGINT and SIGTERM, which terminals and init systems send to all, do not end the worker."""
    os.kill(worker.pid, signal.SIGINT)
    os.kill(worker.pid, signal.SIGTERM)

    assert len(draw("diffusion", 2)) == 2


def test_kill_9_in_a_draw_is_survived(runner, worker, references):
    """A new worker draws what the old one would have drawn."""
    source = worker.sources["diffusion"]
    observations, chunk = references["diffusion"]

    async def draw(num_candidates):
        return await source.draw(
            observations, num_candidates=num_candidates, noise_seed=SEED, budget_s=100.0
        )

    async def scenario():
        pid = worker.pid
        long_draw = asyncio.create_task(draw(4096))
        await asyncio.sleep(0.1)  # it is under way; before or after, the answer is the same
        os.kill(pid, signal.SIGKILL)
        errors = await asyncio.gather(long_draw, draw(1), return_exceptions=True)
        while worker.pid is None:
            await asyncio.sleep(0.05)
        return errors, await draw(1)

    errors, served = runner.run(scenario())

    # Where candidate 0 had been drawn before the kill, the robot gets it.
    assert isinstance(errors[0], PolicyError) or len(errors[0]) == 1
    assert isinstance(errors[1], PolicyError)
    assert "policy worker was killed by SIGKILL; it is being started again" in str(errors[1])
    np.testing.assert_array_equal(served.actions, chunk)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's pidfd")
def test_no_worker_outlives_its_server():
    """A server that is killed with -9 leaves no worker behind."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    worker = os.pidfd_open(int(parent.stdout.readline()))

    parent.kill()
    parent.communicate()
    ended, _, _ = select.select([worker], [], [], 60.0)

    os.close(worker)
    assert ended
