"""Keeping a worker: order, deadlines, death, hanging and coming back; with a worker that obeys."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from steer.errors import CheckpointError, LateError, PolicyError
from steer.serve.sources.lerobot_checkpoint import LeRobotWorker
from steer.types import Observation

RUN = "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
FAKE = (sys.executable, "-c", RUN, str(Path(__file__).with_name("fake_worker.py")))
pytestmark = pytest.mark.slow  # each test starts a process or two


@pytest.fixture
def serving(runner, fake_checkpoint):
    """Start workers in the tests' loop, and stop them at the end."""
    workers = []

    def start(names=("policy",), *, command=FAKE, **options):
        directories = {name: fake_checkpoint(name) for name in names}
        worker = LeRobotWorker(directories, command=command, restart_delay_s=0.01, **options)
        workers.append(worker)
        runner.run(worker.start())
        return worker

    yield start

    for worker in workers:
        if worker.pid is not None:
            os.kill(worker.pid, signal.SIGKILL)  # it may be stopped, and deaf to a polite end
        runner.run(worker.stop())


async def draw(worker, instruction="", *, num_candidates=1, budget_s=20.0, name="policy"):
    """Draw once, with the instruction that the fake worker obeys."""
    observation = Observation({"observation.state": np.zeros(4, np.float32)}, None, instruction)
    candidates = await worker.sources[name].draw(
        [observation], num_candidates=num_candidates, noise_seed=0, budget_s=budget_s
    )
    return [round(float(action), 4) for action in candidates.actions[:, 0, 0]]


async def back(worker):
    """Wait until the worker serves again."""
    while worker.pid is None:
        await asyncio.sleep(0.01)


def test_a_source_says_what_the_worker_found_out(serving):
    """The info joins the checkpoint's files and the worker's probe."""
    worker = serving(("policy", "same"))

    info = worker.sources["policy"].info

    assert (info.name, info.type, info.horizon, info.num_observations) == (
        "policy",
        "diffusion",
        3,
        2,
    )
    assert info.is_stochastic
    assert not worker.sources["same"].info.is_stochastic


def test_requests_are_served_in_order(serving, runner):
    """Draws that overlap come back in the order of their calls."""
    worker = serving()

    async def draw_three():
        return await asyncio.gather(*(draw(worker, num_candidates=2) for _ in range(3)))

    assert runner.run(draw_three()) == [[1.0, 1.01], [2.0, 2.01], [3.0, 3.01]]


def test_candidate_0_is_answered_when_the_rest_is_late(serving, runner):
    """The budget ends after candidate 0: one row, and no error."""
    worker = serving(grace_s=0.1)

    assert runner.run(draw(worker, "stall", num_candidates=8, budget_s=0.5)) == [1.0]


def test_no_candidate_in_time_is_late(serving, runner):
    """A budget that ends before candidate 0 is an error, and names the policy."""
    worker = serving(grace_s=0.1)

    with pytest.raises(LateError, match=r"policy 'policy': expected candidate 0 within 0\.050 s"):
        runner.run(draw(worker, "hang", budget_s=0.05))


def test_a_request_whose_deadline_is_gone_is_never_sent(serving, runner, tmp_path):
    """What waited too long in the queue costs the worker nothing."""
    worker = serving()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    async def scenario():
        busy = asyncio.create_task(draw(worker, f"wait {pipe}"))
        await asyncio.sleep(0)
        with pytest.raises(LateError):
            await draw(worker, budget_s=0.01)
        await asyncio.to_thread(pipe.write_bytes, b"go on")
        return await busy, await draw(worker)

    assert runner.run(scenario()) == ([1.0], [2.0])


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ("nan 0", "expected finite actions, got nan in candidate 0, action 1, dimension 0"),
        ("shape", r"expected chunks of shape \[N, 3, 2\], got float32 of shape \[1, 1, 2\]"),
        ("fail", "policy 'policy': ValueError: no"),
    ],
)
def test_an_unusable_draw_is_refused_and_the_next_one_served(serving, runner, instruction, text):
    """What the policy did wrong is named; the worker goes on."""
    worker = serving()
    pid = worker.pid

    with pytest.raises(PolicyError, match=text):
        runner.run(draw(worker, instruction, num_candidates=3))

    assert runner.run(draw(worker)) == [2.0]
    assert worker.pid == pid


def test_an_unusable_candidate_leaves_candidate_0(serving, runner, caplog):
    """The robot gets what the policy alone would have run; what went wrong is in the log."""
    worker = serving()

    drawn = runner.run(draw(worker, "nan 2", num_candidates=3))

    assert len(drawn) == 1
    assert "expected finite actions, got nan in candidate 2, action 1" in caplog.text


def test_a_worker_that_is_killed_fails_what_waits_and_comes_back(serving, runner):
    """Every draw that waits gets a clear error at once; later ones are served by a new worker."""
    worker = serving()
    pid = worker.pid

    async def scenario():
        waiting = [draw(worker, "die"), draw(worker), draw(worker)]
        errors = await asyncio.gather(*waiting, return_exceptions=True)
        with pytest.raises(PolicyError, match="it is being started again, come back in"):
            await draw(worker)
        await back(worker)
        return errors, await draw(worker)

    errors, served = runner.run(scenario())

    assert [type(error) for error in errors] == [PolicyError] * 3
    assert str(errors[0]).startswith("policy worker was killed by SIGKILL; it is being started")
    assert served == [1.0]
    assert worker.pid != pid


def test_a_worker_that_dies_idle_comes_back(serving, runner):
    """A death is noticed without a request."""
    worker = serving()
    pid = worker.pid

    async def scenario():
        os.kill(pid, signal.SIGKILL)
        while worker.pid == pid:
            await asyncio.sleep(0.01)
        await back(worker)
        return await draw(worker)

    assert runner.run(scenario()) == [1.0]


def test_a_worker_that_hangs_is_killed_and_comes_back(serving, runner):
    """No answer within the budget and the grace ends the worker, even a stopped one."""
    worker = serving(grace_s=0.2)
    pid = worker.pid

    async def scenario():
        hung, behind = await asyncio.gather(
            draw(worker, "hang", budget_s=0.1), draw(worker), return_exceptions=True
        )
        await back(worker)
        return hung, behind, await draw(worker)

    hung, behind, served = runner.run(scenario())

    assert isinstance(hung, LateError)
    assert isinstance(behind, PolicyError)
    assert str(behind).startswith("policy worker hung: expected an answer 0.2 s after the budget")
    assert served == [1.0]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("instruction", "text"),
    [("babble", "expected a message of <="), ("mistake", "expected an answer to 1, got")],
)
def test_a_worker_that_talks_nonsense_is_replaced(serving, runner, instruction, text):
    """A pipe that is out of step cannot be trusted again."""
    worker = serving()

    async def scenario():
        with pytest.raises(PolicyError, match=text):
            await draw(worker, instruction)
        await back(worker)
        return await draw(worker)

    assert runner.run(scenario()) == [1.0]


def test_the_wait_between_starts_doubles(serving, runner, tmp_path, caplog):
    """A worker that cannot start is tried again later and later."""
    worker = serving(command=(*FAKE, str(tmp_path / "starts")))

    async def scenario():
        with pytest.raises(PolicyError):
            await draw(worker, "die")
        await back(worker)

    with caplog.at_level(logging.WARNING):
        runner.run(scenario())

    messages = [record.getMessage() for record in caplog.records]
    waits = [text for text in messages if text.startswith("starting the policy worker again")]
    assert [text.split()[-2] for text in waits] == ["0.01", "0.02", "0.04"]
    assert messages.count("RuntimeError: not yet") == 2


def test_the_worker_writes_into_the_servers_log(serving, caplog):
    """What the worker logs appears in the server's log, at its level."""
    with caplog.at_level(logging.WARNING, "steer.serve.sources.process"):
        serving()

    assert [record.getMessage() for record in caplog.records] == ["worker fake: loading"]


def test_draws_that_wait_at_the_stop_are_answered(serving, runner):
    """Stopping fails what waits, and later requests, with the reason."""
    worker = serving()

    async def scenario():
        waiting = asyncio.create_task(draw(worker))
        await asyncio.sleep(0)
        await worker.stop()
        return await asyncio.gather(waiting, draw(worker), return_exceptions=True)

    errors = runner.run(scenario())

    assert [str(error) for error in errors] == ["policy worker: the server is stopping"] * 2


def test_a_checkpoint_that_changes_on_disk_is_not_taken_over(serving, runner, tmp_path, caplog):
    """After a death the same policy comes back, or none: sessions agreed on its digest."""
    worker = serving()
    (tmp_path / "policy" / "model.safetensors").write_bytes(b"others")

    async def scenario():
        with pytest.raises(PolicyError):
            await draw(worker, "die")
        while "expected the files that the server started with" not in caplog.text:
            await asyncio.sleep(0.01)
        with pytest.raises(PolicyError, match="got others; restart the server to use them"):
            await draw(worker)

    runner.run(scenario())


def test_a_policy_of_another_action_dimension_is_refused(runner, fake_checkpoint):
    """What the policy draws must be what its files say, else nothing is left running."""
    directory = fake_checkpoint(output_features={"action": {"type": "ACTION", "shape": [7]}})
    worker = LeRobotWorker({"push": directory}, command=FAKE)

    with pytest.raises(CheckpointError, match="policy 'push': expected chunks of 7 action dim"):
        runner.run(worker.start())

    runner.run(worker.stop())


def test_a_checkpoint_that_cannot_be_loaded_is_refused(runner, fake_checkpoint, tmp_path):
    """What the worker says of a checkpoint is the error of the start."""
    (tmp_path / "starts").write_text("start\n")
    worker = LeRobotWorker({"push": fake_checkpoint()}, command=(*FAKE, str(tmp_path / "starts")))

    with pytest.raises(CheckpointError, match="RuntimeError: not yet"):
        runner.run(worker.start())

    assert worker.pid is None


def test_a_worker_that_does_not_start_is_an_error(runner, fake_checkpoint):
    """A crash while loading says how the worker ended."""
    command = (sys.executable, "-c", "raise SystemExit(3)")
    worker = LeRobotWorker({"push": fake_checkpoint()}, command=command)

    with pytest.raises(PolicyError, match="policy worker ended with exit code 3 while load"):
        runner.run(worker.start())


def test_a_worker_that_never_gets_ready_is_ended(runner, fake_checkpoint):
    """Loading has a budget too."""
    command = (sys.executable, "-c", "import sys; sys.stdin.read()")
    worker = LeRobotWorker({"push": fake_checkpoint()}, command=command, load_budget_s=0.2)

    with pytest.raises(PolicyError, match=r"expected to be ready within 0\.2 s, got no answer"):
        runner.run(worker.start())


def test_nothing_is_drawn_before_the_start(fake_checkpoint):
    """Sources appear with the worker."""
    assert LeRobotWorker({"push": fake_checkpoint()}).sources == {}
