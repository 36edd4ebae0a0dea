"""`steer candidates --edit`: what a head makes of draws stands beside them, and targets choose."""

from dataclasses import replace

import numpy as np
import pytest

from steer.errors import ConfigError, DatasetError, InvalidInputError
from steer.heads import Head, HeadCard, NumpyHead, save_head
from steer.train.algorithms.qc import QcConfig
from steer.train.candidates import load_candidates
from steer.train.config import TrainConfig
from steer.train.draw import run
from steer.train.draw_config import CandidatesConfig
from steer.train.joined import load_datasets
from steer.train.run import train
from steer.types import Observation

KEY, WINDOW, HORIZON, DRAWN, DIGEST = "observation.state", 3, 4, 2, "sha256:aa"


def policy(history, num_candidates, seed):
    """Draw by the seed alone."""
    del history
    drawn = np.random.default_rng(seed).uniform(-0.8, 0.8, (num_candidates, HORIZON, 1))
    return drawn.astype(np.float32)


def head(*, seed=0, kind="edit", action_dim=1, window=WINDOW):
    """Return a head of random weights, of one layer."""
    rng, size = np.random.default_rng(seed), window * action_dim
    vector = np.full(action_dim, 1.0)
    arrays = {
        "observation_mean": np.zeros(2),
        "observation_std": np.ones(2),
        "action_mean": 0 * vector,
        "action_std": vector,
        "low": -vector,
        "high": vector,
        "weight_0": rng.normal(size=(2 + 2 + size, size)),
        "bias_0": rng.normal(size=size),
    }
    card = HeadCard(
        kind=kind,
        keys=(KEY,),
        window=window,
        action_dim=action_dim,
        most_gone=1,
        beta=0.1 if kind == "edit" else 0.0,
        about={},
    )
    return Head(card, {name: np.float32(item) for name, item in arrays.items()})


@pytest.fixture
def config(make_episodes, write_dataset, tmp_path):
    """Episodes and a head that edits."""
    save_head(tmp_path / "edit.npz", head())
    root = write_dataset(make_episodes((6, 5, 6, 5) * 3, (True, False) * 6))
    return CandidatesConfig(
        dataset=(str(root),),
        policy="lerobot:here",
        output=tmp_path / "drawn",
        num_candidates=DRAWN,
        edit=tmp_path / "edit.npz",
    )


def test_edits_stand_behind_the_draws(config):
    """As the robot would have made them in that state; rows beyond the head's window stay."""
    run(config, policy, digest=DIGEST)
    episodes, runs = load_datasets(config.dataset), NumpyHead(head())

    found = load_candidates(config.output, episodes, horizon=HORIZON)

    drawn, edited = found[:, :DRAWN], found[:, DRAWN:]
    assert edited.shape == drawn.shape
    np.testing.assert_array_equal(edited[:, :, WINDOW:], drawn[:, :, WINDOW:])
    for row in (0, 7, len(found) - 1):
        seen = Observation({KEY: episodes.observations[KEY][row]})
        made = runs.windows(seen, drawn[row, :, :WINDOW], gone=0)
        np.testing.assert_array_equal(edited[row, :, :WINDOW], made)
        assert (made != drawn[row, :, :WINDOW]).any()


def test_a_target_chooses_among_draws_and_edits(config, tmp_path):
    """Q-chunking takes them as candidates like any other; without edits there are too few."""
    run(config, policy, digest=DIGEST)
    plain = replace(config, edit=None, output=tmp_path / "plain")
    run(plain, policy, digest=DIGEST)
    options = TrainConfig(
        dataset=config.dataset,
        output=tmp_path / "critic",
        algorithm="qc",
        reward_per="tick",
        horizon=HORIZON,
        steps=5,
        candidates=config.output,
        qc=QcConfig(num_candidates=2 * DRAWN),
    )

    train(options)

    assert (tmp_path / "critic" / "card.json").is_file()
    with pytest.raises(DatasetError, match="expected at least 4 candidates a row, got 2"):
        train(replace(options, candidates=plain.output, output=tmp_path / "other"))


def test_a_file_with_other_edits_is_not_taken_for_this_one(config, tmp_path):
    """Another head, and none at all."""
    run(config, policy, digest=DIGEST)
    save_head(tmp_path / "other.npz", head(seed=1))

    for edit in (tmp_path / "other.npz", None):
        with pytest.raises(ConfigError, match="was drawn with another edit; delete it"):
            run(replace(config, edit=edit), policy, digest=DIGEST)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"kind": "forecast"}, InvalidInputError, "head.kind: expected edit, residual, cascade"),
        ({"action_dim": 2}, ConfigError, "--edit: expected a head of 1 action dimensions, got 2"),
        ({"window": 5}, ConfigError, "--edit: expected chunks of at least 5 actions, got 4"),
    ],
)
def test_a_head_that_cannot_edit_these_chunks_is_refused(config, changes, error, message):
    """By the name of what does not fit."""
    odd = head(**changes)
    if changes.get("kind") == "forecast":
        arrays = dict(odd.arrays)
        arrays |= {"change_mean": np.zeros(2, np.float32), "change_std": np.ones(2, np.float32)}
        arrays |= {"weight_0": np.ones((3, 2), np.float32), "bias_0": np.zeros(2, np.float32)}
        odd = Head(replace(odd.card, window=1), arrays)
    save_head(config.edit, odd)

    with pytest.raises(error, match=message):
        run(config, policy, digest=DIGEST)
