"""System 2 in a process of its own, against a real server: it answers, dies, and comes again."""

import os
import signal
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from steer.channel import TlsFiles
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.errors import InvalidInputError
from steer.loop.planner import Request, Sensed
from steer.loop.remote import Remote, RemotePlanner
from steer.loop.remote_worker import _seed
from steer.types import Selection

pytestmark = pytest.mark.timeout(120)

CLOCK, LIMIT_S = MonotonicClock(), 30.0


@pytest.fixture
def remote(address, robot):
    return Remote(
        target=address,
        embodiment=robot,
        budget_s=2.0,
        num_candidates=4,
        selection=Selection(margin=0.0, weights={"consensus": 1.0}),
    )


@pytest.fixture
def planner(remote):
    with closing(RemotePlanner(remote)) as made:
        yield made


@pytest.fixture
def ask(observation):
    def asked(sequence, **changes):
        some = {"consumed": 3, "frozen": 2, "epoch": 1, "captured_at_s": 7.5}
        return Request(observations=(observation,), sequence=sequence, **{**some, **changes})

    return asked


def answer(planner, limit_s=LIMIT_S):
    """Return the next chunk."""
    end_s = CLOCK.now_s() + limit_s
    while CLOCK.now_s() < end_s:
        chunk = planner.poll()
        if chunk is not None:
            return chunk
        CLOCK.sleep(0.005)
    raise AssertionError("no answer")


def test_what_is_asked_for_is_told_back(planner, remote, robot, observation, ask):
    """The server's decision for that observation, with the request's numbers."""
    request = ask(9)
    planner.submit(request)
    chunk = answer(planner)
    with SteerClient(remote.target) as client:
        client.open_session(robot, selection=remote.selection)
        decision = client.steer(
            observation, budget_s=2.0, num_candidates=4, noise_seed=_seed(0, request)
        )

    np.testing.assert_array_equal(chunk.actions, decision.chunk)
    assert (chunk.sequence, chunk.epoch, chunk.consumed, chunk.frozen) == (9, 1, 3, 2)
    assert (chunk.captured_at_s, chunk.commit) == (7.5, decision.commit_horizon)
    assert chunk.is_steered
    assert planner.poll() is None


def test_the_newest_request_is_the_one_that_is_answered(planner, ask):
    """What nobody began is never asked."""
    planner.submit(ask(1))
    answer(planner)
    for sequence in range(2, 40):
        planner.submit(ask(sequence))
    found = [answer(planner)]
    while found[-1].sequence < 39:
        found.append(answer(planner))

    assert len(found) < 20
    assert [chunk.sequence for chunk in found] == sorted(chunk.sequence for chunk in found)


def test_candidates_are_judged_again_at_the_newest_observation(remote, ask, observation):
    """The chunk is as long as what can still run, and as young as what the robot senses."""
    with closing(RemotePlanner(replace(remote, rescore_s=1.0))) as planner:
        planner.submit(ask(1))
        whole = answer(planner)
        planner.sense(Sensed(observation=observation, consumed=4, epoch=1, captured_at_s=7.6))
        planner.submit(ask(2))
        cut = answer(planner)

    assert (whole.consumed, cut.consumed) == (3, 4)
    assert len(cut.actions) == len(whole.actions) - 1
    assert (cut.captured_at_s, cut.frozen) == (7.6, 1)


def test_a_process_that_is_killed_is_started_anew(planner, ask):
    """It answers again; nobody has waited for it."""
    planner.submit(ask(1))
    answer(planner)
    os.kill(planner._process.pid, signal.SIGKILL)
    planner.submit(ask(2))

    assert answer(planner).sequence == 2
    assert planner.num_starts == 2


def test_a_process_that_is_stopped_blocks_nobody_and_goes_on(planner, ask):
    """Asking and looking take no time meanwhile."""
    planner.submit(ask(1))
    answer(planner)
    process = planner._process
    os.kill(process.pid, signal.SIGSTOP)
    begun_s = CLOCK.now_s()
    for sequence in range(2, 12):
        planner.submit(ask(sequence))
        assert planner.poll() is None
    took_s = CLOCK.now_s() - begun_s
    os.kill(process.pid, signal.SIGCONT)

    assert answer(planner).sequence == 11
    assert took_s < 1.0
    assert planner.num_starts == 1


def test_a_server_that_is_not_there_blocks_nobody(remote, ask):
    """The process goes on trying; the robot's calls touch memory alone."""
    with closing(RemotePlanner(replace(remote, target="127.0.0.1:1"))) as planner:
        begun_s = CLOCK.now_s()
        for sequence in range(1, 11):
            planner.submit(ask(sequence))
            assert planner.poll() is None
        took_s = CLOCK.now_s() - begun_s
        CLOCK.sleep(1.0)

        assert planner.num_starts == 1
    assert took_s < 1.0


def test_it_leaves_nothing_behind(remote, ask):
    """Neither process nor memory."""
    planner = RemotePlanner(remote)
    planner.submit(ask(1))
    answer(planner)
    process, directory = planner._process, planner._directory
    planner.close()

    assert process.poll() is not None
    assert not directory.exists()


def test_observations_that_are_too_large_are_refused(remote, ask):
    """With what was agreed."""
    with (
        closing(RemotePlanner(replace(remote, max_request_bytes=64))) as planner,
        pytest.raises(InvalidInputError, match="value: expected <= 64 bytes"),
    ):
        planner.submit(ask(1))


def test_what_is_asked_travels_whole(remote):
    """As JSON, to the process."""
    found = Remote.from_json(
        replace(remote, selection=Selection(margin=0.5, paraphrases=("a", "b"))).to_json()
    )

    assert found.embodiment == remote.embodiment
    assert found.selection == Selection(margin=0.5, paraphrases=("a", "b"))
    assert found.tls is None


def test_files_of_an_encrypted_connection_travel_as_paths(remote, tmp_path):
    """The process opens them itself."""
    for name in ("ca", "crt", "key"):
        (tmp_path / name).write_text("PEM")
    tls = TlsFiles(ca=tmp_path / "ca", certificate=tmp_path / "crt", key=tmp_path / "key")

    assert Remote.from_json(replace(remote, tls=tls).to_json()).tls == tls
