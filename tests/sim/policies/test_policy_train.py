"""Training of the demo's policies: resumable to the same bits, and an ordinary checkpoint."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from sim.policies.train import PolicyConfig, main, train
from sim.tasks import TASKS
from steer.embodiment import Embodiment
from steer.errors import ConfigError

pytestmark = pytest.mark.slow  # LeRobot alone takes ten seconds to import

PUSH = TASKS["push"]


@pytest.fixture
def config(root, tmp_path):
    """Return a run of six small steps."""
    return PolicyConfig(
        tasks=("push",),
        root=root,
        output=tmp_path / "policy",
        steps=6,
        batch_size=4,
        checkpoint_every=2,
    )


def _weights(directory):
    return load_file(directory / "model.safetensors")


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(config, tmp_path, monkeypatch):
    """Wherever it was stopped: here after the fourth step, with a state from the second."""
    whole = train(replace(config, output=tmp_path / "whole"))
    stopped = replace(config, checkpoint_every=2)
    from sim.policies import train as module

    rate = module._set_learning_rate

    def stop_at_the_fifth(optimiser, options, step):
        if step == 4:
            raise KeyboardInterrupt
        rate(optimiser, options, step)

    monkeypatch.setattr(module, "_set_learning_rate", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        train(stopped)
    assert not config.output.exists()
    monkeypatch.undo()

    again = train(stopped)

    ours, theirs = _weights(again), _weights(whole)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert (again / "loss.csv").read_text() == (whole / "loss.csv").read_text()


def test_a_state_of_other_options_is_refused(config, monkeypatch):
    """It would end in weights that no command makes."""
    from sim.policies import train as module

    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "save_policy", stop)
    with pytest.raises(KeyboardInterrupt):
        train(config)

    with pytest.raises(ConfigError, match="expected the options of this run"):
        train(replace(config, learning_rate=0.5))


def test_the_result_is_an_ordinary_checkpoint_with_our_embodiment(config):
    """LeRobot loads policy and processors from the one directory."""
    from lerobot.policies import get_policy_class, make_pre_post_processors

    directory = train(config)

    policy = get_policy_class("diffusion").from_pretrained(directory)
    make_pre_post_processors(policy.config, pretrained_path=str(directory))
    tree = json.loads((directory / "steer.json").read_text())
    assert policy.config.n_action_steps == 8
    assert Embodiment.from_json(json.dumps(tree["embodiment"])) == PUSH.embodiment
    assert (directory / "loss.png").stat().st_size > 0
    assert not config.output.with_suffix(".training").exists()


def test_a_policy_is_small_enough_for_the_repository(config):
    """Six of them and three critics have to fit in 16 MiB."""
    directory = train(config)

    assert (directory / "model.safetensors").stat().st_size <= 1.5 * 2**20


def test_an_error_is_one_line(config, tmp_path, capsys):
    """And the exit code says that the input was refused."""
    code = main(
        ["--task", "push", "--root", str(tmp_path / "none"), "--output", str(config.output)]
    )

    assert code == 2
    assert capsys.readouterr().err.startswith("sim.policies.train: error: dataset: expected")


def test_a_full_disk_costs_a_state_and_not_the_run(config, monkeypatch, caplog):
    """The state before stays whole, nothing half-written stays beside it, and the run goes on."""
    from sim.policies import checkpoint

    calls = []

    def fsync(descriptor):
        calls.append(sorted(path.name for path in config.output.parent.rglob("state.*")))
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", fsync)
    with caplog.at_level("WARNING"):
        train(config)

    assert calls == [
        ["state.partial"],
        ["state.partial", "state.safetensors"],
        ["state.partial", "state.safetensors"],
    ]
    assert "training state of step 4 not written, going on: [Errno 28]" in caplog.text
    assert (config.output / "model.safetensors").exists()


def test_a_checkpoint_that_finds_no_room_is_told_in_one_line(config, monkeypatch, capsys):
    """LeRobot's writer has an error of its own for it."""
    from safetensors import SafetensorError

    def full(*_, **__):
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("lerobot.policies.pretrained.PreTrainedPolicy._save_pretrained", full)
    options = {"tasks": "push", "root": config.root, "output": config.output, "steps": 2}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]

    assert main([*words, "--batch-size", "4"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("sim.policies.train: error: ")
    assert error.endswith("No space left on device (os error 28)")
    assert not config.output.exists()
