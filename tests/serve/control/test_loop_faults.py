"""What befalls System 2 and the server of a robot that runs: the whole of it, on the wall clock."""

import logging
import os
import signal
import time
from contextlib import closing, contextmanager

import numpy as np
import pytest
import torch

from steer.clock import MonotonicClock
from steer.errors import PolicyError
from steer.limits import Limits
from steer.loop.delay import DelayEstimate
from steer.loop.guard import ObservationGuard
from steer.loop.ladder import Ladder, Rung
from steer.loop.loop import Loop
from steer.loop.remote import Remote, RemotePlanner
from steer.loop.system1 import System1
from steer.loop.ticker import Ticker
from steer.types import Observation, Selection

pytestmark = pytest.mark.slow

CLOCK, HZ, LIMIT_S = MonotonicClock(), 25.0, 120.0

# Sets the wall clock of a Python process back by what a file says.
SITE = """
import time
from pathlib import Path

real, home = time.time, Path(__file__).parent
(home / "was_read").touch()
time.time = lambda: real() - float((home / "back").read_text())
"""


class Spoilt(torch.nn.Module):
    """A critic whose values are spoilt by `spoil`."""

    def __init__(self, critic):
        super().__init__()
        self.card, self.digest, self.embed = critic.card, critic.digest, critic.embed
        self.inner, self.spoil = critic, lambda values: values

    def score_prefixes(self, context, chunks):
        return self.spoil(self.inner.score_prefixes(context, chunks))


class Arm:
    """Senses noise."""

    def __init__(self):
        self.rng, self.told = np.random.default_rng(0), []

    def observe(self):
        state = self.rng.normal(size=3).astype(np.float32)
        return Observation({"observation.state": state}, captured_at_s=CLOCK.now_s())

    def act(self, action):
        self.told.append(action)


class Live:
    """A robot that runs, and all that it has done."""

    def __init__(self, planner, body, limits):
        self.planner, self.arm, self.limits = planner, Arm(), limits
        self.system = System1(body, limits, max_age_s=3.0, ladder=Ladder({Rung.HOLD: LIMIT_S}))
        self.loop = Loop(
            self.arm,
            planner,
            self.system,
            guard=ObservationGuard(body, max_age_s=1.0),
            delay=DelayEstimate(most=8),
            clock=CLOCK,
        )
        self.ticker, self.rungs = Ticker(HZ, CLOCK), []
        self.loop.begin()

    def until(self, holds):
        """Run until something holds; return the rungs on the way."""
        begun, end_s = len(self.rungs), CLOCK.now_s() + LIMIT_S
        while not holds():
            assert CLOCK.now_s() < end_s
            self.rungs.append(self.loop.step(self.ticker.wait()).command.rung)
        return self.rungs[begun:]

    def until_on(self, rung, count=1):
        """Run until it has stood on a rung for so many ticks; return the rungs on the way."""
        begun = len(self.rungs)
        return self.until(lambda: self.rungs[begun:].count(rung) >= count)

    def assert_unharmed(self):
        """Nothing raised, and every command kept the limits."""
        known = {"planner", "tick"}  # nobody answered, or the machine was busy
        refused = {name for name in self.loop.counts if not name.startswith("chunk ")}
        assert refused <= known, self.loop.counts
        told = np.array([np.zeros(2), *self.arm.told])
        assert (np.abs(told) <= self.limits.high + 1e-6).all()
        assert (np.abs(np.diff(told, axis=0)) <= self.limits.first + 1e-4).all()


@pytest.fixture
def living(robot):
    """A robot of a server that is steered, for the length of a `with` block."""

    @contextmanager
    def living(address):
        limits = Limits.of(robot, velocity=2.0, acceleration=10.0)
        remote = Remote(
            target=address,
            embodiment=robot,
            budget_s=2.0,
            num_candidates=4,
            selection=Selection(margin=0.0),
            rescore_s=0.5,
            limits=limits,
        )
        with closing(RemotePlanner(remote)) as planner:
            live = Live(planner, robot, limits)
            live.until_on(Rung.STEERED)
            yield live
            live.assert_unharmed()

    return living


def test_a_killed_system_2_is_started_anew_and_steers_again(living, served, policy, caplog):
    """The robot runs its chunk to the end and holds meanwhile."""
    with living(served[0]) as live:
        os.kill(live.planner._process.pid, signal.SIGKILL)
        during = live.until_on(Rung.HOLD)
        live.until_on(Rung.STEERED, 5)

        assert during == sorted(during)
        assert live.planner.num_starts == 2
    assert "system 2 ended code=-9; it is started anew" in caplog.messages
    assert [text for text in caplog.messages if text.startswith("rung=HOLD from=")]


def test_a_killed_server_that_comes_back_steers_again_and_no_command_breaks_a_limit(
    living, killable, caplog
):
    """Down the ladder and up again, with nothing done on the robot's side."""
    with killable() as first:
        address, _ = first.serving()
        with living(address) as live:
            first.kill()
            during = live.until_on(Rung.HOLD, 10)
            with killable(address):
                live.until_on(Rung.STEERED, 5)

            assert during == sorted(during)
            assert live.planner.num_starts == 1
    assert [text for text in caplog.messages if text.startswith("rung=HOLD from=")]


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system does not say so")
def test_a_stopped_system_2_is_said_and_goes_on_when_it_is_let(living, served, policy, caplog):
    """Nobody waits for it: the robot holds, and is steered again."""
    with living(served[0]) as live:
        os.kill(live.planner._process.pid, signal.SIGSTOP)
        live.until_on(Rung.HOLD)
        live.until(lambda: live.planner.num_stops == 1)
        os.kill(live.planner._process.pid, signal.SIGCONT)
        live.until_on(Rung.STEERED, 5)

        assert live.planner.num_starts == 1
    stopped = f"system 2 was stopped signal={signal.SIGSTOP:d}; it answers nothing"
    assert [text for text in caplog.messages if text.startswith("system 2")] == [
        stopped,
        "system 2 goes on",
    ]


def raising(values):
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (raising, "critic failed critic="),
        (lambda values: values * float("nan"), "critic gave a value that is not finite critic="),
    ],
)
def test_a_critic_that_fails_for_ever_leaves_the_policy_s_own_chunks(
    living, serving_control, make_policy, caplog, spoil, line
):
    """Counted on both sides, each with its cause; once it is well the robot is steered."""
    caplog.set_level(logging.INFO, "steer.loop.ladder")
    with serving_control(make_policy()) as (address, server), living(address) as live:
        engine = server._engine
        ((name, critic),) = engine._critics.items()
        engine._critics[name] = spoilt = Spoilt(critic)
        failures = engine.num_critic_failures
        spoilt.spoil = spoil
        live.until(lambda: live.system.fallbacks["critic"])
        live.until_on(Rung.POLICY)
        during = live.until_on(Rung.POLICY, 20)
        spoilt.spoil = lambda values: values
        live.until_on(Rung.STEERED, 5)

        assert Rung.STEERED not in during
        assert engine.num_critic_failures > failures
    assert [text for text in caplog.messages if text.startswith(line)]
    own = [text for text in caplog.messages if text.endswith("is the policy's own: critic")]
    assert own[0].startswith("rung=POLICY from=")


def test_a_policy_that_dies_is_said_and_asked_again(living, served, policy, capfd):
    """Nobody is restarted for it; System 2 says why there is no chunk, once."""
    with living(served[0]) as live:
        policy.error = PolicyError("policy worker: expected it to live, got its end")
        live.until_on(Rung.HOLD, 10)
        policy.error = None
        live.until_on(Rung.STEERED, 5)

        assert live.planner.num_starts == 1
    said = [line for line in capfd.readouterr().err.splitlines() if "no chunk: " in line]
    assert len([line for line in said if "policy worker: expected it to live" in line]) == 1


def test_a_wall_clock_that_is_set_back_by_an_hour_changes_nothing(
    living, served, policy, tmp_path, monkeypatch
):
    """Neither in the robot's process and the server's, which are this one, nor in System 2's."""
    (tmp_path / "sitecustomize.py").write_text(SITE)
    (tmp_path / "back").write_text("0")
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    real = time.time  # noqa: TID251  # it is what is set back
    with living(served[0]) as live:
        (tmp_path / "next").write_text("3600")
        (tmp_path / "next").rename(tmp_path / "back")
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: real() - 3600)
            before = live.system.buffer.consumed
            during = live.until(lambda: live.system.buffer.consumed >= before + 60)

            assert (tmp_path / "was_read").exists()
        assert Rung.STEERED in during
        assert Rung.STOP not in during
        assert live.planner.num_starts == 1
        assert not [name for name in live.loop.counts if name not in {"tick", "planner"}]
