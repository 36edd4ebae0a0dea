"""Training as a whole: data in, critic out, any stop in between."""

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from steer.critics.artefact import load_critic, update_card
from steer.errors import ConfigError, DatasetError
from steer.train import state
from steer.train.algorithms.dqc import DqcConfig
from steer.train.fit import ALGORITHMS
from steer.train.run import _chosen, _seed_range, train
from steer.train.split import split_episodes
from steer.train.trainer import Trainer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

# Trains, and kills itself in the middle of writing its second state.
KILLED = """
import os, signal, sys
from pathlib import Path
from steer.critics.card import NetworkConfig
from steer.train import state
from steer.train.algorithms.dqc import DqcConfig
from steer.train.config import TrainConfig
from steer.train.run import train

calls = []

def fsync(descriptor):
    calls.append(descriptor)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

state.os.fsync = fsync
train(TrainConfig(
    dataset=(sys.argv[1],), output=Path(sys.argv[2]), algorithm="iql", reward_per="tick",
    horizon=2, steps=12, batch_size=16,
    num_members=2, discount=0.8, log_every=4, save_every=5, dqc=DqcConfig(long_horizon=3),
    network=NetworkConfig(encoder_hidden=16, context_dim=8, member_hidden=(16, 16)),
))
"""


@pytest.fixture(autouse=True)
def _threads_are_put_back():
    threads = torch.get_num_threads()
    with torch.random.fork_rng():
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def mixed(make_episodes):
    return make_episodes([8] * 10, [True, False] * 5)


@pytest.fixture
def config(mixed, write_dataset, small_config):
    some = {"dataset": (str(write_dataset(mixed)),), "dqc": DqcConfig(long_horizon=3)}
    return lambda **changes: small_config(**{**some, **changes})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_seed_gives_the_same_critic(config, tmp_path, algorithm):
    """Two runs agree bit for bit; another seed gives another critic."""
    digests = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(config(output=tmp_path / name, algorithm=algorithm, seed=seed))
        digests.append(load_critic(tmp_path / name).digest)

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_card_counts_the_chunks_that_were_learnt_from(config, tmp_path, algorithm):
    """Not those whose successor a time-out cut off, where the algorithm asks for one.

    A failure of 8 ticks has 6 chunks of 2 ticks that an observation follows; after the last of
    them no whole chunk is left. The long chunks of dqc have 3, of which there are 5.
    """
    card = train(config(output=tmp_path / "critic", algorithm=algorithm, holdout=0.0, steps=2))

    cut_off = 5 if algorithm in ("aloe", "cal_ql", "dqc", "qc", "ravl") else 0
    assert card.dataset.num_chunks == 5 * 8 + 5 * 6 - cut_off


def test_killed_and_resumed_is_the_same_bit_for_bit(config, tmp_path):
    """Killed in the middle of writing a state, the run goes on from the one before."""
    whole, cut = config(output=tmp_path / "whole"), config(output=tmp_path / "cut", resume=True)
    train(whole)

    done = subprocess.run(
        [sys.executable, "-c", KILLED, *cut.dataset, str(cut.output)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert not cut.output.exists()
    assert (cut.training_directory / "state.safetensors").exists()
    train(cut)

    assert load_critic(whole.output).digest == load_critic(cut.output).digest
    curves = [c.training_directory.joinpath("curve.csv").read_text() for c in (whole, cut)]
    assert curves[0] == curves[1]


def test_stopped_run_asks_for_resume(config, monkeypatch, caplog):
    """Stopped in the middle of a step it says which are kept, writes no critic, asks for --resume.

    As after a second Ctrl-C.
    """
    step = Trainer.step

    def stopped(self, number):
        if number == 7:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(Trainer, "step", stopped)
    with caplog.at_level(logging.WARNING), pytest.raises(KeyboardInterrupt):
        train(config())

    assert "goes on after step 5" in caplog.text
    assert not config().output.exists()
    with pytest.raises(ConfigError, match="--resume"):
        train(config())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_ctrl_c_ends_a_run_between_two_steps_and_keeps_them(
    config, monkeypatch, caplog, tmp_path, algorithm
):
    """The signal comes in step 7; the state after it is on the disk, and leads to the same bits."""
    step = Trainer.step

    def interrupted(self, number):
        if number == 7:
            signal.raise_signal(signal.SIGINT)
        return step(self, number)

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(Trainer, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(config(resume=True, algorithm=algorithm))
    train(config(resume=True, algorithm=algorithm))
    train(config(output=tmp_path / "whole", algorithm=algorithm))

    assert "stopped; the same command with --resume goes on after step 8" in caplog.text
    assert load_critic(config().output).digest == load_critic(tmp_path / "whole").digest


def test_a_critic_that_is_there_is_not_overwritten(config):
    """Neither by another run, nor by one that cannot know that it is the same."""
    train(config())
    with pytest.raises(ConfigError, match=r"--output: expected a new .*, which holds a critic$"):
        train(config(seed=3))
    (config().training_directory / "state.safetensors").unlink()
    with pytest.raises(ConfigError, match="holds a critic; the state of its run is gone"):
        train(config(resume=True))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("used", "expected a new directory, got .*used, which holds something else"),
        ("file", "expected a new directory, got .*file, which holds something else"),
        ("file/critic", "expected a place to write to, got .*: Not a directory"),
    ],
)
def test_a_place_that_cannot_take_a_critic_is_refused_at_once(config, tmp_path, name, text):
    """Not after hours of training."""
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").touch()
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=text):
        train(config(output=tmp_path / name))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"device": "tpu"}, "--device: expected `cpu` or `cuda`, got 'tpu'"),
        ({"horizon": 9}, "--horizon: expected at most the longest episode, 8 ticks, got 9"),
        (
            {"algorithm": "dqc", "dqc": DqcConfig(long_horizon=9)},
            "--dqc.long-horizon: expected at most the longest episode, 8 ticks, got 9",
        ),
        (
            {"algorithm": "sarsa", "candidates": Path("drawn")},
            "--candidates: expected none for sarsa, which chooses among none, got drawn",
        ),
        (
            {"patience": 2, "holdout": 0.01},
            "--patience: expected episodes to be held out, which say when to stop, got none of",
        ),
    ],
)
def test_an_option_that_cannot_be_is_refused(config, options, text):
    """By its name."""
    with pytest.raises(ConfigError, match=text):
        train(config(**options))


def test_resume_with_other_options_is_refused(config, monkeypatch):
    """What would not be the same run is named."""
    monkeypatch.setattr(Trainer, "run", _stop_after_state(Trainer.run))
    with pytest.raises(KeyboardInterrupt):
        train(config())
    monkeypatch.undo()

    with pytest.raises(ConfigError, match="batch_size was 16, is 17"):
        train(config(resume=True, batch_size=17))


def _stop_after_state(run):
    def stopped(self, watch):
        run(self, watch)
        raise KeyboardInterrupt

    return stopped


def test_a_finished_run_that_is_resumed_keeps_what_was_found_out(config):
    """Same weights, same losses; the audit and the margin of those weights stay."""
    card = train(config(save_every=6))
    audited = replace(card, audit={"failed": []}, selection=replace(card.selection, margin=0.5))
    update_card(config().output, audited)

    train(config(save_every=6, resume=True))

    found = load_critic(config().output).card
    assert found.audit == {"failed": []}
    assert found.selection.margin == 0.5
    assert found.training["last"] == card.training["last"] != {}


def test_full_disk_goes_on_training(config, monkeypatch, caplog):
    """A state that cannot be written is told, and the run goes on to its critic."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(state, "os", type("os", (), {"fsync": staticmethod(full)}))
    with caplog.at_level(logging.WARNING):
        train(config())

    assert "training state of step 5 not written" in caplog.text
    assert load_critic(config().output).card.horizon == 2


def test_seed_range_is_of_all_episodes(mixed):
    """The range is given where every episode has a seed."""
    assert _seed_range(mixed) == ()
    assert _seed_range(replace(mixed, seed=np.arange(5, 5 + len(mixed)))) == (5, 4 + len(mixed))


def test_fewer_episodes_are_the_first_ones(config, mixed):
    """So that more data contain less; the card counts what was learnt from."""
    found = _chosen(mixed, config(episodes=4))

    np.testing.assert_array_equal(found.episode, mixed.episode[:4])
    assert _chosen(mixed, config()) is mixed
    assert train(config(episodes=4, holdout=0.0)).dataset.num_episodes == 4


def test_successes_alone_may_be_learnt_from(config, mixed):
    """Of the first so many."""
    found = _chosen(mixed, config(episodes=6, successes_only=True))

    assert found.success.all()
    np.testing.assert_array_equal(found.episode, mixed.episode[:6][mixed.success[:6]])


def test_more_episodes_than_there_are_are_refused(config, mixed):
    """Rather than to learn from fewer without a word."""
    with pytest.raises(DatasetError, match="--episodes: expected at most the"):
        _chosen(mixed, config(episodes=1000))


def test_card_tells_what_was_learnt_from(config, mixed):
    """Counts, fingerprint, options and held-out episodes are in the card."""
    card = train(config(holdout=0.2))

    assert (card.dataset.num_episodes, card.dataset.fingerprint) == (8, mixed.fingerprint())
    assert len(card.dataset.held_out) == 2
    assert set(card.dataset.held_out) < set(mixed.episode.tolist())
    assert card.dataset.seeds == ()
    assert card.training["steps"] == 12
    assert card.embodiment.name == "bot"


def test_success_only_data_are_warned_about(config, caplog):
    """The warning says what they cannot teach."""
    with caplog.at_level(logging.WARNING):
        train(config(assume_success=True))

    assert "but not what fails" in caplog.text


def test_failure_only_data_are_refused(make_episodes, write_dataset, small_config):
    """Nothing but failures teaches nothing."""
    root = write_dataset(make_episodes([8, 8], [False, False]))

    with pytest.raises(DatasetError, match="at least one episode that succeeds, got 2"):
        train(small_config(dataset=(str(root),)))


def test_data_whose_only_success_is_held_out_are_refused(
    make_episodes, write_dataset, small_config
):
    """The rest would teach nothing but failure."""
    _, held_out = split_episodes(np.full(10, -1), 0.1)
    success = np.arange(10) == held_out[0]
    root = write_dataset(make_episodes([8] * 10, success.tolist()))

    with pytest.raises(DatasetError, match="an episode that succeeds among the 9 that are left"):
        train(small_config(dataset=(str(root),), holdout=0.1))
