"""A training state: whole or the one before, and only of the same run."""

import os

import pytest
import torch

from steer.errors import ConfigError
from steer.train import state
from steer.train.state import load_state, save_state

KEY = '{"seed": 1}'


@pytest.fixture
def run():
    """A module and its optimiser after some steps."""

    def make(steps):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = torch.nn.Linear(3, 2)
        optimiser = torch.optim.Adam(module.parameters())
        for _ in range(steps):
            optimiser.zero_grad()
            module(torch.ones(1, 3)).square().sum().backward()
            optimiser.step()
        return {"module": module, "optimiser": optimiser}

    return make


def test_next_step_is_the_same_bit_for_bit(run, tmp_path):
    """Three steps, a save, a load and a fourth are four steps."""
    save_state(tmp_path, step=3, key=KEY, **run(3))
    loaded = run(0)

    step = load_state(tmp_path, key=KEY, **loaded)
    loaded["optimiser"].zero_grad()
    loaded["module"](torch.ones(1, 3)).square().sum().backward()
    loaded["optimiser"].step()

    assert step == 3
    assert torch.equal(loaded["module"].weight, run(4)["module"].weight)


def test_no_state_is_step_zero(run, tmp_path):
    """`--resume` without a stopped run begins at the beginning."""
    assert load_state(tmp_path, key=KEY, **run(0)) == 0


def test_state_of_another_run_is_refused(run, tmp_path):
    """The text names the option that differs."""
    save_state(tmp_path, step=1, key=KEY, **run(1))

    with pytest.raises(ConfigError, match="seed was 1, is 2"):
        load_state(tmp_path, key='{"seed": 2}', **run(0))


def test_damaged_state_is_refused(run, tmp_path):
    """A file that is no state gives our error."""
    (tmp_path / "state.safetensors").write_bytes(b"12345678901")

    with pytest.raises(ConfigError, match="expected a training state"):
        load_state(tmp_path, key=KEY, **run(0))


def test_full_disk_leaves_the_state_before(run, tmp_path, monkeypatch):
    """The error tells, the state before is whole, and no half file is left."""
    save_state(tmp_path, step=1, key=KEY, **run(1))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_state(tmp_path, step=2, key=KEY, **run(2))

    assert os.listdir(tmp_path) == ["state.safetensors"]
    assert load_state(tmp_path, key=KEY, **run(0)) == 1
