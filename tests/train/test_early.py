"""Ending once the held-out chunks are ordered no better."""

import signal

import pytest
import torch

from steer.critics.artefact import load_critic
from steer.errors import ConfigError
from steer.train import early
from steer.train.early import EarlyStop
from steer.train.run import train
from steer.train.trainer import Trainer


@pytest.fixture
def config(corridor, write_dataset, small_config):
    """Return a maker of runs of a dozen checks."""
    dataset = (str(write_dataset(corridor)),)
    some = {"algorithm": "sarsa", "steps": 24, "save_every": 2, "learning_rate": 0.02}
    return lambda **changes: small_config(dataset=dataset, **{**some, **changes})


def orders(monkeypatch, found):
    """Let the checks find these orders, one after the other; return those that are left."""
    left = iter(found)
    monkeypatch.setattr(EarlyStop, "_order", lambda _: next(left))
    return left


def test_it_ends_after_its_patience_and_keeps_the_best(config, monkeypatch, tmp_path):
    """The critic is that of step 4, as if the run had been told to end its learning there."""
    weights = {}
    check = EarlyStop.check

    def noted(self, step):
        weights[step] = {name: t.clone() for name, t in self._critic.state_dict().items()}
        return check(self, step)

    monkeypatch.setattr(EarlyStop, "check", noted)
    orders(monkeypatch, [0.3, 0.5, 0.4, 0.45, 0.4])
    train(config(output=tmp_path / "stopped", patience=3))

    found = load_critic(tmp_path / "stopped").state_dict()
    assert sorted(weights) == [2, 4, 6, 8, 10]
    assert all(torch.equal(found[name], tensor) for name, tensor in weights[4].items())
    assert not torch.equal(
        weights[4]["members.chunk.weight_KIO"], weights[10]["members.chunk.weight_KIO"]
    )


def test_a_run_that_gets_better_goes_to_its_end(config, monkeypatch):
    """All twelve checks are made."""
    left = orders(monkeypatch, [number / 100 for number in range(12)])

    train(config(patience=1))

    assert list(left) == []


def test_without_patience_nothing_is_held_against_it(config, monkeypatch):
    """The default looks at nothing."""
    monkeypatch.setattr(EarlyStop, "__init__", None)

    train(config())


ORDERS = [0.3, 0.5, 0.4, 0.45, 0.4]
"""Of steps 2, 4, …: with a patience of 3 a run ends after step 10, and keeps step 4."""


@pytest.fixture
def whole(config, monkeypatch, tmp_path):
    """Digest of the critic of a run that nobody stopped."""
    orders(monkeypatch, ORDERS)
    train(config(output=tmp_path / "whole", patience=3))
    return load_critic(tmp_path / "whole").digest


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("stop_in", [2, 6, 7, 8])
def test_a_run_that_was_stopped_midway_ends_as_the_whole_one(
    config, whole, monkeypatch, tmp_path, stop_in
):
    """Before or after a check: as many checks, the same end, the same critic."""
    left, step = orders(monkeypatch, ORDERS), Trainer.step
    options = {"output": tmp_path / "cut", "patience": 3, "resume": True}

    def stopped(self, number):
        if number == stop_in:
            signal.raise_signal(signal.SIGINT)
        return step(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(config(**options))
    train(config(**options))

    assert list(left) == []
    assert load_critic(tmp_path / "cut").digest == whole


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("killed_at", [2, 4, 8])
def test_a_run_that_was_killed_in_a_check_makes_it_again(
    config, whole, monkeypatch, tmp_path, killed_at
):
    """The state is written after it, so that no check is left out."""
    check, options = EarlyStop.check, {"output": tmp_path / "cut", "patience": 3, "resume": True}

    def killed(self, done):
        if done == killed_at:
            raise KeyboardInterrupt
        return check(self, done)

    left = orders(monkeypatch, ORDERS)
    with monkeypatch.context() as patch:
        patch.setattr(EarlyStop, "check", killed)
        with pytest.raises(KeyboardInterrupt):
            train(config(**options))
    train(config(**options))

    assert list(left) == []
    assert load_critic(tmp_path / "cut").digest == whole


def test_a_finished_run_stays_finished(config, monkeypatch, tmp_path):
    """Resumed, it looks at nothing more, and the critic is the same."""
    found = [0.3, 0.5, 0.4, 0.4]
    orders(monkeypatch, found)
    train(config(output=tmp_path / "whole", patience=2))
    digest = load_critic(tmp_path / "whole").digest
    orders(monkeypatch, [])

    train(config(output=tmp_path / "whole", patience=2, resume=True))

    assert load_critic(tmp_path / "whole").digest == digest


def test_a_critic_that_learns_orders_what_it_has_not_seen(config):
    """The real measure, on real episodes: above chance by far at the end."""
    found = []
    check = EarlyStop.check

    def noted(self, step):
        found.append(check(self, step)[0])
        return found[-1], False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EarlyStop, "check", noted)
        train(config(patience=9, steps=60, save_every=20))

    assert found[-1] > max(found[0], 0.5)


def test_a_constant_critic_orders_nothing():
    """And is no error."""
    flat, rising = torch.zeros(5).numpy(), torch.arange(5.0).numpy()

    assert early._correlation(flat, rising) == 0.0
    assert early._correlation(rising, rising) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"patience": -1}, "--patience: expected >= 0, got -1"),
        ({"patience": 1, "holdout": 0.0}, "expected held-out episodes"),
    ],
)
def test_patience_needs_something_to_look_at(small_config, changes, text):
    """Or it is none."""
    with pytest.raises(ConfigError, match=text):
        small_config(**changes)
