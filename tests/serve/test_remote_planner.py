"""System 2 in a process of its own, against a real server: it answers, dies, and comes again."""

import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from steer.channel import TlsFiles
from steer.client import SteerClient
from steer.clock import MonotonicClock
from steer.errors import ConfigError, InvalidInputError, PolicyError
from steer.heads import Head, HeadCard, save_head
from steer.limits import Limits
from steer.loop.alarm import Threshold
from steer.loop.planner import Request, Sensed
from steer.loop.remote import Remote, RemotePlanner
from steer.loop.spent import age_parts
from steer.loop.thresholds import Thresholds
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
        some["travelled"] = np.zeros(2)
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
            observation, budget_s=2.0, num_candidates=4, noise_seed=request.noise_seed(0)
        )

    np.testing.assert_array_equal(chunk.actions, decision.chunk)
    assert (chunk.sequence, chunk.epoch, chunk.consumed, chunk.frozen) == (9, 1, 3, 2)
    assert (chunk.captured_at_s, chunk.commit) == (7.5, decision.commit_horizon)
    assert not chunk.fallback
    assert planner.poll() is None


def test_where_the_time_went_is_told_and_adds_up(remote, ask):
    """From the observation to the hand-over: no part is missing, and none counts twice."""
    with closing(RemotePlanner(replace(remote, rescore_s=1.0))) as planner:
        planner.submit(ask(1))
        answer(planner)
        asked_at_s = CLOCK.now_s()
        planner.submit(ask(2, captured_at_s=asked_at_s))
        spent = answer(planner).spent
        there_s = CLOCK.now_s()

    parts = age_parts(spent, runs_at_s=there_s)
    assert spent.asked_at_s == asked_at_s
    assert min(parts.values()) >= 0
    assert parts["total_s"] == pytest.approx(there_s - asked_at_s)
    assert parts["total_s"] == pytest.approx(spent.total_s + parts["splice_s"])
    assert 0 < spent.score_s < spent.transport_s + spent.server_s + spent.score_s < spent.total_s


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
    """The chunk is as long as what can still run, as young as what the robot senses, and within
    its limits."""
    size = remote.embodiment.action_dim
    wide = np.full(size, np.inf)
    limits = Limits(low=-wide, high=wide, first=np.full(size, 0.01), second=wide, third=wide)
    sent = np.zeros((3, size), np.float32)
    tick = Sensed(
        observation=observation,
        consumed=4,
        epoch=1,
        captured_at_s=7.6,
        sent=sent,
        travelled=np.zeros(size),
    )
    with closing(RemotePlanner(replace(remote, rescore_s=1.0, limits=limits))) as planner:
        planner.submit(ask(1))
        whole = answer(planner)
        planner.sense(tick)
        planner.submit(ask(2))
        cut = answer(planner)

    assert (whole.consumed, cut.consumed) == (3, 4)
    assert len(cut.actions) == len(whole.actions) - 1
    assert (cut.captured_at_s, cut.frozen) == (7.6, 1)
    steps = np.abs(np.diff(np.concatenate([sent[:1], cut.actions]), axis=0))
    assert steps.max() == pytest.approx(0.01, rel=1e-3)


def test_the_monitors_of_the_process_alarm_with_the_chunk(remote, ask):
    """Readings of the candidates that the server drew, against thresholds that travelled there."""
    names = ("stac", "sample_variance", "ensemble_spread")
    never = Threshold(high=1e9, low=0.0)
    limits = {name: Threshold(high=-1.0, low=-1.0) for name in names} | {"departure": never}
    thresholds = Thresholds(scale=(1.0,) * remote.embodiment.action_dim, limits=limits)
    with closing(RemotePlanner(replace(remote, thresholds=thresholds))) as planner:
        planner.submit(ask(1))
        first = answer(planner)
        planner.submit(ask(2, consumed=4))
        second = answer(planner)

    assert first.alarm == "sample_variance, ensemble_spread"
    assert second.alarm == "stac, sample_variance, ensemble_spread"


def test_a_policy_that_failed_is_asked_again(planner, source, ask):
    """Until it draws: whoever submitted the request need not do so twice."""
    source.error = PolicyError("policy worker: died")
    try:
        planner.submit(ask(1))
        begun = len(source.calls)
        end_s = CLOCK.now_s() + LIMIT_S
        while len(source.calls) < begun + 3 and CLOCK.now_s() < end_s:
            assert planner.poll() is None
            CLOCK.sleep(0.005)
    finally:
        source.error = None

    assert answer(planner).sequence == 1


def test_a_process_that_is_killed_is_started_anew(planner, ask):
    """It answers again; nobody has waited for it."""
    planner.submit(ask(1))
    answer(planner)
    os.kill(planner._process.pid, signal.SIGKILL)
    planner.submit(ask(2))

    assert answer(planner).sequence == 2
    assert planner.num_starts == 2


def test_a_process_that_cannot_be_started_is_tried_again(remote, ask, monkeypatch, caplog):
    """As when the machine has no memory for a moment."""
    start, refused = subprocess.Popen, [OSError(12, "Cannot allocate memory")]

    def seldom(*arguments, **options):
        if refused:
            raise refused.pop()
        return start(*arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", seldom)
    with closing(RemotePlanner(remote)) as planner:
        planner.submit(ask(1))
        assert answer(planner).sequence == 1

    assert "system 2 cannot be started: [Errno 12] Cannot allocate memory" in caplog.text


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


def test_thresholds_of_another_body_are_refused_before_anything_is_asked(remote):
    """Else no monitor could read anything, and nothing would ever alarm."""
    size = remote.embodiment.action_dim
    with pytest.raises(InvalidInputError, match=f"scale: expected {size} numbers.*got {size + 1}"):
        replace(remote, thresholds=Thresholds(scale=(1.0,) * (size + 1), limits={}))


def test_files_of_an_encrypted_connection_travel_as_paths(remote, tmp_path):
    """The process opens them itself."""
    for name in ("ca", "crt", "key"):
        (tmp_path / name).write_text("PEM")
    tls = TlsFiles(ca=tmp_path / "ca", certificate=tmp_path / "crt", key=tmp_path / "key")

    assert Remote.from_json(replace(remote, tls=tls).to_json()).tls == tls


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"budget_s": 0.0}, "budget_s: expected > 0 and finite, got 0.0"),
        ({"budget_s": float("nan")}, "budget_s: expected > 0 and finite, got nan"),
        ({"rescore_s": -0.1}, "rescore_s: expected >= 0 and finite, got -0.1"),
    ],
)
def test_times_that_cannot_be_are_refused_before_anything_is_asked(remote, changes, text):
    """In a text that names the field."""
    with pytest.raises(InvalidInputError, match=re.escape(text)):
        replace(remote, **changes)


def test_limits_without_time_to_judge_by_them_are_refused(remote, robot):
    """Nobody would look at them."""
    with pytest.raises(InvalidInputError, match="rescore_s: expected > 0 where there are limits"):
        replace(remote, limits=Limits.of(robot))


def test_what_the_server_will_always_refuse_is_said_and_not_tried_again(remote):
    """A critic that it does not have: `poll` raises its words."""
    with closing(RemotePlanner(replace(remote, critic="nobody"))) as planner:
        end_s = CLOCK.now_s() + LIMIT_S
        while not planner.refusal and CLOCK.now_s() < end_s:
            CLOCK.sleep(0.01)
        with pytest.raises(ConfigError, match=r"system 2: .*nobody"):
            planner.poll()
    assert planner.num_starts == 1


def test_a_new_process_does_not_answer_again_what_was_answered(planner, ask):
    """The one before it has done so; the next request is the first that it sees."""
    planner.submit(ask(1))
    answer(planner)
    os.kill(planner._process.pid, signal.SIGKILL)
    CLOCK.sleep(2.0)

    assert planner.poll() is None
    planner.submit(ask(2))
    assert answer(planner).sequence == 2


def test_a_robot_that_is_killed_leaves_nothing_in_memory(remote):
    """Its System 2 ends with it, and takes the files along."""
    script = (
        "import sys; from steer.clock import MonotonicClock\n"
        "from steer.loop.remote import Remote, RemotePlanner\n"
        "planner = RemotePlanner(Remote.from_json(sys.stdin.readline()))\n"
        "while not planner.num_starts: MonotonicClock().sleep(0.01)\n"
        "print(planner._directory, flush=True); sys.stdin.read()"
    )
    robot = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    robot.stdin.write(remote.to_json() + "\n")
    robot.stdin.flush()
    directory = Path(robot.stdout.readline().strip())
    assert directory.is_dir()
    robot.kill()
    robot.communicate()

    end_s = CLOCK.now_s() + LIMIT_S
    while directory.exists() and CLOCK.now_s() < end_s:
        CLOCK.sleep(0.05)
    assert not directory.exists()


def test_the_policy_is_asked_at_what_the_robot_will_observe(
    remote, ask, observation, source, tmp_path
):
    """Two ticks on, by a forecast that moves all by 5 a tick; the chunk begins with what runs."""
    size = remote.embodiment.action_dim
    save_head(tmp_path / "head.npz", moving(observation, size, 5.0))
    running = np.full((4, size), 0.25, np.float32)
    asked = replace(ask(1), observations=(replace(observation, running=running),))
    with closing(RemotePlanner(replace(remote, forecast=str(tmp_path / "head.npz")))) as planner:
        planner.submit(asked)
        chunk = answer(planner)

    ((key, value),) = observation.arrays.items()
    shown = source.shown[-1][-1]
    np.testing.assert_allclose(shown.arrays[key], value + 10, rtol=1e-5)
    np.testing.assert_array_equal(chunk.actions[:2], 0.25)
    assert (chunk.consumed, chunk.frozen) == (3, 2)


@pytest.mark.parametrize("size", [0, 5])
def test_a_forecast_that_does_not_fit_is_said_and_not_tried_again(
    remote, observation, tmp_path, size
):
    """One that is missing, and one of another body."""
    path = tmp_path / "head.npz"
    if size:
        save_head(path, moving(observation, size, 0.0))
    with closing(RemotePlanner(replace(remote, forecast=str(path)))) as planner:
        end_s = CLOCK.now_s() + LIMIT_S
        while not planner.refusal and CLOCK.now_s() < end_s:
            CLOCK.sleep(0.01)
        with pytest.raises(ConfigError, match="action dimensions, got 5" if size else "head.npz"):
            planner.poll()
    assert planner.num_starts == 1


def moving(observation, action_dim, shift):
    """Return a forecast by which all that is observed moves by `shift` a tick."""
    ((key, value),) = observation.arrays.items()
    size = len(value)
    card = HeadCard(
        kind="forecast", keys=(key,), window=1, action_dim=action_dim, most_gone=0, about={}
    )
    zeros, ones, inputs = np.zeros(size), np.ones(size), size + action_dim
    arrays = {
        "observation_mean": zeros,
        "observation_std": ones,
        "action_mean": np.zeros(action_dim),
        "action_std": np.ones(action_dim),
        "low": -np.ones(action_dim),
        "high": np.ones(action_dim),
        "change_mean": np.full(size, shift),
        "change_std": ones,
        "weight_0": np.zeros((inputs, size)),
        "bias_0": zeros,
    }
    return Head(card, {name: np.float32(item) for name, item in arrays.items()})
