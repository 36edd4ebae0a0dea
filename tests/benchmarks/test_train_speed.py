"""The benchmark of training beside a peer: what it refuses, and that ours is the real trainer."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import train_speed
from benchmarks.train_ours import make_random_trainer, steps_of
from publish_results import PATHS
from steer.errors import ConfigError, UnreachableError

ROOT = Path(train_speed.__file__).parents[1]
SMALL = {**train_speed.CASE, "hidden": [16, 16], "batch_size": 8, "cores": 1}
ANSWERER = """
import sys, time
sys.path.insert(0, {root!r})
from benchmarks.train_peer import answer
answer(lambda count: sum(range(100_000 * count)), {{"parameters": 3, "library": "none"}})
"""


def make_checkout(path):
    """A git checkout that has the file of an IQL agent."""
    (path / "agents").mkdir(parents=True)
    (path / "agents" / "iql.py").touch()
    git = ["git", "-C", str(path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *words], check=True)
    return path


def test_the_commit_of_the_peer_is_known(tmp_path):
    """All forty digits of it."""
    commit = train_speed.peer_commit(make_checkout(tmp_path / "peer"))

    assert len(commit) == 40
    assert set(commit) <= set("0123456789abcdef")


def test_a_peer_without_the_agent_is_refused(tmp_path):
    """The text says what is meant."""
    with pytest.raises(ConfigError, match=r"--peer: expected a checkout with agents/iql.py, such"):
        train_speed.peer_commit(tmp_path)


def test_a_peer_without_a_commit_is_refused(tmp_path, monkeypatch):
    """A copy of files cannot say which version it is."""
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "iql.py").touch()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    with pytest.raises(ConfigError, match="--peer: expected a git checkout, whose commit"):
        train_speed.peer_commit(tmp_path)


@pytest.mark.parametrize("python", [sys.executable, "/no/such/python"])
def test_a_python_without_the_packages_is_refused_with_what_to_install(python, monkeypatch):
    """Whether it lacks them or is not there."""
    monkeypatch.setattr(train_speed, "NEEDED", ("jax_of_nobody", "flax"))

    with pytest.raises(ConfigError) as caught:
        train_speed.check_python(python)

    assert f"--peer-python: expected a Python with jax_of_nobody, flax, got {python}: " in str(
        caught.value
    )
    assert f'uv pip install --python {python} "jax[cpu]" flax' in str(caught.value)


def test_the_ratio_is_of_medians_and_its_interval_holds_it(rng):
    """Twice as fast but for one round: 2, and the interval is narrow."""
    peer = 10 + 0.1 * rng.random(50)
    ours = 2 * peer
    ours[0] = 1_000.0

    low, high = train_speed.ratio_interval(ours, peer)

    assert train_speed.speed_ratio(ours, peer) == pytest.approx(2.0, rel=0.01)
    assert low <= train_speed.speed_ratio(ours, peer) <= high
    assert high - low < 0.05


def test_commands_take_turns_and_say_what_they_built():
    """Speeds are updates per second, of wall and of processor time."""
    command = [sys.executable, "-c", ANSWERER.format(root=str(ROOT))]

    built, speeds = train_speed.measure([command, command], cores=1, rounds=3, updates=2)

    assert built == [{"parameters": 3, "library": "none"}] * 2
    assert speeds.shape == (3, 2, 2)
    assert (speeds > 0).all()


def test_a_command_that_ends_is_told():
    """Rather than to wait for it."""
    with pytest.raises(UnreachableError, match=r"expected an answer, got none: .* ended"):
        train_speed.measure([[sys.executable, "-c", ""]], cores=1, rounds=1, updates=1)


def test_the_trainer_that_is_timed_learns():
    """It is the real one: a step gives finite losses, and parameters are counted."""
    trainer, learner = make_random_trainer(SMALL)

    shown = [trainer.step(number) for number in range(2)]

    assert sum(item.numel() for item in learner.parameters()) > 0
    assert all(np.isfinite(value.item()) for each in shown for value in each.values())


def test_a_trainer_in_bfloat16_learns_nearly_the_same():
    """Its products are rounded, its weights are not."""
    losses = {}
    for way in ("plain", "bfloat16"):
        trainer, learner = make_random_trainer(SMALL)
        step = steps_of(trainer, learner, way)
        losses[way] = [step(number)["critic"].item() for number in range(3)]
        assert {item.dtype for item in learner.parameters()} == {torch.float32}

    np.testing.assert_allclose(losses["bfloat16"], losses["plain"], rtol=0.05)
    assert losses["bfloat16"] != losses["plain"]


def test_records_are_known_to_the_script_that_publishes():
    """Each kind of peer has its metric."""
    metrics = {metric for _, metric, _ in train_speed._PEERS.values()}

    assert metrics <= set(PATHS)
    assert json.dumps(dict(train_speed.CASE))
