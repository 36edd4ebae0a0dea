"""What a policy did in a run, done again from the decision logs."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim import rollouts
from sim.rollouts import Replayed
from steer.errors import ConfigError, DatasetError

SEED = 200_000
BODY = SimpleNamespace(spec=SimpleNamespace(commit_horizon=8))


@pytest.fixture
def logged(tmp_path, monkeypatch, make_row):
    """Return a maker of an episode of `steps` ticks with a log of `count` decisions."""

    def make(steps, count):
        row = make_row("alone", SEED, indices=(0,) * count)
        row = row.__class__(**{**{k: getattr(row, k) for k in row.__slots__}, "steps": steps})
        chunks = np.arange(count * 16, dtype=np.float32).reshape(count, 16, 1)
        items = [SimpleNamespace(decision=SimpleNamespace(chunk=chunk)) for chunk in chunks]
        monkeypatch.setattr(rollouts, "read_decision_log", lambda path: (None, items))
        (tmp_path / f"diffusion-push-alone-n1-task-{SEED}.decisions").touch()
        return Replayed({SEED: row}, tmp_path)

    return make


def test_the_actions_that_ran_come_again(logged):
    """Of every chunk the part that is run before the robot asks again, and no more at the end."""
    expert = logged(steps=11, count=2)

    expert.begin(BODY, SEED)

    assert [float(expert.act(None)[0]) for _ in range(11)] == [*range(8), 16, 17, 18]


def test_an_episode_that_goes_on_after_its_log_is_an_error(logged):
    """Then it is not the one that was logged: other packages, or another machine."""
    expert = logged(steps=2, count=1)
    expert.begin(BODY, SEED)
    for _ in range(2):
        expert.act(None)

    with pytest.raises(DatasetError, match=f"seed {SEED}: expected the episode to end after 2"):
        expert.act(None)


def test_an_episode_without_a_log_says_how_to_get_one(logged, tmp_path):
    """By the option of the evaluation."""
    expert = logged(steps=2, count=1)
    for path in tmp_path.iterdir():
        path.unlink()

    with pytest.raises(ConfigError, match="expected the episode's decision log, got none; use"):
        expert.begin(BODY, SEED)
